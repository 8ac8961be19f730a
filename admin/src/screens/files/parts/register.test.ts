import { expect, it } from 'vitest'
import { whFromKwh } from './register'

it('reads a register as it stands on the meter', () => {
  expect(whFromKwh('1,234.56')).toBe(1_234_560)
  expect(whFromKwh('0')).toBe(0)
  expect(whFromKwh('7.')).toBe(7_000)
})

it('takes nothing else', () => {
  for (const text of ['', '-1', '1.2345', '12a', '1e3']) expect(whFromKwh(text)).toBeUndefined()
})
