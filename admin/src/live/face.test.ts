import { describe, expect, it } from 'vitest'
import { faceOf, stateOf } from './face'
import { ago, NOW, rowOf } from './sample'
import type { Line, Row } from './types'


const line = (poll_s: number): Line => ({ line_id: '9', code: 'L1', gateway_id: '3', gateway: 'G1', gateway_name: '机', shaft: 'S1', shaft_name: '1号井', state: 'well', since_at: null, poll_s })
const stateFor = (more: Partial<Row>) => stateOf(rowOf(more), line(60), NOW)

describe('the one state of a card', () => {
  it('is the worst that is known', () => {
    expect(stateFor({})).toBe('normal')
    expect(stateFor({ level: 1 })).toBe('low')
    expect(stateFor({ level: 2 })).toBe('urgent')
    expect(stateFor({ in_arrears: true })).toBe('urgent')
    expect(stateFor({ in_arrears: true, keep_supply_until: ago(-60) })).toBe('kept')
    expect(stateFor({ relay: 'OFF', keep_supply_until: ago(-60) })).toBe('tripped')
    expect(stateFor({ relay: 'OFF', generation: 2, verified: false })).toBe('pending')
    expect(stateFor({ relay: 'OFF', silent_since_at: ago(9) })).toBe('offline')
    expect(stateFor({ account_id: null, desired: null })).toBe('empty')
  })

  it('never calls a meter well that was not heard', () => {
    expect(stateFor({ shown_at: null })).toBe('offline')
    expect(stateFor({ shown_at: ago(301) })).toBe('offline')
  })

  it('is amber, never green, until an order was read back', () => {
    const face = faceOf(rowOf({ desired: 'OFF', generation: 3, verified: false }), line(60), NOW)
    expect([face.state, face.word]).toEqual(['pending', '断电中，待回读'])
  })
})

describe('age', () => {
  it('is told from twice the poll interval on', () => {
    expect(faceOf(rowOf({ shown_at: ago(119) }), line(60), NOW).isStale).toBe(false)
    const face = faceOf(rowOf({ shown_at: ago(185) }), line(60), NOW)
    expect([face.isStale, face.age]).toEqual([true, '3 分钟前'])
  })

  it('follows the line: what is slow there is not old', () => {
    expect(faceOf(rowOf({ shown_at: ago(185) }), line(120), NOW).isStale).toBe(false)
  })
})

describe('words of a card', () => {
  it('never invent days', () => {
    expect(faceOf(rowOf({ days_left: null }), line(60), NOW).days).toBe('数据不足')
    expect(faceOf(rowOf({ estimated_fen: null, days_left: null }), line(60), NOW).days).toBe('余额未知')
    expect(faceOf(rowOf(), line(60), NOW).days).toBe('约 12 天')
    expect(faceOf(rowOf({ days_left: 0.4 }), line(60), NOW).days).toBe('不足 1 天')
  })

  it('say what the state hides', () => {
    const face = faceOf(rowOf({ relay: 'OFF', in_arrears: true, silent_since_at: ago(9), quarantined: true }), line(60), NOW)
    expect(face.badges).toEqual(['断线前已断电', '欠费', '待核示数'])
  })

  it('measure power by the limit', () => {
    expect(faceOf(rowOf({ power_w: 4_500 }), line(60), NOW).load).toBe(1.5)
    expect(faceOf(rowOf({ power_limit_w: null }), line(60), NOW).load).toBeUndefined()
    expect(faceOf(rowOf({ power_w: null }), line(60), NOW).load).toBeUndefined()
  })
})
