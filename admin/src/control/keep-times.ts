/** Ends of a keep-supply as people say them, in the mall's time. */
import { fullTime } from '../format/time'

const HOUR_MS = 3_600_000

/** Value of a datetime-local field: "2026-11-22T10:31", the mall's time. */
export const atText = (ms: number) => fullTime(ms).slice(0, 16).replace(' ', 'T')

/** The other way round: the mall has no summer time, so the offset is fixed. */
export const instantOf = (text: string) => new Date(`${text}:00+08:00`).toISOString()

export function endChoices(nowMs: number): { word: string; at: string }[] {
  const tomorrow = fullTime(nowMs + 24 * HOUR_MS).slice(0, 10)
  return [
    { word: '4 小时', at: atText(nowMs + 4 * HOUR_MS) },
    { word: '明天 10:00', at: `${tomorrow}T10:00` },
    { word: '24 小时', at: atText(nowMs + 24 * HOUR_MS) },
    { word: '72 小时', at: atText(nowMs + 72 * HOUR_MS) },
  ]
}
