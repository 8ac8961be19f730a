import { describe, expect, it } from 'vitest'
import { changeText, chartOf, periodsOf, placeText, rangeOf, type Usage } from './usage'

const use = (energy_wh: number) => ({ energy_wh, sharp_wh: 0, peak_wh: energy_wh / 2, flat_wh: energy_wh / 2, valley_wh: 0, deep_valley_wh: 0, cost_fen: 1, estimated: false })
const usage: Usage = {
  by: 'day', first_on: '2026-11-01', last_on: '2026-11-02', before_first_on: '2026-10-30', before_last_on: '2026-10-31', has_periods: true,
  buckets: [{ at: '2026-11-01', use: use(2_000), before_wh: 1_000 }, { at: '2026-11-02', use: null, before_wh: null }],
  total: use(2_000), before_total: use(1_000), meters: [{ meter_id: '1', serial: 'T1', energy_wh: [2_000, null], total: use(2_000) }],
}

describe('the range', () => {
  it('reaches back 30 days or 13 months', () => {
    expect(rangeOf('day', '2026-11-25')).toEqual(['2026-10-27', '2026-11-25'])
    expect(rangeOf('month', '2026-11-25')).toEqual(['2025-11-01', '2026-11-25'])
    expect(rangeOf('month', '2026-01-05')).toEqual(['2025-01-01', '2026-01-05'])
    expect(rangeOf('hour', '2026-11-25')).toEqual(['2026-11-24', '2026-11-25'])
  })
  it('names its places', () => {
    expect([placeText('2026-11-22T09', 'hour'), placeText('2026-11-22', 'day'), placeText('2026-11', 'month')]).toEqual(['11-22 09 时', '11-22', '2026-11'])
  })
})

describe('the chart', () => {
  it('stacks the periods that occur over the period before, with gaps for what was not read', () => {
    const series = chartOf(usage, false).series as { name: string; data: (number | null)[] }[]
    expect(series.map((one) => [one.name, one.data])).toEqual([['峰', [1, null]], ['平', [1, null]], ['上期', [1, null]]])
    expect(periodsOf(usage).map(([name]) => name)).toEqual(['峰', '平'])
  })
  it('compares, and makes nothing up', () => {
    expect(changeText(usage)).toBe('+100%')
    expect(changeText({ ...usage, before_total: null })).toBe('')
  })
})
