import { expect, it } from 'vitest'
import { freeUnit, nextSerial } from './wiring'

it('counts serial numbers on as they are written', () => {
  expect(nextSerial('T0009')).toBe('T0010')
  expect(nextSerial('20261199')).toBe('20261200')
  expect(nextSerial('A-99')).toBe('A-100')
  expect(nextSerial('ABC')).toBe('')
})

it('offers the first address that is free', () => {
  const line = { meters: [{ unit: 1 }, { unit: 2 }, { unit: 4 }] }
  expect(freeUnit(line as never)).toBe(3)
  expect(freeUnit({ meters: [] } as never)).toBe(1)
})
