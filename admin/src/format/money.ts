/** Money is whole fen up to here; no floats, so that no sum is ever a cent off. */

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',')
}

/** 123456 → "1,234.56"; negative with the minus first. */
export function yuanText(fen: number): string {
  const digits = String(Math.abs(fen)).padStart(3, '0')
  return `${fen < 0 ? '-' : ''}${grouped(digits.slice(0, -2))}.${digits.slice(-2)}`
}

/** 123456 → "¥1,234.56", -5 → "-¥0.05"; nothing known → "—". */
export function yuan(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return '—'
  return fen < 0 ? `-¥${yuanText(-fen)}` : `¥${yuanText(fen)}`
}

/** "1,234.5" → 123450; undefined for what is no amount of at most two decimals. */
export function fenFromYuan(text: string): number | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{0,2}))?$/.exec(text.trim().replace(/[,，¥￥\s]/g, ''))
  if (!match) return undefined
  const fen = Number(match[2]) * 100 + Number((match[3] ?? '').padEnd(2, '0'))
  return match[1] && fen ? -fen : fen
}
