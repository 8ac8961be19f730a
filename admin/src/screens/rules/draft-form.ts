/** A version as the form holds it: prices and floats as they are typed, turned into content when it is sent. */
import type { Schemas } from '../../api/client'
import { wholeDay, type Band } from './bands'
import { PERIODS, type ComponentKind, type Period } from './periods'
import { microyuanFrom, price6, priceIn } from './prices'

export type VersionContent = Schemas['VersionContent']
export type SpecialDays = Schemas['SpecialPart']['days']

export interface DraftForm {
  valid_from: string
  components: { kind: ComponentKind; name: string; price: string; floats: boolean }[]
  /** Percent above or below 平. */
  percent: Record<Period, number>
  bands: Band[]
  seasons: { name: string; first: string; last: string; bands: Band[] }[]
  special_days: { days: SpecialDays; dates: string[]; bands: Band[] }[]
  cycle: '' | 'MONTH' | 'YEAR'
  steps: { above_kwh: string; surcharge: string }[]
}

const noFloats = () => Object.fromEntries(PERIODS.map((period) => [period, 0])) as Record<Period, number>

export function formOf(content: VersionContent): DraftForm {
  const percent = noFloats()
  for (const [period, permille] of Object.entries(content.float_permille)) percent[period as Period] = permille / 10
  return {
    valid_from: content.valid_from,
    components: content.components.map((part) => ({
      kind: part.kind,
      name: part.name,
      price: price6(part.price_microyuan_per_kwh),
      floats: part.floats ?? false,
    })),
    percent,
    bands: content.bands.map((band) => ({ ...band })),
    seasons: (content.seasons ?? []).map((one) => ({ ...one, bands: one.bands.map((band) => ({ ...band })) })),
    special_days: (content.special_days ?? []).map((one) => ({
      days: one.days,
      dates: [...(one.dates ?? [])],
      bands: one.bands.map((band) => ({ ...band })),
    })),
    cycle: content.tiers?.cycle ?? '',
    steps: (content.tiers?.steps ?? []).map((step) => ({
      above_kwh: String(step.above_wh / 1000),
      surcharge: price6(step.surcharge_microyuan_per_kwh),
    })),
  }
}

/** Turn the form into what the server takes, or say what cannot be read, by field. */
export function contentOf(form: DraftForm): { content?: VersionContent; fields: Record<string, string> } {
  const fields: Record<string, string> = {}
  if (!form.valid_from) fields.valid_from = '请选择生效日期'
  const components = form.components.map((part, number) => {
    const price = microyuanFrom(part.price)
    if (price === undefined) fields[`components.${number}.price_microyuan_per_kwh`] = '单价最多六位小数，如 0.412500'
    if (!part.name.trim()) fields[`components.${number}.name`] = '请填写名称'
    return { kind: part.kind, name: part.name.trim(), price_microyuan_per_kwh: price ?? 0, floats: part.floats }
  })
  const steps = form.steps.map((step, number) => {
    const above = Number(step.above_kwh)
    const surcharge = microyuanFrom(step.surcharge)
    if (!Number.isFinite(above) || above <= 0) fields[`tiers.${number}.above`] = '请填写大于 0 的电量'
    if (surcharge === undefined || surcharge < 0) fields[`tiers.${number}.surcharge`] = '加价最多六位小数'
    return { above_wh: Math.round(above * 1000), surcharge_microyuan_per_kwh: surcharge ?? 0 }
  })
  if (form.cycle && !steps.length) fields.tiers = '请至少填写一档'
  if (Object.keys(fields).length) return { fields }
  const permille = permilleOf(form)
  return {
    fields,
    content: {
      valid_from: form.valid_from,
      components,
      float_permille: permille as VersionContent['float_permille'],
      bands: form.bands,
      seasons: form.seasons,
      special_days: form.special_days.map((one) => ({ ...one, dates: one.days === 'dates' ? one.dates : [] })),
      tiers: form.cycle ? { cycle: form.cycle, steps } : null,
    },
  }
}

/** Floats of the periods that some day of the form has. */
export function permilleOf(form: DraftForm): Partial<Record<Period, number>> {
  const used = usedPeriods(form)
  const found = PERIODS.filter((period) => used.has(period) && form.percent[period])
  return Object.fromEntries(found.map((period) => [period, Math.round(form.percent[period] * 10)]))
}

export function usedPeriods(form: Pick<DraftForm, 'bands' | 'seasons' | 'special_days'>): Set<Period> {
  const days = [form.bands, ...form.seasons.map((one) => one.bands), ...form.special_days.map((one) => one.bands)]
  return new Set(days.flat().map((band) => band.period))
}

/** What 1 kWh costs in each period of the form; undefined where it cannot be told. */
export function pricesOf(form: DraftForm): { period: Period; price: number | undefined }[] {
  const used = usedPeriods(form)
  const parts = form.components.map((part) => ({ price_microyuan_per_kwh: microyuanFrom(part.price), floats: part.floats }))
  const known = parts.every((part) => part.price_microyuan_per_kwh !== undefined)
  return PERIODS.filter((period) => used.has(period)).map((period) => ({
    period,
    price: known ? priceIn(parts as { price_microyuan_per_kwh: number; floats: boolean }[], permilleOf(form), period) : undefined,
  }))
}

export const newSeason = () => ({ name: '', first: '07-01', last: '08-31', bands: wholeDay() })
export const newSpecial = (days: SpecialDays) => ({ days, dates: [] as string[], bands: wholeDay() })
