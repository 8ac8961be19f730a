import { describe, expect, it } from 'vitest'
import { endChoices, instantOf } from './keep-times'
import { stepsOf, supportText, toneOf, wordOf, type Command } from './track'

const at = (second: number) => new Date(Date.parse('2026-11-22T02:31:00Z') + second * 1000).toISOString()
const command = (more: Partial<Command> = {}): Command => ({
  order_id: '77', meter_id: '1', serial: 'T1', account_id: '5', shop_code: 'A101', shop_name: '张记', generation: 3, relay: 'OFF', order_class: 'trip',
  reasons: ['staff'], cause: 'staff:5', ordered_by: '5', ordered_by_name: '王电工', note: '检修', ordered_at: at(0), fetched_at: null, sent_at: null,
  acknowledged_at: null, commanded_at: null, verified_at: null, ended_at: null, end_stage: null, trouble: null, retries: 0, detail: {}, may_cancel: false,
  may_retry: false, ...more,
})

describe('the track of a command', () => {
  it('is amber until it was read back, never green before', () => {
    const steps = [{}, { sent_at: at(1) }, { sent_at: at(1), acknowledged_at: at(2) }, { commanded_at: at(2) }, { trouble: 'unreachable' }]
    expect(steps.map((one) => toneOf(command(one)))).toEqual(Array(5).fill('amber'))
    expect(toneOf(command({ verified_at: at(3), end_stage: 'verified' }))).toBe('good')
  })

  it('tells what went wrong', () => {
    expect(wordOf(command({ end_stage: 'refused', ended_at: at(3) }))).toContain('拒绝')
    expect(wordOf(command({ end_stage: 'superseded', ended_at: at(3) }))).toBe('已被新指令取代')
    expect(toneOf(command({ verified_at: at(3), end_stage: 'verified', trouble: 'contradicted' }))).toBe('bad')
  })

  it('counts the seconds at each step, over steps that were not told', () => {
    const steps = stepsOf(command({ sent_at: at(1.25), verified_at: at(3) }))
    expect(steps.map((step) => step.took)).toEqual(['', '', '+1.3 秒', '', '+1.8 秒'])
  })

  it('does not count backwards where clocks differ', () => {
    expect(stepsOf(command({ fetched_at: at(2), sent_at: at(1) }))[2]?.took).toBe('+0.0 秒')
  })

  it('is written down for support', () => {
    const text = supportText(command({ detail: { unreachable: 'silence' } }))
    expect(text).toContain('指令 77')
    expect(text).toContain('unreachable: silence')
  })
})

describe('ends of a keep-supply', () => {
  it("are the mall's time wherever the browser stands", () => {
    const choices = endChoices(Date.parse('2026-11-22T15:30:00Z'))
    expect(choices.map((one) => one.at)).toEqual(['2026-11-23T03:30', '2026-11-23T10:00', '2026-11-23T23:30', '2026-11-25T23:30'])
    expect(instantOf('2026-11-23T10:00')).toBe('2026-11-23T02:00:00.000Z')
  })
})
