import { expect, test } from 'vitest'
import { RIGHTS } from '../../frame/rights'
import { changes, grouped, mixed } from './groups'

const rights = Object.entries(RIGHTS).map(([name, words]) => ({ name, words, apart: name === 'staff.trip' }))

test('every right stands in one group and none under "other"', () => {
  const groups = grouped(rights)
  expect(groups.flatMap((one) => one.rights).length).toBe(rights.length)
  expect(groups.map((one) => one.title)).not.toContain('其他')
})

test('a change lists what comes and what goes, and nothing for a role that stayed', () => {
  expect(changes({ a: ['x', 'y'], b: ['z'] }, { a: ['y', 'w'], b: ['z'] })).toEqual([{ role: 'a', added: ['w'], removed: ['x'] }])
})

test('duties that do not go together are named', () => {
  expect(mixed(['staff.users.manage', 'staff.trip'], rights, 'staff.users.manage')).toEqual(['人工断电'])
  expect(mixed(['staff.trip'], rights, 'staff.users.manage')).toEqual([])
})
