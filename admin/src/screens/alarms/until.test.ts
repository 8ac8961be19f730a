import { expect, it } from 'vitest'
import { untilOf } from './until'

it('is quiet until the time that was chosen, by the mall\'s clock', () => {
  const now = Date.parse('2026-11-22T17:30:00Z') // 01:30 of the 23rd in the mall.
  expect(untilOf('half', now)).toBe('2026-11-22T18:00:00.000Z')
  expect(untilOf('two', now)).toBe('2026-11-22T19:30:00.000Z')
  expect(untilOf('tomorrow', now)).toBe('2026-11-24T00:00:00.000Z')
})
