/** A shop's row for tests: read five seconds before NOW, paid, on. */
import type { Row } from './types'

export const NOW = Date.parse('2026-11-22T02:31:00Z')
export const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()

export const rowOf = (more: Partial<Row> = {}): Row => ({
  meter_id: '1', serial: 'T1', kind: 'prepaid', shaft: 'S1', shaft_name: '1号井', line: 'L1', line_id: '9', unit: 1, place: '',
  account_id: '5', shop_code: 'A101', shop_name: '张记', floor: '1F', settled_fen: 5_000, estimated_fen: 5_000, days_left: 12.7,
  in_arrears: false, armed: true, level: 0, read_at: ago(5), shown_at: ago(5), register_wh: 1_000, today_wh: 100, power_w: 1_200,
  relay: 'ON', relay_at: ago(5), desired: 'ON', generation: 0, verified: true, stage: null, desired_at: null, holds: [],
  quarantined: false, silent_since_at: null, keep_supply_until: null, off_reasons: [], power_limit_w: 3_000, power_state: null, ...more,
})
