import { describe, expect, it } from 'vitest'
import type { Column } from './asked'
import { dayAfter, presets } from './asked'
import { cellText, columnsToShow, headsOf, headText } from './cells'
import { optionOf } from './figure'

const column = (key: string, unit: string, group = ''): Column => ({ key, title: key, unit: unit as Column['unit'], group })

describe('a cell', () => {
  it.each([
    [123456, 'fen', '1,234.56'],
    [-5, 'fen', '-0.05'],
    [1234567, 'wh', '1,234.567'],
    [-7, 'wh', '-0.007'],
    [0, 'check', '✓'],
    [-100, 'check', '-1.00'],
    [998, 'milli', '99.8%'],
    [3723, 'seconds', '1 小时 2 分'],
    [null, 'fen', '—'],
    [null, 'text', ''],
    ['=1+1', 'text', '=1+1'],
    [12345, 'count', '12,345'],
  ])('%s of %s is %s', (cell, unit, text) => {
    expect(cellText(cell, unit)).toBe(text)
  })

  it('names its unit once', () => {
    expect(headText(column('电费', 'fen'))).toBe('电费（元）')
    expect(headText(column('电费', 'fen', '金额（元）'))).toBe('电费')
  })
})

it('joins neighbours of one group under one head', () => {
  const [above, below] = headsOf([column('a', 'text'), column('b', 'fen', 'x'), column('c', 'fen', 'x'), column('d', 'wh', 'y')])

  expect(above!.map((one) => [one.title, one.colspan, one.rowspan])).toEqual([['a', 1, 2], ['x', 2, 1], ['y', 1, 1]])
  expect(below!.map((one) => one.column?.key)).toEqual(['b', 'c', 'd'])
})

it('knows the spans that people name', () => {
  const named = Object.fromEntries(presets('2026-03-01').map((one) => [one.name, one.days]))

  expect(dayAfter('2026-03-01', -1)).toBe('2026-02-28')
  expect(named['上月']).toEqual({ from: '2026-02-01', to: '2026-02-28' })
  expect(named['本周']).toEqual({ from: '2026-02-23', to: '2026-03-01' })
  expect(named['今年']).toEqual({ from: '2026-01-01', to: '2026-03-01' })
})

it('draws bars and lines in the unit that people read', () => {
  const option = optionOf({
    title: '收款',
    categories: ['11-01'],
    series: [
      { name: '现金', unit: 'fen', values: [12345], line: false, stack: 'a' },
      { name: '上期', unit: 'fen', values: [null], line: true, stack: '' },
    ],
  })

  expect(option.series).toMatchObject([{ type: 'bar', data: [123.45], stack: 'a' }, { type: 'line', data: [null] }])
})

it('leaves out a period that nothing was used in', () => {
  const columns = [column('energy_wh', 'wh'), column('sharp_wh', 'wh'), column('flat_wh', 'wh')]

  expect(columnsToShow({ columns, rows: [[5, 0, 5]], totals: [5, 0, 5] })).toEqual([0, 2])
})
