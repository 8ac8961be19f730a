/** What the board shows in which order: filters, groups, sorting, counts. Pure, so that it is tested. */
import type { Face, Line, Row } from '../../live'
import { isShop } from '../../live'
import type { StateName } from '../../states'

export type GroupBy = 'shaft' | 'floor'
export type SortBy = 'days' | 'code' | 'power'
export type Kind = 'shop' | 'public' | 'all'

export interface Wish {
  groupBy: GroupBy
  sortBy: SortBy
  kind: Kind
  /** Shown alone; empty: all. */
  group: string
  state: StateName | ''
  text: string
}

export interface Group {
  key: string
  name: string
  ids: string[]
  /** Meters of the group that answer, of all of it, whatever the filter. */
  online: number
  all: number
  newestAt: string | null
}

export const TILES: StateName[] = ['tripped', 'pending', 'urgent', 'low', 'kept', 'offline', 'normal', 'empty']
const PUBLIC_FLOOR = '公区'

const groupKey = (row: Row, by: GroupBy) => (by === 'shaft' ? row.shaft : row.floor || PUBLIC_FLOOR)
const groupName = (row: Row, by: GroupBy) => (by === 'shaft' ? row.shaft_name : row.floor || PUBLIC_FLOOR)

const isOfKind = (row: Row, kind: Kind) => kind === 'all' || (kind === 'shop') === isShop(row)

/** Look in what is printed on a card, and in the meter's and the contact's number. */
export function isFound(row: Row, text: string, phone = ''): boolean {
  const wanted = text.trim().toLowerCase()
  if (!wanted) return true
  return [row.shop_code, row.shop_name, row.serial, row.place, phone].some((one) => one?.toLowerCase().includes(wanted))
}

/** Made once: a comparison that names its language makes one each time, which took half of arranging. */
const NUMERIC = new Intl.Collator('zh-CN', { numeric: true })

const codeOf = (row: Row) => row.shop_code ?? row.place ?? row.serial
const byCode = (one: Row, other: Row) => NUMERIC.compare(codeOf(one), codeOf(other))

/** Who runs out first, first: debt by its size, then days, then what cannot be told. */
function urgency(row: Row): number {
  if (row.account_id === null) return 1e9
  if (row.estimated_fen !== null && row.estimated_fen <= 0) return row.estimated_fen
  return row.days_left === null ? 1e6 : 1 + row.days_left
}

const SORTS: Record<SortBy, (one: Row, other: Row) => number> = {
  days: (one, other) => urgency(one) - urgency(other) || byCode(one, other),
  code: byCode,
  power: (one, other) => (other.power_w ?? -1) - (one.power_w ?? -1) || byCode(one, other),
}

export function countsOf(rows: Iterable<Row>, faces: ReadonlyMap<string, Face>, kind: Kind): Record<StateName, number> {
  const found = Object.fromEntries(TILES.map((name) => [name, 0])) as Record<StateName, number>
  for (const row of rows) {
    const face = faces.get(row.meter_id)
    if (face && isOfKind(row, kind)) found[face.state] += 1
  }
  return found
}

export function arrange(
  rows: Iterable<Row>,
  faces: ReadonlyMap<string, Face>,
  wish: Wish,
  phones: Readonly<Record<string, string>> | null = null,
): Group[] {
  const groups = new Map<string, Group & { shown: Row[] }>()
  for (const row of rows) {
    if (!isOfKind(row, wish.kind)) continue
    const key = groupKey(row, wish.groupBy)
    if (wish.group && wish.group !== key) continue
    let group = groups.get(key)
    if (!group) groups.set(key, (group = { key, name: groupName(row, wish.groupBy), ids: [], online: 0, all: 0, newestAt: null, shown: [] }))
    const face = faces.get(row.meter_id)
    group.all += 1
    if (face && face.state !== 'offline') group.online += 1
    if (row.shown_at !== null && (group.newestAt === null || row.shown_at > group.newestAt)) group.newestAt = row.shown_at
    if (wish.state && face?.state !== wish.state) continue
    if (isFound(row, wish.text, phones?.[row.account_id ?? ''])) group.shown.push(row)
  }
  const names = [...groups.values()].sort((one, other) => NUMERIC.compare(one.key, other.key))
  return names.map(({ shown, ...group }) => ({ ...group, ids: shown.sort(SORTS[wish.sortBy]).map((row) => row.meter_id) }))
}

export function isSameArrangement(one: Group[], other: Group[]): boolean {
  return (
    one.length === other.length &&
    one.every((group, index) => {
      const next = other[index]!
      return group.key === next.key && group.online === next.online && group.all === next.all && group.newestAt === next.newestAt && group.ids.length === next.ids.length && group.ids.every((id, at) => id === next.ids[at])
    })
  )
}

export interface GatewayHead {
  gateway: string
  name: string
  /** The worst of its lines: what an alarm says of it. */
  state: string
  sinceAt: string | null
  lineIds: string[]
}

const WORST = ['unread', 'gateway_down', 'line_down', 'line_silent', 'well']

/** Gateways of a shaft, each with the worst that is known of its lines. */
export function gatewaysOf(lines: Line[], shaft: string): GatewayHead[] {
  const found = new Map<string, GatewayHead>()
  for (const line of lines) {
    if (line.shaft !== shaft) continue
    const known = found.get(line.gateway_id)
    const isWorse = known && WORST.indexOf(line.state) < WORST.indexOf(known.state)
    if (!known) {
      found.set(line.gateway_id, { gateway: line.gateway, name: line.gateway_name, state: line.state, sinceAt: line.since_at, lineIds: [line.line_id] })
    } else {
      known.lineIds.push(line.line_id)
      if (isWorse) Object.assign(known, { state: line.state, sinceAt: line.since_at })
    }
  }
  return [...found.values()]
}

/** Nothing comes from it at all: its cards are one banner. */
export const isDark = (head: GatewayHead) => head.state === 'gateway_down' || head.state === 'unread'

export const GATEWAY_WORDS: Record<string, string> = {
  well: '在线',
  gateway_down: '断线',
  line_down: '有总线断开',
  line_silent: '有总线无应答',
  unread: '采集服务失联',
}
