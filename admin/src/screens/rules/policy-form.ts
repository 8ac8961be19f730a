/** The policy as the form holds it: money as it is typed, the delay in minutes. */
import type { Schemas } from '../../api/client'
import { fenFromYuan, yuanText } from '../../format/money'

export type PolicyValues = Schemas['PolicyValues']
export const MONEY = ['low_fen', 'critical_fen', 'overdraft_fen', 'restore_level_fen', 'hoard_limit_fen'] as const
export type MoneyName = (typeof MONEY)[number]
export type TermName = 'low_fen' | 'low_days' | 'critical_fen' | 'critical_days' | 'overdraft_fen' | 'restore_level_fen'

export const TERM_WORDS: Record<TermName, string> = {
  low_fen: '一级预警金额',
  low_days: '一级预警天数',
  critical_fen: '二级预警金额',
  critical_days: '二级预警天数',
  overdraft_fen: '透支额度',
  restore_level_fen: '复电金额',
}

export const NAME_WORDS: Record<string, string> = {
  ...TERM_WORDS,
  delay_s: '最后预警后等待',
  no_trip_windows: '每日免断时段',
  no_trip_weekends: '周末免断',
  no_trip_holidays: '节假日免断',
  debt_cap_days: '欠费上限',
  hoard_limit_fen: '余额上限',
  own_days: '自定日期',
  own_years: '已录全的年份',
}

export interface PolicyForm {
  money: Record<MoneyName, string>
  low_days: number
  critical_days: number
  delay_minutes: number
  windows: { start: string; end: string }[]
  no_trip_weekends: boolean
  no_trip_holidays: boolean
  debt_cap_days: number
}

export function formOf(values: PolicyValues): PolicyForm {
  return {
    money: Object.fromEntries(MONEY.map((name) => [name, yuanText(values[name])])) as Record<MoneyName, string>,
    low_days: values.low_days,
    critical_days: values.critical_days,
    delay_minutes: values.delay_s / 60,
    windows: values.no_trip_windows.map((text) => ({ start: text.slice(0, 5), end: text.slice(6) })),
    no_trip_weekends: values.no_trip_weekends,
    no_trip_holidays: values.no_trip_holidays,
    debt_cap_days: values.debt_cap_days,
  }
}

/** Turn the form into values, or say what cannot be read, by field. */
export function valuesOf(form: PolicyForm): { values?: PolicyValues; fields: Record<string, string> } {
  const fields: Record<string, string> = {}
  const money: Partial<Record<MoneyName, number>> = {}
  for (const name of MONEY) {
    const fen = fenFromYuan(form.money[name])
    if (fen === undefined) fields[name] = '请填写金额，最多两位小数'
    else money[name] = fen
  }
  if (form.windows.some((one) => !/^\d\d:\d\d$/.test(one.start) || !/^\d\d:\d\d$/.test(one.end))) fields.no_trip_windows = '时间写作 18:00'
  if (Object.keys(fields).length) return { fields }
  return {
    fields,
    values: {
      ...(money as Record<MoneyName, number>),
      low_days: form.low_days,
      critical_days: form.critical_days,
      delay_s: Math.round(form.delay_minutes * 60),
      no_trip_windows: form.windows.map((one) => `${one.start}-${one.end}`),
      no_trip_weekends: form.no_trip_weekends,
      no_trip_holidays: form.no_trip_holidays,
      debt_cap_days: form.debt_cap_days,
    },
  }
}

/** One value as people read it in a list of changes. */
export function shownValue(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? '是' : '否'
  if (name === 'own_days' && Array.isArray(value)) {
    return value.length ? value.map((day) => `${day.on} ${day.name}${day.off === true ? '（放假）' : day.off === false ? '（上班）' : '（免断）'}`).join('、') : '无'
  }
  if (Array.isArray(value)) return value.length ? value.join('、') : '无'
  if (typeof value !== 'number') return String(value)
  if (name.endsWith('_fen')) return `¥${yuanText(value)}`
  if (name.endsWith('_days')) return `${value} 天`
  return name === 'delay_s' ? `${value / 60} 分钟` : String(value)
}
