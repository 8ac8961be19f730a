import { beforeEach, expect, test, vi } from 'vitest'
import { isDone, useKept, type Step } from './first-steps'

const step = (done: boolean | null): Step => ({ key: 'a', title: '', detail: '', to: '/', done })

beforeEach(() => {
  const store = new Map<string, string>()
  vi.stubGlobal('localStorage', { getItem: (key: string) => store.get(key) ?? null, setItem: (key: string, value: string) => store.set(key, value) })
})

test('a fact of the server goes before what was seen', () => {
  expect(isDone(step(false), ['a'])).toBe(false)
  expect(isDone(step(true), [])).toBe(true)
})

test('where no fact tells, having been there counts', () => {
  expect(isDone(step(null), [])).toBe(false)
  expect(isDone(step(null), ['a'])).toBe(true)
})

test('each person keeps their own, and what cannot be read is nothing', () => {
  useKept('1').see('a')
  useKept('1').setHidden(true)
  expect(useKept('1').kept.value).toEqual({ hidden: true, seen: ['a'] })
  expect(useKept('2').kept.value).toEqual({ hidden: false, seen: [] })
  localStorage.setItem('prewatt-first-steps:3', '{')
  expect(useKept('3').kept.value.hidden).toBe(false)
})
