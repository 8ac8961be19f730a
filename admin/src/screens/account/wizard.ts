/** What the opening wizard holds, what it sends, and which step a complaint belongs to. */
import { newRequestId, type Schemas } from '../../api/client'
import { fenFromYuan } from '../../format/money'

export interface ContactForm {
  name: string
  phone: string
  /** Of an SMS that proved `provedPhone`; another number typed later is unproved again. */
  checkId: string | null
  provedPhone: string
  word: string
}

export interface MeterForm {
  meterId: string
  source: 'read' | 'typed'
  /** 度, as it was typed. */
  register: string
  reason: string
  confirmed: boolean
}

export interface Wizard {
  requestId: string
  step: number
  shopMode: 'vacant' | 'new'
  shopId: string
  code: string
  name: string
  floor: string
  shopClass: string
  tenantName: string
  contractFrom: string
  contractUntil: string
  contacts: ContactForm[]
  meters: MeterForm[]
  tariffId: string
  lowYuan: string
  lowDays: string
  criticalYuan: string
  criticalDays: string
  overdraftYuan: string
  powerLimitKw: string
}

export type Errors = Record<string, string>

export const STEPS = ['商铺与商户', '电表与开户示数', '电价与预警', '核对并开户']

export const newContact = (): ContactForm => ({ name: '', phone: '', checkId: null, provedPhone: '', word: '' })

export const newMeter = (meterId: string, canRead: boolean): MeterForm => ({
  meterId,
  source: canRead ? 'read' : 'typed',
  register: '',
  reason: '',
  confirmed: false,
})

export function newWizard(): Wizard {
  return {
    requestId: newRequestId(),
    step: 0,
    shopMode: 'vacant',
    shopId: '',
    code: '',
    name: '',
    floor: '',
    shopClass: '',
    tenantName: '',
    contractFrom: '',
    contractUntil: '',
    contacts: [newContact()],
    meters: [],
    tariffId: '',
    lowYuan: '',
    lowDays: '',
    criticalYuan: '',
    criticalDays: '',
    overdraftYuan: '',
    powerLimitKw: '',
  }
}

/** A draft as the server kept it; what another version of this page wrote is filled up. */
export function wizardFrom(content: Record<string, unknown>): Wizard {
  const kept = { ...newWizard(), ...content } as Wizard
  kept.step = Math.min(Math.max(0, Number(kept.step) || 0), STEPS.length - 1)
  return kept
}

/** "1,234.5" in thousandths of the unit; undefined for what is no number of at most three decimals. */
export function thousandths(text: string): number | undefined {
  const match = /^(\d{1,9})(?:\.(\d{0,3}))?$/.exec(text.trim().replace(/[,，\s]/g, ''))
  return match ? Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0')) : undefined
}

export const isProved = (one: ContactForm) => one.checkId !== null && one.provedPhone === digits(one.phone)
export const isVerified = (one: ContactForm) => isProved(one) || one.word.trim() !== ''
export const digits = (phone: string) => phone.replace(/\D/g, '').replace(/^86(?=1\d{10}$)/, '')

const isWhole = (text: string) => /^\d{1,2}$/.test(text.trim())

/** What is wrong with one step, before the server is asked; fields as the server names them. */
export function faultsOf(form: Wizard, step: number): Errors {
  const found: Errors = {}
  if (step === 0) shopFaults(form, found)
  if (step === 1) meterFaults(form, found)
  if (step === 2) termFaults(form, found)
  return found
}

function shopFaults(form: Wizard, found: Errors): void {
  if (form.shopMode === 'vacant' && !form.shopId) found['shop.shop_id'] = '请选择商铺'
  if (form.shopMode === 'new' && !form.code.trim()) found['shop.code'] = '请填写商铺编号'
  if (form.shopMode === 'new' && !form.name.trim()) found['shop.name'] = '请填写商铺名称'
  if (!form.tenantName.trim()) found.tenant_name = '请填写商户名称'
  if (form.contractFrom && form.contractUntil && form.contractUntil < form.contractFrom) {
    found.contract_until_on = '合同止期不能早于起期'
  }
  form.contacts.forEach((one, number) => {
    if (!one.name.trim()) found[`contacts.${number}.name`] = '请填写姓名'
    if (!/^1[3-9]\d{9}$/.test(digits(one.phone))) found[`contacts.${number}.phone`] = '请填写 11 位手机号'
  })
}

function meterFaults(form: Wizard, found: Errors): void {
  if (!form.meters.length) found.meters = '请至少选择一块电表'
  form.meters.forEach((one, number) => {
    if (one.source === 'read') return
    if (thousandths(one.register) === undefined) found[`meters.${number}.register_wh`] = '请填写电表显示的示数，最多三位小数'
    if (one.reason.trim().length < 2) found[`meters.${number}.reason`] = '请说明为什么手工填写示数'
  })
}

function termFaults(form: Wizard, found: Errors): void {
  if (!form.tariffId) found.tariff_id = '请选择电价'
  const money = { low_fen: form.lowYuan, critical_fen: form.criticalYuan, overdraft_fen: form.overdraftYuan }
  for (const [name, text] of Object.entries(money)) {
    if (text.trim() && (fenFromYuan(text) ?? -1) < 0) found[`terms.${name}`] = '应为金额，最多两位小数'
  }
  for (const [name, text] of Object.entries({ low_days: form.lowDays, critical_days: form.criticalDays })) {
    if (text.trim() && !isWhole(text)) found[`terms.${name}`] = '应为 0 至 90 的整数'
  }
  if (form.powerLimitKw.trim() && !thousandths(form.powerLimitKw)) found['terms.power_limit_w'] = '应为大于 0 的数字'
}

/** The step on which a field of the server's complaints stands. */
export function stepOf(field: string): number {
  if (/^meters/.test(field)) return 1
  if (/^(tariff_id|terms)/.test(field)) return 2
  return /^(shop|tenant_name|contract|contacts)/.test(field) ? 0 : 3
}

export function bodyOf(form: Wizard): Schemas['Opening'] {
  const isNew = form.shopMode === 'new'
  const fen = (text: string) => (text.trim() ? (fenFromYuan(text) ?? null) : null)
  const whole = (text: string) => (text.trim() ? Number(text) : null)
  return {
    request_id: form.requestId,
    shop: isNew
      ? { code: form.code, name: form.name, floor: form.floor, shop_class: form.shopClass }
      : { shop_id: form.shopId, name: form.name },
    tenant_name: form.tenantName,
    contract_from_on: form.contractFrom || null,
    contract_until_on: form.contractUntil || null,
    contacts: form.contacts.map((one) => ({
      name: one.name,
      phone: one.phone,
      check_id: isProved(one) ? one.checkId : null,
      word: isProved(one) ? '' : one.word,
    })),
    meters: form.meters.map((one) =>
      one.source === 'read'
        ? { meter_id: one.meterId }
        : {
            meter_id: one.meterId,
            register_wh: thousandths(one.register) ?? null,
            reason: one.reason,
            confirmed: one.confirmed,
          },
    ),
    tariff_id: form.tariffId,
    terms: {
      low_fen: fen(form.lowYuan),
      low_days: whole(form.lowDays),
      critical_fen: fen(form.criticalYuan),
      critical_days: whole(form.criticalDays),
      overdraft_fen: fen(form.overdraftYuan),
      power_limit_w: form.powerLimitKw.trim() ? (thousandths(form.powerLimitKw) ?? null) : null,
    },
  }
}
