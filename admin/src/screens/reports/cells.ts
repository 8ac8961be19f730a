/** Cells as people read them: exact to the fen and the Wh, in the unit that the head names. */
import { yuanText } from '../../format/money'
import { fullTime } from '../../format/time'
import type { Cell, Column, ReportView } from './asked'

const UNITS: Record<string, string> = { fen: '元', wh: '度', w: 'kW', seconds: '', check: '元' }

/** "现金（元）"; units that the group above names are not said twice. */
export function headText(column: Column): string {
  const unit = UNITS[column.unit] ?? ''
  return unit && !column.group.includes('（') ? `${column.title}（${unit}）` : column.title
}

function thousandths(value: number): string {
  const digits = String(Math.abs(value)).padStart(4, '0')
  const whole = digits.slice(0, -3).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${value < 0 ? '-' : ''}${whole}.${digits.slice(-3)}`
}

/** 3723 s → "1 小时 2 分"; under a minute "45 秒". */
export function spanText(seconds: number): string {
  if (seconds < 60) return `${seconds} 秒`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分 ${seconds % 60} 秒`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} 小时 ${Math.floor((seconds % 3600) / 60)} 分`
  return `${Math.floor(seconds / 86_400)} 天 ${Math.floor((seconds % 86_400) / 3600)} 小时`
}

export function cellText(cell: Cell, unit: string): string {
  if (cell === null) return unit === 'text' ? '' : '—'
  if (typeof cell === 'string') return cell
  switch (unit) {
    case 'fen':
      return yuanText(cell)
    case 'check':
      return cell === 0 ? '✓' : yuanText(cell)
    case 'wh':
    case 'w':
      return thousandths(cell)
    case 'milli':
      return `${(cell / 10).toFixed(1)}%`
    case 'seconds':
      return spanText(cell)
    case 'time':
      return fullTime(cell)
    default:
      return cell.toLocaleString('zh-CN')
  }
}

export const isNumber = (column: Column) => column.unit !== 'text' && column.unit !== 'time'

/** A cell that says that something is wrong. */
export const isBad = (cell: Cell, unit: string) => unit === 'check' && cell !== 0 && cell !== null

export const isNegative = (cell: Cell) => typeof cell === 'number' && cell < 0

export interface Head {
  title: string
  column?: Column
  colspan: number
  rowspan: number
}

/** The rows of a table's head: groups above, columns below. */
export function headsOf(columns: Column[]): Head[][] {
  if (!columns.some((one) => one.group)) return [columns.map((one) => ({ title: headText(one), column: one, colspan: 1, rowspan: 1 }))]
  const above: Head[] = []
  const below: Head[] = []
  for (const [at, column] of columns.entries()) {
    if (!column.group) {
      above.push({ title: headText(column), column, colspan: 1, rowspan: 2 })
      continue
    }
    const last = above[above.length - 1]
    if (at > 0 && columns[at - 1]!.group === column.group && last) last.colspan += 1
    else above.push({ title: column.group, colspan: 1, rowspan: 1 })
    below.push({ title: headText(column), column, colspan: 1, rowspan: 1 })
  }
  return [above, below]
}

const PERIODS = new Set(['sharp_wh', 'peak_wh', 'flat_wh', 'valley_wh', 'deep_valley_wh'])

/** Which columns are worth their room: a period that nothing was used in is left out. */
export function columnsToShow(report: Pick<ReportView, 'columns' | 'rows' | 'totals'>): number[] {
  return report.columns
    .map((_, at) => at)
    .filter((at) => {
      // Registers (抄表记录) have no sum: theirs are always shown.
      if (!PERIODS.has(report.columns[at]!.key) || report.totals[at] === null) return true
      return [report.totals, ...report.rows].some((row) => row[at])
    })
}
