import { describe, expect, it } from 'vitest'
import { themed, themeOf } from './option'
import { tableOf } from './table'

const option = {
  xAxis: { type: 'category' as const, data: ['11-01', '11-02'] },
  yAxis: { type: 'value' as const },
  series: [{ type: 'bar' as const, name: '现金', data: [100, { value: 250 }] }],
}

describe('a chart', () => {
  it('is a table for those who do not see it', () => {
    const table = tableOf(option, (value) => (value === null ? '—' : `${value} 元`))

    expect(table).toEqual({ head: ['项目', '现金'], rows: [['11-01', '100 元'], ['11-02', '250 元']] })
  })

  it('says what is not known', () => {
    const table = tableOf({ ...option, series: [{ type: 'bar', name: '现金', data: [null] }] }, (value) => value === null ? '—' : '')

    expect(table.rows[1]).toEqual(['11-02', '—'])
  })

  it('draws its tooltip on the canvas, whatever the option says', () => {
    const theme = themeOf(getComputedStyle(document.documentElement))

    expect(themed({ ...option, tooltip: { renderMode: 'html' } }, theme, true)).toMatchObject({
      animation: false,
      tooltip: { renderMode: 'richText' },
      xAxis: { data: ['11-01', '11-02'], axisLabel: { color: theme.muted } },
    })
  })
})
