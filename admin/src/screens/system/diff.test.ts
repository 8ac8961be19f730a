import { expect, test } from 'vitest'
import { diff } from './diff'

test('only what differs between before and after is a line', () => {
  expect(diff({ before: { a: 1, b: 2 }, after: { a: 1, b: 3 } })).toEqual([{ name: 'b', before: '2', after: '3' }])
})

test('plain values before and after are one line', () => {
  expect(diff({ before: ['cashier'], after: ['manager'] })).toEqual([{ name: '内容', before: 'cashier', after: 'manager' }])
})

test('other facts stand by themselves', () => {
  expect(diff({ granted: true, added: [] })).toEqual([{ name: '是否同意', after: '是' }, { name: '增加', after: '—' }])
})
