/** What alarms are called, and how each looks: colour, shape, word. */
import type { Schemas } from '../../api/client'
import { span } from '../../format/time'

export type AlarmView = Schemas['AlarmView']
export type Severity = 'urgent' | 'major' | 'minor'
export type State = 'open' | 'seen' | 'snoozed' | 'over'

export const SEVERITY: Record<string, { word: string; shape: string }> = {
  urgent: { word: '紧急', shape: '■' },
  major: { word: '重要', shape: '▲' },
  minor: { word: '提示', shape: '●' },
}

export const KIND: Record<string, string> = {
  collector_away: '采集服务失联',
  gateway_down: '通讯管理机断线',
  line_down: '总线断开',
  line_silent: '总线不应答',
  meter_silent: '电表不应答',
  collector_clock: '采集主机时钟',
  reading_jumped: '示数跳变',
  reading_fallen: '示数下降',
  reading_future: '抄表时间超前',
  own_money: '表计脱离平台控制',
  meter_held: '电表保电状态',
  meter_clock: '电表时钟偏差',
  order_unreachable: '指令未送达',
  order_contradicted: '回读不一致',
  order_refused: '指令被拒绝',
  restore_late: '付款后未送电',
  load_trip: '负荷跳闸',
  over_power: '超功率',
  night_power: '夜间超功率',
  profile_unusable: '型号档案不可用',
}
export const kindWord = (kind: string) => KIND[kind] ?? '其他'

export const STATE: Record<State, string> = { open: '未确认', seen: '已确认', snoozed: '暂停提醒', over: '已恢复' }

export function stateOf(alarm: AlarmView): State {
  if (alarm.cleared_at) return 'over'
  if (alarm.snoozed_until_at) return 'snoozed'
  return alarm.acknowledged_at ? 'seen' : 'open'
}

export const STEP: Record<string, string> = {
  raised: '发生',
  reopened: '再次发生',
  worse: '加重',
  child_joined: '并入一条相关告警',
  joined: '并入上级故障',
  left: '上级故障已恢复，仍未恢复',
  acknowledged: '确认',
  assigned: '指派给',
  snoozed: '暂停提醒',
  cleared: '结束',
}

export const TASK: Record<string, string> = {
  no_proof: '通知未送达',
  over_cap: '欠费超上限待裁定',
  emergency_reason: '补填紧急断电原因',
  payment_mismatch: '收款待核',
  power_limit: '超功率待送电',
  keep_supply_ends: '保电即将到期',
  review_keep_supply: '保电复核',
  unreached: '商户未联系上',
}
export const taskWord = (kind: string) => TASK[kind] ?? '待办'

/** "5 分钟" since it began, or how long it lasted. */
export function lasted(alarm: AlarmView, nowMs: number): string {
  const endMs = alarm.cleared_at ? Date.parse(alarm.cleared_at) : nowMs
  return span(Math.max(5, (endMs - Date.parse(alarm.since_at)) / 1000))
}

/** What a root explains, in words; empty for an alarm that explains nothing. */
export function covers(alarm: AlarmView): string {
  const { gateways, lines, meters, shops } = alarm.children
  const parts = [gateways.length > 1 && `${gateways.length} 台通讯管理机`, lines.length && `${lines.length} 条总线`, meters > 1 && `${meters} 块表`, shops > 1 && `${shops} 户`]
  return parts.filter(Boolean).join('、')
}

/** Where an alarm leads to: its shop, its meter, its line or gateway. */
export function placesOf(alarm: AlarmView): { to: string; title: string; permission: string }[] {
  const of = alarm.object
  return [
    { to: of.account_id && `/shops/${of.account_id}`, title: '商铺', permission: 'staff.account.view' },
    { to: of.meter_id && `/files/meters/${of.meter_id}`, title: '电表', permission: 'staff.meter.view' },
    { to: of.kind === 'line' && of.line_id && `/files/wiring?line=${of.line_id}`, title: '总线', permission: 'staff.site.view' },
    { to: of.kind !== 'line' && of.gateway_id && `/files/wiring?gateway=${of.gateway_id}`, title: '通讯管理机', permission: 'staff.site.view' },
  ].filter((one): one is { to: string; title: string; permission: string } => !!one.to)
}
