/** What the workbench's tiles are called, and how their numbers are written. */
import type { Schemas } from '../../api/client'
import { kwh } from '../../format/energy'
import { yuan } from '../../format/money'

export type Tile = Schemas['Tile']
type Tone = 'plain' | 'warn' | 'bad'

const WORDS: Record<string, [title: string, unit: string, tone: Tone]> = {
  top_ups: ['今日收款', '', 'plain'],
  own_top_ups: ['我的今日收款', '', 'plain'],
  energy: ['今日用电', '度', 'plain'],
  soon: ['即将断电', '户', 'warn'],
  off: ['已断电', '户', 'bad'],
  offline: ['离线电表', '块', 'warn'],
  alarms: ['未确认告警', '条', 'bad'],
  orders: ['进行中指令', '条', 'warn'],
  approvals: ['待我审批', '项', 'warn'],
}

export const titleOf = (tile: Tile) => WORDS[tile.key]?.[0] ?? tile.key
export const unitOf = (tile: Tile) => (tile.value === null ? '' : (WORDS[tile.key]?.[1] ?? ''))

/** Nothing to do is quiet: a colour is for a number above zero. */
export function toneOf(tile: Tile): Tone {
  return tile.value ? (WORDS[tile.key]?.[2] ?? 'plain') : 'plain'
}

export function valueOf(tile: Tile): string {
  if (tile.value === null) return '—'
  if (tile.unit === 'fen') return yuan(tile.value)
  return tile.unit === 'wh' ? kwh(tile.value) : String(tile.value)
}

/** The line below the number: why there is none, or what else must be known. */
export function noteOf(tile: Tile): string {
  if (tile.value === null) return tile.why ?? ''
  const notes: string[] = []
  if (tile.count !== null) notes.push(`${tile.count} 笔`)
  if (tile.compare !== null) notes.push(`昨日同时约 ${kwh(tile.compare)} 度${shareText(tile.value, tile.compare)}`)
  if (tile.key === 'soon') notes.push('1 天内')
  if (tile.note) notes.push(tile.note)
  return notes.join(' · ')
}

function shareText(now: number, before: number): string {
  if (before <= 0) return ''
  const percent = Math.round((now / before - 1) * 100)
  return percent === 0 ? '，持平' : percent > 0 ? `，+${percent}%` : `，−${-percent}%`
}
