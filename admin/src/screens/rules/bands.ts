/** The bands of a day (时段): "HH:MM" to "HH:MM", the last one to 24:00. Minutes are local minutes of the day. */
import type { Period } from './periods'

export interface Band {
  start: string
  end: string
  period: Period
}

export const DAY = 1440

export const clockOf = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

/** Read "8:30", "08:30", "0830" or "8"; undefined for what is no time of the day. */
export function minuteOf(text: string): number | undefined {
  const match = /^(\d{1,2})(?:[:：]?(\d{2}))?$/.exec(text.trim())
  if (!match) return undefined
  const minute = Number(match[1]) * 60 + Number(match[2] ?? 0)
  return Number(match[2] ?? 0) < 60 && minute <= DAY ? minute : undefined
}

export const wholeDay = (period: Period = 'FLAT'): Band[] => [{ start: '00:00', end: '24:00', period }]

/** What is wrong, by the number of a band: the same complaints as the server's. */
export function problemsOf(bands: Band[]): Record<number, string> {
  const problems: Record<number, string> = {}
  let at = 0
  bands.forEach((band, number) => {
    const start = minuteOf(band.start)
    const end = minuteOf(band.end)
    if (start === undefined || end === undefined) problems[number] = '时间写作 08:00'
    else {
      if (start > at) problems[number] = `${clockOf(at)} 至 ${clockOf(start)} 没有时段`
      else if (start < at) problems[number] = `${clockOf(start)} 至 ${clockOf(Math.min(at, end))} 与前一时段重叠`
      else if (end <= start) problems[number] = '结束时间须晚于开始时间'
      at = Math.max(at, end)
    }
  })
  if (at < DAY && bands.length && !problems[bands.length - 1]) problems[bands.length - 1] = `${clockOf(at)} 至 24:00 没有时段`
  return problems
}

/** Move the boundary between a band and the next one; neither may vanish. */
export function moveBoundary(bands: Band[], number: number, minute: number): Band[] {
  const left = bands[number]
  const right = bands[number + 1]
  if (!left || !right) return bands
  const least = (minuteOf(left.start) ?? 0) + 1
  const most = (minuteOf(right.end) ?? DAY) - 1
  const at = clockOf(Math.min(most, Math.max(least, minute)))
  return bands.map((band, index) =>
    index === number ? { ...band, end: at } : index === number + 1 ? { ...band, start: at } : band,
  )
}

/** Cut a band in two halves, at a full quarter of an hour where there is one; the new one has another period. */
export function splitBand(bands: Band[], number: number, period: Period): Band[] {
  const band = bands[number]
  if (!band) return bands
  const start = minuteOf(band.start) ?? 0
  const end = minuteOf(band.end) ?? DAY
  if (end - start < 2) return bands
  const half = Math.round((start + end) / 2 / 15) * 15
  const at = clockOf(half > start && half < end ? half : Math.floor((start + end) / 2))
  return [...bands.slice(0, number), { ...band, end: at }, { start: at, end: band.end, period }, ...bands.slice(number + 1)]
}

/** Take a band out; the one before it (or after the first) gets its time. */
export function removeBand(bands: Band[], number: number): Band[] {
  if (bands.length < 2) return bands
  const gone = bands[number]
  const rest = bands.filter((_, index) => index !== number)
  if (!gone) return bands
  if (number === 0) rest[0] = { ...rest[0]!, start: gone.start }
  else rest[number - 1] = { ...rest[number - 1]!, end: gone.end }
  return rest
}
