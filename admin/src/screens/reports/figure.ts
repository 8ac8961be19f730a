/** A report's chart for the shared `<Chart>`. */
import type { Schemas } from '../../api/client'
import type { ChartOption } from '../../charts/option'
import { cellText } from './cells'

export type Figure = Schemas['Figure']

const DIVISORS: Record<string, number> = { fen: 100, wh: 1000, w: 1000, milli: 10, check: 100 }
const UNITS: Record<string, string> = { fen: ' 元', wh: ' 度', milli: '%', count: '' }

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
      return one.line
        ? { type: 'line', name: one.name, data, symbolSize: 5, lineStyle: { width: 2, type: isShare ? 'solid' : 'dashed' } }
        : { type: 'bar', name: one.name, data, barMaxWidth: 36, ...(one.stack ? { stack: one.stack } : {}) }
    }),
  }
}
