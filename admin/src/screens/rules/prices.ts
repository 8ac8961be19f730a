/** Prices in whole microyuan per kWh; six decimals of a yuan, exact, never through a float. */
import type { Period } from './periods'

export interface PricedPart {
  price_microyuan_per_kwh: number
  floats?: boolean
}

/** 685000 → "0.685000" 元/度. */
export function price6(microyuan: number): string {
  const digits = String(Math.abs(microyuan)).padStart(7, '0')
  return `${microyuan < 0 ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
}

/** "0.685" → 685000; undefined for what is no price of at most six decimals. */
export function microyuanFrom(text: string): number | undefined {
  const match = /^(-?)(\d{1,2})(?:\.(\d{0,6}))?$/.exec(text.trim())
  if (!match) return undefined
  const value = Number(match[2]) * 1_000_000 + Number((match[3] ?? '').padEnd(6, '0'))
  return match[1] && value ? -value : value
}

/** What 1 kWh costs in a period; undefined where a floated part is no whole number of microyuan. */
export function priceIn(parts: PricedPart[], floats: Partial<Record<Period, number>>, period: Period): number | undefined {
  const factor = 1000 + (floats[period] ?? 0)
  let sum = 0
  for (const part of parts) {
    const value = part.price_microyuan_per_kwh * (part.floats ? factor : 1000)
    if (value % 1000) return undefined
    sum += value / 1000
  }
  return sum
}
