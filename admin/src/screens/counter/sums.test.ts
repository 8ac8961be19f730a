import { describe, expect, it } from 'vitest'
import { daysAfter, daysText, powerText, repeated, repeatedText, type Card } from './sums'

const NOW = Date.parse('2026-03-02T04:00:00Z')
const card = (more: Partial<Card> = {}): Card =>
  ({
    estimated_fen: 10_000,
    overdraft_fen: 0,
    mean_daily_nano: 1_000 * 10_000_000,
    meters: [{ meter_id: '1', serial: '1', relay: 'ON', desired: 'ON', verified: true, read_at: '2026-03-02T04:00:00Z', silent_since_at: null }],
    recent: [],
    off_reasons: [],
    to_restore_fen: 0,
    ...more,
  }) as Card

describe('days after a top-up', () => {
  it('adds the money to what is there', () => {
    expect(daysAfter(card(), 0, NOW)).toBe(10)
    expect(daysAfter(card(), 5_000, NOW)).toBe(15)
  })
  it('counts the silence since the last reading as used', () => {
    expect(daysAfter(card(), 0, NOW + 86_400_000)).toBe(9)
  })
  it('starts below zero when there is a debt', () => {
    expect(daysAfter(card({ estimated_fen: -2_000 }), 5_000, NOW)).toBe(3)
  })
  it('invents nothing', () => {
    expect(daysAfter(card({ mean_daily_nano: null }), 5_000, NOW)).toBeUndefined()
    expect(daysAfter(card({ estimated_fen: null }), 5_000, NOW)).toBeUndefined()
    expect(daysText(undefined)).toBe('数据不足')
  })
  it('is said in whole days from ten on', () => {
    expect(daysText(9.5)).toBe('约 9.5 天')
    expect(daysText(32.7)).toBe('约 32 天')
  })
})

describe('a repetition', () => {
  const recent = [{ entry_id: '1', amount_fen: 50_000, method: 'cash', staff_name: '王', booked_at: '2026-03-02T03:55:00Z' }]
  it('is the same amount within ten minutes', () => {
    expect(repeated(card({ recent }), 50_000)?.entry_id).toBe('1')
    expect(repeated(card({ recent }), 50_001)).toBeUndefined()
    expect(repeatedText(card({ recent }), 50_000, NOW)).toBe('5 分钟前刚充过 ¥500.00，是否重复？')
  })
})

describe('the power after a top-up', () => {
  it('comes back when the money reaches the restore level', () => {
    const off = card({ off_reasons: ['arrears'], to_restore_fen: 1_500 })
    expect(powerText(off, 1_500)).toBe('充值后将自动送电')
    expect(powerText(off, 1_000)).toBe('还差 ¥5.00 才能送电')
  })
  it('does not come back where somebody placed another reason', () => {
    expect(powerText(card({ off_reasons: ['staff', 'arrears'], to_restore_fen: 100 }), 5_000)).toContain('不会送电')
  })
  it('is not spoken of where it is on', () => {
    expect(powerText(card(), 5_000)).toBe('')
  })
})
