/** A report's chart for the shared `<Chart>`. */
import type { Schemas } from '../../api/client'
import type { ChartOption } from '../../charts/option'
import { cellText } from './cells'

export type Figure = Schemas['Figure']

const DIVISORS: Record<string, number> = { fen: 100, wh: 1000, w: 1000, milli: 10, check: 100 }
const UNITS: Record<string, string> = { fen: ' 元', wh: ' 度', milli: '%', count: '' }

// Periods by what they cost, dear to cheap; the period before steps back.
const COLOURS: Record<string, string> = {
  尖峰: '#b42318',
  高峰: '#c2410c',
  平段: '#1f5fd6',
  低谷: '#0b7a4b',
  深谷: '#0b6b6b',
  断电: '#b42318',
  送电: '#0b7a4b',
  待核或不计费: '#c2410c',
}
const PAST = '#5c6470'

/** The shown number of a value in its own unit; the exact one stands in the table. */
export const shown = (value: number | null, unit: string) => (value === null ? null : value / (DIVISORS[unit] ?? 1))

export function tellOf(figure: Figure) {
  return (value: number | null, series: number): string => {
    const unit = figure.series[series]?.unit ?? ''
    return value === null ? '—' : cellText(Math.round(value * (DIVISORS[unit] ?? 1)), unit)
  }
}

export function optionOf(figure: Figure): ChartOption {
  const isShare = figure.series.every((one) => one.unit === 'milli')
  const unit = UNITS[figure.series[0]?.unit ?? ''] ?? ''
  const used = figure.series.filter((one) => one.line || one.values.some((value) => value))
  const listed = used.length ? used : figure.series.slice(0, 1)
  return {
    legend: { type: 'scroll', icon: 'roundRect', itemWidth: 12, itemHeight: 8 },
    xAxis: {
      type: 'category',
      data: figure.categories.map((one) => (/^\d{4}-\d\d-\d\d$/.test(one) ? one.slice(5) : one)),
      axisLabel: { hideOverlap: true, width: 90, overflow: 'truncate' },
      axisTick: { show: false },
    },
    yAxis: { type: 'value', ...(isShare ? { max: 100, min: (range: { min: number }) => Math.min(90, Math.floor(range.min / 10) * 10) } : {}) },
    tooltip: {
      valueFormatter: (value) => (typeof value === 'number' ? `${value.toLocaleString('zh-CN', { maximumFractionDigits: 2 })}${unit}` : '—'),
    },
    series: listed.map((one) => {
      const data = one.values.map((value) => shown(value, one.unit))
      const color = COLOURS[one.name] ?? (one.line && !isShare ? PAST : undefined)
      const own = color ? { itemStyle: { color } } : {}
      return one.line
        ? { type: 'line', name: one.name, data, symbolSize: 5, lineStyle: { width: 2, type: isShare ? 'solid' : 'dashed', ...(color ? { color } : {}) }, ...own }
        : { type: 'bar', name: one.name, data, barMaxWidth: 36, ...(one.stack ? { stack: one.stack } : {}), ...own }
    }),
  }
}
