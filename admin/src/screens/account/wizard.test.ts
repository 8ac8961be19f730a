import { describe, expect, it } from 'vitest'
import { bodyOf, faultsOf, isProved, newMeter, newWizard, stepOf, thousandths, wizardFrom } from './wizard'

describe('the opening wizard', () => {
  it('reads registers without a float', () => {
    expect(['1234.56', '1,234.5', '0', '12.', '1234.5678', 'abc', '-1'].map(thousandths)).toEqual([
      1_234_560,
      1_234_500,
      0,
      12_000,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('sends nothing for what was left to the default', () => {
    const form = { ...newWizard(), lowYuan: '120.5', powerLimitKw: '3.5' }
    expect(bodyOf(form).terms).toEqual({
      low_fen: 12_050,
      low_days: null,
      critical_fen: null,
      critical_days: null,
      overdraft_fen: null,
      power_limit_w: 3_500,
    })
  })

  it('forgets a proof when another number is typed', () => {
    const form = newWizard()
    const one = form.contacts[0]!
    Object.assign(one, { name: '李四', phone: '139 0000 1234', checkId: '7', provedPhone: '13900001234' })
    expect(isProved(one)).toBe(true)
    one.phone = '13900009999'
    expect(bodyOf(form).contacts[0]!.check_id).toBeNull()
  })

  it('says what is missing on each step', () => {
    const form = newWizard()
    expect(Object.keys(faultsOf(form, 0))).toEqual(['shop.shop_id', 'tenant_name', 'contacts.0.name', 'contacts.0.phone'])
    form.meters.push(newMeter('1', false))
    expect(Object.keys(faultsOf(form, 1))).toEqual(['meters.0.register_wh', 'meters.0.reason'])
    expect(Object.keys(faultsOf(form, 2))).toEqual(['tariff_id'])
  })

  it('knows the step of a complaint', () => {
    expect(['shop.code', 'contacts.1.phone', 'meters.0.meter_id', 'terms.low_fen', 'request_id'].map(stepOf)).toEqual([0, 0, 1, 2, 3])
  })

  it('takes back a draft, also of another version', () => {
    expect(wizardFrom({ step: 9, code: 'B1' })).toMatchObject({ step: 3, code: 'B1', meters: [] })
  })
})
