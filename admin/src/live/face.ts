/** What a meter's row means for people: its one state, in words, shape and colour, and what that hides. */
import { ageText } from '../format/time'
import { STATES, type StateName } from '../states'
import type { Line, Row } from './types'

/** Stale data is grey after two polls; after this many it says nothing about now. */
const STALE_POLLS = 2
const UNKNOWN_POLLS = 5
const DEFAULT_POLL_S = 60

export interface Face {
  state: StateName
  word: string
  badges: string[]
  isStale: boolean
  /** How old the data are, where that must be said; empty: fresh. */
  age: string
  /** Left of the balance in days, as text; empty for meters without an account. */
  days: string
  /** Share of the power limit, 0 to 1 and above; undefined without a limit or a value. */
  load: number | undefined
}

export const isShop = (row: Row) => row.kind === 'prepaid'
export const isLet = (row: Row) => isShop(row) && row.account_id !== null

/** An order is out and was not read back: amber, never green. */
export const isPending = (row: Row) => isLet(row) && row.desired !== null && row.generation > 0 && !row.verified

export const isOff = (row: Row) => row.relay === 'OFF' || row.relay === 'PERMITTED'

/** It shall be on, nothing is under way, and it says that it is off: the meter switched itself off. */
export const isLoadTripped = (row: Row) => row.desired === 'ON' && row.relay === 'OFF' && !isPending(row)

const pollS = (line: Line | undefined) => line?.poll_s ?? DEFAULT_POLL_S

export function ageS(row: Row, nowMs: number): number {
  return row.shown_at === null ? Infinity : Math.max(0, (nowMs - Date.parse(row.shown_at)) / 1000)
}

export function isOffline(row: Row, line: Line | undefined, nowMs: number): boolean {
  return row.silent_since_at !== null || ageS(row, nowMs) > UNKNOWN_POLLS * pollS(line)
}

/** One state by precedence: 离线 > 待回读 > 已断电 > 保电中 > 即将断电 > 余额低 > 正常. */
export function stateOf(row: Row, line: Line | undefined, nowMs: number): StateName {
  if (isOffline(row, line, nowMs)) return 'offline'
  if (isPending(row)) return 'pending'
  if (isOff(row)) return 'tripped'
  if (!isShop(row)) return 'normal'
  if (!isLet(row)) return 'empty'
  if (row.keep_supply_until !== null) return 'kept'
  if (row.in_arrears || row.level >= 2) return 'urgent'
  return row.level === 1 ? 'low' : 'normal'
}

function wordOf(row: Row, state: StateName): string {
  if (state === 'pending') return row.desired === 'OFF' ? '断电中，待回读' : '送电中，待回读'
  if (state === 'tripped' && row.relay === 'PERMITTED') return '待按键合闸'
  if (state === 'offline' && row.shown_at === null) return '未抄到'
  return STATES[state].word
}

const OVER: Record<string, string> = { counting: '超功率', told: '超功率', unknown: '超功率后未抄到', held: '超功率，待人工' }

/** Facts that the one state hides. */
function badgesOf(row: Row, state: StateName): string[] {
  const found: string[] = []
  if (state === 'offline') {
    if (isOff(row)) found.push('断线前已断电')
    if (isPending(row)) found.push(row.desired === 'OFF' ? '断电中' : '送电中')
  }
  if (row.in_arrears) found.push('欠费')
  if (row.keep_supply_until !== null && state !== 'kept') found.push('保电')
  const over = row.power_state === null ? undefined : OVER[row.power_state]
  if (over) found.push(over)
  if (row.quarantined) found.push('待核示数')
  return found
}

export function daysText(row: Row): string {
  if (!isLet(row)) return ''
  if (row.estimated_fen === null) return '余额未知'
  if (row.days_left === null) return '数据不足'
  if (row.in_arrears || row.estimated_fen <= 0) return '0 天'
  if (row.days_left < 1) return '不足 1 天'
  return row.days_left > 999 ? '999 天以上' : `约 ${Math.floor(row.days_left)} 天`
}

export function faceOf(row: Row, line: Line | undefined, nowMs: number): Face {
  const state = stateOf(row, line, nowMs)
  const isStale = state === 'offline' || ageS(row, nowMs) > STALE_POLLS * pollS(line)
  const load = row.power_w === null || !row.power_limit_w ? undefined : row.power_w / row.power_limit_w
  return {
    state,
    word: wordOf(row, state),
    badges: badgesOf(row, state),
    isStale,
    age: isStale && row.shown_at !== null ? ageText(row.shown_at, nowMs) : '',
    days: daysText(row),
    load,
  }
}

export function isSameFace(one: Face | undefined, other: Face): boolean {
  return (
    one !== undefined &&
    one.state === other.state &&
    one.word === other.word &&
    one.isStale === other.isStale &&
    one.age === other.age &&
    one.days === other.days &&
    one.load === other.load &&
    one.badges.join() === other.badges.join()
  )
}
