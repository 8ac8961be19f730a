/** What a shop's screens call things. */
import type { Schemas } from '../../api/client'
import { yuanText } from '../../format/money'

export type Account = Schemas['AccountDetail']
export type ShopMeter = Schemas['ShopMeter']
export type FlowEntry = Schemas['FlowEntry']

export const PERIODS: Record<string, string> = { SHARP: '尖', PEAK: '峰', FLAT: '平', VALLEY: '谷', DEEP_VALLEY: '深谷' }
export const REGISTER_NAMES = ['尖', '峰', '平', '谷']

export const LEVELS: Record<string, string> = {
  LOW: '余额偏低提醒', CRITICAL: '余额即将用完提醒', LAST: '最后提醒', TRIPPED: '断电通知', RESTORED: '送电通知', POWER: '超功率提醒', TEST: '测试消息',
}
export const CHANNELS: Record<string, string> = { subscribe: '微信订阅消息', template: '服务号消息', sms: '短信' }
export const DELIVERIES: Record<string, string> = {
  queued: '待发送', accepted: '已提交，等待回执', delivered: '已送达', failed: '发送失败', unknown: '结果未知',
}
export const READINGS: Record<string, string> = { poll: '定时抄表', request: '立即抄表', verify: '回读', frozen: '日冻结', changed: '换表示数', typed: '人工录入' }
export const VERDICTS: Record<string, string> = { future: '时间超前', fallen: '示数回退', jumped: '示数突增', unused: '备查', rejected: '已判为错误' }

export function daysText(account: Pick<Account, 'days_left' | 'in_arrears' | 'estimated_fen' | 'why_no_days'>): string {
  if (account.estimated_fen === null) return '—'
  if (account.in_arrears) return '已欠费'
  if (account.days_left === null) return '—'
  return account.days_left < 1 ? '不足 1 天' : `约 ${Math.floor(account.days_left)} 天`
}

/** Nanoyuan as yuan with as many decimals as it has, at least two: nothing is rounded away in a formula. */
export function exactYuan(nano: number): string {
  const text = String(Math.abs(nano)).padStart(10, '0')
  const whole = text.slice(0, -9).replace(/\B(?=(\d{3})+$)/g, ',')
  const part = text.slice(-9).replace(/0{1,7}$/, '')
  return `${nano < 0 ? '-' : ''}${whole}.${part}`
}

/** Power factor from what was measured, in hundredths; undefined where a phase is missing or nothing flows. */
export function powerFactor(meter: Pick<ShopMeter, 'power_w' | 'voltage_mv' | 'current_ma'>): number | undefined {
  const { power_w, voltage_mv, current_ma } = meter
  if (power_w === null || !voltage_mv || !current_ma || voltage_mv.length !== current_ma.length) return undefined
  const apparent = voltage_mv.reduce((sum, mv, at) => sum + (mv / 1000) * (current_ma[at]! / 1000), 0)
  if (apparent < 1) return undefined
  return Math.min(1, Math.abs(power_w) / apparent)
}

export const signedYuan = (fen: number) => (fen > 0 ? `+${yuanText(fen)}` : yuanText(fen))

/** A register as the meter shows it: two decimals of a kWh. */
export const register = (wh: number | null | undefined) => (wh == null ? '—' : (wh / 1000).toFixed(2))
