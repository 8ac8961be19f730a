import { expect, it } from 'vitest'
import { covers, lasted, placesOf, stateOf, type AlarmView } from './words'

const AT = '2026-11-22T02:00:00Z'
const alarm = (more: Partial<AlarmView> = {}): AlarmView =>
  ({
    since_at: AT, cleared_at: null, acknowledged_at: null, snoozed_until_at: null,
    object: { kind: 'meter', title: '', place: '', meter_id: '1', account_id: '2', line_id: '3', gateway_id: '4' },
    children: { gateways: [], lines: [], meters: 1, shops: 1, alarms: 0 }, ...more,
  }) as AlarmView

it('has one state, the quietest that holds', () => {
  expect(stateOf(alarm())).toBe('open')
  expect(stateOf(alarm({ acknowledged_at: AT }))).toBe('seen')
  expect(stateOf(alarm({ acknowledged_at: AT, snoozed_until_at: AT }))).toBe('snoozed')
  expect(stateOf(alarm({ snoozed_until_at: AT, cleared_at: AT }))).toBe('over')
})

it('runs while it stands and keeps how long it lasted', () => {
  expect(lasted(alarm(), Date.parse(AT) + 180_000)).toBe('3 分钟')
  expect(lasted(alarm({ cleared_at: '2026-11-22T03:00:00Z' }), Date.parse(AT) + 9e9)).toBe('1 小时')
})

it('says what it explains, and nothing where it explains nothing', () => {
  expect(covers(alarm())).toBe('')
  expect(covers(alarm({ children: { gateways: ['G1'], lines: ['L1', 'L2'], meters: 63, shops: 58, alarms: 2 } }))).toBe('2 条总线、63 块表、58 户')
})

it('leads to what it is about', () => {
  expect(placesOf(alarm()).map((one) => one.to)).toEqual(['/shops/2', '/files/meters/1', '/files/wiring?gateway=4'])
})
