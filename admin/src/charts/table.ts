/** The same figures as a table, for those who do not see the picture. */
import type { ChartOption } from './option'

export interface ChartTable {
  head: string[]
  rows: string[][]
}

const listed = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : Array.isArray(value) ? value : [value])

/** Write an option's series as rows by category; `tell` prints one value of one series. */
export function tableOf(option: ChartOption, tell: (value: number | null, series: number) => string): ChartTable {
  const axes = [...listed(option.xAxis), ...listed(option.yAxis)] as { type?: string; data?: unknown[]; name?: string }[]
  const names = axes.find((one) => one.data)?.data ?? []
  const series = listed(option.series) as { name?: string; data?: unknown[] }[]
  return {
    head: ['项目', ...series.map((one) => String(one.name ?? ''))],
    rows: names.map((name, at) => [
      textOf(name),
      ...series.map((one, number) => tell(valueOf(one.data?.[at]), number)),
    ]),
  }
}

function textOf(name: unknown): string {
  return typeof name === 'object' && name !== null && 'value' in name ? String(name.value) : String(name)
}

function valueOf(point: unknown): number | null {
  const value = typeof point === 'object' && point !== null && 'value' in point ? point.value : point
  const last: unknown = Array.isArray(value) ? value[value.length - 1] : value
  return typeof last === 'number' ? last : null
}
