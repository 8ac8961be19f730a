import { describe, expect, it } from 'vitest'
import { microyuanFrom, price6, priceIn } from './prices'

const PARTS = [
  { price_microyuan_per_kwh: 400_000, floats: true },
  { price_microyuan_per_kwh: 20_000, floats: true },
  { price_microyuan_per_kwh: 280_000, floats: false },
]

describe('prices', () => {
  it('are read and written with six decimals', () => {
    expect([microyuanFrom('0.685'), microyuanFrom('-0.003'), microyuanFrom('1'), microyuanFrom('0.1234567')]).toEqual([685_000, -3_000, 1_000_000, undefined])
    expect([price6(685_000), price6(-3_000), price6(0)]).toEqual(['0.685000', '-0.003000', '0.000000'])
  })

  it('let only the floating parts follow the period', () => {
    const floats = { PEAK: 600, VALLEY: -600 }
    expect(['PEAK', 'FLAT', 'VALLEY'].map((period) => priceIn(PARTS, floats, period as 'PEAK'))).toEqual([952_000, 700_000, 448_000])
  })

  it('are not rounded: what gives part of a microyuan has no price', () => {
    expect(priceIn([{ price_microyuan_per_kwh: 1, floats: true }], { PEAK: 600 }, 'PEAK')).toBeUndefined()
  })
})
