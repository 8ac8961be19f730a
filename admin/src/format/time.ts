/** Times are UTC in the API and the mall's (Asia/Shanghai) on the page, wherever the browser stands. */

const FULL = new Intl.DateTimeFormat('zh-CN', {
  timeZone: 'Asia/Shanghai',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

let aheadMs = 0

/** Remember how far the server's clock is from this machine's: ages are told by the server's. */
export function noteServerTime(text: string | null): void {
  const at = text ? Date.parse(text) : NaN
  if (!Number.isNaN(at)) aheadMs = at - Date.now()
}

export const serverNowMs = () => Date.now() + aheadMs

function parts(at: string | number): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { type, value } of FULL.formatToParts(new Date(at))) found[type] = value
  return found
}

/** "2026-11-22 10:31:02"; nothing known → "—". */
export function fullTime(at: string | number | null | undefined): string {
  if (at == null) return '—'
  const one = parts(at)
  return `${one.year}-${one.month}-${one.day} ${one.hour}:${one.minute}:${one.second}`
}

/** "11-22 10:31:02". */
export const shortTime = (at: string | number | null | undefined) => (at == null ? '—' : fullTime(at).slice(5))

/** "10:31:02" and "10:31". */
export const clockTime = (at: string | number | null | undefined) => (at == null ? '—' : fullTime(at).slice(11))
export const minuteTime = (at: string | number | null | undefined) => (at == null ? '—' : fullTime(at).slice(11, 16))

/** The mall's day of an instant, "2026-11-22"; today's unless another is given. */
export const localDay = (at: string | number = serverNowMs()) => fullTime(at).slice(0, 10)

/** Seconds → "刚刚", "45 秒", "3 分钟", "5 小时", "2 天". */
export function span(seconds: number): string {
  if (seconds < 5) return '刚刚'
  if (seconds < 60) return `${Math.floor(seconds)} 秒`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} 小时`
  return `${Math.floor(seconds / 86_400)} 天`
}

/** How long ago: "刚刚", "3 分钟前". */
export function ageText(at: string, nowMs = serverNowMs()): string {
  const text = span(Math.max(0, (nowMs - Date.parse(at)) / 1000))
  return text === '刚刚' ? text : `${text}前`
}
