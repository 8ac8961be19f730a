/** Words and order of the periods of a day (尖峰平谷), and the parts of a price. */
import type { Schemas } from '../../api/client'

export type Period = Schemas['BandPart']['period']
export type ComponentKind = Schemas['PricePart']['kind']

export const PERIODS: Period[] = ['SHARP', 'PEAK', 'FLAT', 'VALLEY', 'DEEP_VALLEY']

export const PERIOD_WORDS: Record<Period, string> = {
  SHARP: '尖',
  PEAK: '峰',
  FLAT: '平',
  VALLEY: '谷',
  DEEP_VALLEY: '深谷',
}

export const KINDS: ComponentKind[] = ['ENERGY', 'LINE_LOSS', 'TRANSMISSION', 'SYSTEM', 'FUNDS', 'SERVICE_FEE']

export const KIND_WORDS: Record<ComponentKind, string> = {
  ENERGY: '上网电价',
  LINE_LOSS: '上网环节线损',
  TRANSMISSION: '输配电价',
  SYSTEM: '系统运行费',
  FUNDS: '政府性基金及附加',
  SERVICE_FEE: '服务费',
}
