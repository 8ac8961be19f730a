import { expect, it } from 'vitest'
import { formOf, shownValue, valuesOf, type PolicyValues } from './policy-form'

const VALUES: PolicyValues = {
  low_fen: 10_000,
  low_days: 5,
  critical_fen: 5_000,
  critical_days: 2,
  overdraft_fen: 0,
  restore_level_fen: 1_000,
  hoard_limit_fen: 5_000_000,
  delay_s: 1_800,
  no_trip_windows: ['18:00-09:30'],
  no_trip_weekends: true,
  no_trip_holidays: true,
  debt_cap_days: 2,
}

it('gives back what it was given', () => {
  expect(valuesOf(formOf(VALUES)).values).toEqual(VALUES)
})

it('says which amount cannot be read', () => {
  const form = formOf(VALUES)
  form.money.low_fen = '一百'
  expect(valuesOf(form)).toEqual({ fields: { low_fen: '请填写金额，最多两位小数' } })
})

it('writes values as people read them', () => {
  expect([shownValue('low_fen', 12_345), shownValue('delay_s', 1_800), shownValue('no_trip_weekends', false), shownValue('own_days', [])]).toEqual(['¥123.45', '30 分钟', '否', '无'])
})
