import { describe, expect, it } from 'vitest'
import { daysText, exactYuan, powerFactor, register, signedYuan } from './words'

describe('money in a formula', () => {
  it('keeps every digit that it has', () => {
    expect(exactYuan(1_272_824_000)).toBe('1.272824')
    expect(exactYuan(952_000)).toBe('0.000952')
    expect(exactYuan(1_000_000_000)).toBe('1.00')
    expect(exactYuan(-12_345_000_000_001)).toBe('-12,345.000000001')
  })

  it('says whether it came or went', () => {
    expect([signedYuan(12_345), signedYuan(-5), signedYuan(0)]).toEqual(['+123.45', '-0.05', '0.00'])
  })
})

describe('power factor', () => {
  it('is what was measured over what it could be', () => {
    expect(powerFactor({ power_w: 990, voltage_mv: [220_000], current_ma: [5_000] })).toBeCloseTo(0.9)
  })

  it('is not made up', () => {
    expect(powerFactor({ power_w: null, voltage_mv: [220_000], current_ma: [5_000] })).toBeUndefined()
    expect(powerFactor({ power_w: 990, voltage_mv: null, current_ma: [5_000] })).toBeUndefined()
    expect(powerFactor({ power_w: 0, voltage_mv: [220_000], current_ma: [0] })).toBeUndefined()
  })
})

describe('days', () => {
  const account = { estimated_fen: 5_000, in_arrears: false, days_left: 3.9, why_no_days: null }
  it('are whole days, and unknown stays unknown', () => {
    expect(daysText(account)).toBe('约 3 天')
    expect(daysText({ ...account, days_left: 0.5 })).toBe('不足 1 天')
    expect(daysText({ ...account, days_left: null })).toBe('—')
    expect(daysText({ ...account, in_arrears: true })).toBe('已欠费')
  })

  it('a register shows what the meter shows', () => {
    expect([register(1_001_230), register(null)]).toEqual(['1001.23', '—'])
  })
})
