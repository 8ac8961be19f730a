/** How long an alarm may be quiet: half an hour, two hours, or to tomorrow's work (08:00 of the mall). */
import { localDay, serverNowMs } from '../../format/time'

export const SNOOZES = [
  { key: 'half', label: '30 分钟' },
  { key: 'two', label: '2 小时' },
  { key: 'tomorrow', label: '到明天 8:00' },
] as const
export type SnoozeKey = (typeof SNOOZES)[number]['key']

export function untilOf(key: SnoozeKey, nowMs = serverNowMs()): string {
  if (key === 'half') return new Date(nowMs + 30 * 60_000).toISOString()
  if (key === 'two') return new Date(nowMs + 120 * 60_000).toISOString()
  return new Date(`${localDay(nowMs + 86_400_000)}T08:00:00+08:00`).toISOString()
}
