import { describe, expect, it } from 'vitest'
import { rowOf } from '../../live/sample'
import { faceOf } from '../../live/face'
import type { Line, Row } from '../../live'
import { arrange, countsOf, gatewaysOf, isDark, type Wish } from './arrange'

const NOW = Date.parse('2026-11-22T02:31:00Z')
const wish = (more: Partial<Wish> = {}): Wish => ({ groupBy: 'shaft', sortBy: 'days', kind: 'shop', group: '', state: '', text: '', ...more })
const faces = (rows: Row[]) => new Map(rows.map((row) => [row.meter_id, faceOf(row, undefined, NOW)]))
const shops = (rows: Row[], more: Partial<Wish> = {}) => arrange(rows, faces(rows), wish(more)).map((group) => [group.key, ...group.ids])

const MALL = [
  rowOf({ meter_id: '1', shop_code: 'A102', days_left: 9 }),
  rowOf({ meter_id: '2', shop_code: 'A101', days_left: null, power_w: null }),
  rowOf({ meter_id: '3', shop_code: 'A110', estimated_fen: -500, in_arrears: true, days_left: 0 }),
  rowOf({ meter_id: '4', shop_code: 'B201', shaft: 'S2', floor: '2F', days_left: 1.5, power_w: 9_000, silent_since_at: '2026-11-22T02:00:00Z' }),
  rowOf({ meter_id: '5', kind: 'public', account_id: null, shop_code: null, shop_name: null, floor: null, place: '走廊照明' }),
]

describe('the board', () => {
  it('puts first who runs out first; what cannot be told comes last', () => {
    expect(shops(MALL)).toEqual([['S1', '3', '1', '2'], ['S2', '4']])
  })

  it('sorts by number and by power', () => {
    expect(shops(MALL, { sortBy: 'code' })[0]).toEqual(['S1', '2', '1', '3'])
    expect(shops(MALL, { sortBy: 'power', group: 'S1' })[0]?.[3]).toBe('2')
  })

  it('groups by floor, public areas by themselves', () => {
    expect(shops(MALL, { groupBy: 'floor', kind: 'all' }).map(([key]) => key)).toEqual(['1F', '2F', '公区'])
  })

  it('narrows by state, text and kind', () => {
    expect(shops(MALL, { state: 'urgent' })).toEqual([['S1', '3'], ['S2']])
    expect(shops(MALL, { text: 'b20' })).toEqual([['S1'], ['S2', '4']])
    expect(shops(MALL, { kind: 'public', text: '照明' })).toEqual([['S1', '5']])
  })

  it('counts what a head says whatever the filter', () => {
    const [, second] = arrange(MALL, faces(MALL), wish({ text: 'nobody' }))
    expect([second?.online, second?.all]).toEqual([0, 1])
  })

  it('counts each shop once', () => {
    const counts = countsOf(MALL, faces(MALL), 'shop')
    expect([counts.urgent, counts.offline, counts.normal]).toEqual([1, 1, 2])
  })
})

describe('gateways', () => {
  const line = (line_id: string, gateway: string, state: string): Line => ({ line_id, code: line_id, gateway_id: gateway, gateway, gateway_name: '', shaft: 'S1', shaft_name: '', state, since_at: null, poll_s: 60 })

  it('show the worst of their lines', () => {
    const heads = gatewaysOf([line('1', 'G1', 'well'), line('2', 'G1', 'line_down'), line('3', 'G2', 'gateway_down')], 'S1')
    expect(heads.map((one) => [one.gateway, one.state, isDark(one)])).toEqual([['G1', 'line_down', false], ['G2', 'gateway_down', true]])
  })
})
