/** Made once for each number of decimals: making one takes longer than a hundred uses. */
const formats = new Map<number, Intl.NumberFormat>()

function formatOf(decimals: number): Intl.NumberFormat {
  let found = formats.get(decimals)
  if (!found) formats.set(decimals, (found = new Intl.NumberFormat('zh-CN', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })))
  return found
}

/** 12345 Wh → "12.3" 度; nothing known → "—". */
export function kwh(wh: number | null | undefined, decimals = 1): string {
  if (wh === null || wh === undefined) return '—'
  return formatOf(decimals).format(wh / 1000)
}

/** 12345 W → "12.35 kW"; nothing known → "—". */
export function kw(w: number | null | undefined): string {
  return w === null || w === undefined ? '—' : `${(w / 1000).toFixed(2)} kW`
}

/** 229800 mV → "229.8 V"; 5400 mA → "5.40 A". */
export const volts = (mv: number | null | undefined) => (mv == null ? '—' : `${(mv / 1000).toFixed(1)} V`)
export const amperes = (ma: number | null | undefined) => (ma == null ? '—' : `${(ma / 1000).toFixed(2)} A`)

/** 685000 microyuan per kWh → "0.685000" 元/度, without zeros that say nothing beyond four decimals. */
export function price(microyuan: number): string {
  const digits = String(microyuan).padStart(7, '0')
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/0{1,2}$/, '')
}
