/** The range that a usage tab asks for, and how its buckets are drawn and written. */
import type { Schemas } from '../../api/client'
import type { ChartOption } from '../../charts/option'

export type Usage = Schemas['ShopUsage']
export type By = 'hour' | 'day' | 'month'
const DAY_MS = 86_400_000

const dayText = (ms: number) => new Date(ms).toISOString().slice(0, 10)

/** What is shown first: yesterday and today by hour, 30 days, or 13 months; `today` is the mall's. */
export function rangeOf(by: By, today: string): [string, string] {
  const last = Date.parse(today)
  if (by === 'hour') return [dayText(last - DAY_MS), today]
  if (by === 'day') return [dayText(last - 29 * DAY_MS), today]
  const month = Number(today.slice(0, 4)) * 12 + Number(today.slice(5, 7)) - 1 - 12
  return [`${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}-01`, today]
}

export function placeText(at: string, by: By): string {
  if (by === 'hour') return `${at.slice(5, 10)} ${at.slice(11)} 时`
  return by === 'day' ? at.slice(5) : at
}

const PERIODS = [
  ['尖', 'sharp_wh'],
  ['峰', 'peak_wh'],
  ['平', 'flat_wh'],
  ['谷', 'valley_wh'],
  ['深谷', 'deep_valley_wh'],
] as const
const COLOURS: Record<string, string> = { 尖: '#b42318', 峰: '#a15c00', 平: '#1f5fd6', 谷: '#0b7a4b', 深谷: '#5b3fb5' }

/** Periods that occur at all; an hour lies within one, so hours show the sum. */
export function periodsOf(usage: Usage) {
  return usage.has_periods ? PERIODS.filter(([, key]) => (usage.total?.[key] ?? 0) > 0) : []
}

/** Bars by period, or by meter, over a line of the period before. What was not read is a gap. */
export function chartOf(usage: Usage, byMeter: boolean): ChartOption {
  const inKwh = (wh: number | null | undefined) => (wh == null ? null : wh / 1000)
  const places = usage.buckets.map((one) => placeText(one.at, usage.by as By))
  const periods = periodsOf(usage)
  const bars = byMeter
    ? usage.meters.map((one) => ({ name: one.serial, type: 'bar' as const, stack: 'use', data: one.energy_wh.map(inKwh) as number[] }))
    : periods.length
      ? periods.map(([name, key]) => ({ name, type: 'bar' as const, stack: 'use', itemStyle: { color: COLOURS[name] }, data: usage.buckets.map((one) => inKwh(one.use?.[key])) as number[] }))
      : [{ name: '用电', type: 'bar' as const, data: usage.buckets.map((one) => inKwh(one.use?.energy_wh)) as number[] }]
  const before = { name: '上期', type: 'line' as const, symbol: 'none', lineStyle: { type: 'dashed' as const }, itemStyle: { color: '#5c6470' }, data: usage.buckets.map((one) => inKwh(one.before_wh)) as number[] }
  return {
    legend: { data: [...bars.map((one) => one.name), '上期'] },
    xAxis: { type: 'category', data: places },
    yAxis: { type: 'value', name: '度' },
    series: [...bars, before],
  }
}

/** "+12%" against the period before; empty where there is nothing to compare with. */
export function changeText(usage: Usage): string {
  const before = usage.before_total?.energy_wh ?? 0
  if (!usage.total || before <= 0) return ''
  const percent = Math.round((usage.total.energy_wh / before - 1) * 100)
  return percent >= 0 ? `+${percent}%` : `−${-percent}%`
}
