import { expect, it } from 'vitest'
import { classWord, relayWord, rowWord } from './words'

it('names the rows of a profile as people do, and those that it does not know as they stand', () => {
  expect(rowWord('voltage_mv')).toBe('电压')
  expect(rowWord('status.load_trip')).toBe('状态区的负荷跳闸位')
  expect(rowWord('something_new')).toBe('something_new')
})

it('leaves what people typed themselves', () => {
  expect(classWord('clothes')).toBe('服饰')
  expect(classWord('母婴')).toBe('母婴')
})

it('never guesses a relay', () => {
  expect(relayWord('OFF')).toBe('分')
  expect(relayWord('')).toBe('未知')
})
