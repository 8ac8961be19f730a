import { defineStore } from 'pinia'
import { computed, ref, shallowReactive, shallowRef } from 'vue'
import { api, take } from '../api/client'
import { noteServerTime, serverNowMs } from '../format/time'
import { useSession } from '../stores/session'
import { faceOf, isSameFace, type Face } from './face'
import { BoardStream } from './stream'
import type { AlarmMark, Board, Line, LinkState, Row } from './types'

/**
 * The mall, live. Changes are gathered and applied once a frame; a card reads its own row and face alone, so
 * that a thousand changes a second redraw what changed. Started by whoever shows it, ended with the last one.
 */
export const useLive = defineStore('live', () => {
  const rows = shallowReactive(new Map<string, Row>())
  const faces = shallowReactive(new Map<string, Face>())
  const lines = shallowRef<Line[]>([])
  const alarms = shallowRef<AlarmMark[]>([])
  const phones = shallowRef<Readonly<Record<string, string>> | null>(null)
  const link = ref<LinkState>('idle')
  /** Server time of the newest message, and whether a first picture is there. */
  const dataAt = ref<string>()
  const isReady = ref(false)
  /** Counts up with each applied change: for lists that are arranged anew now and then. */
  const round = ref(0)

  /** Relays may be ordered about only while the page sees what they do. */
  const mayControl = computed(() => link.value === 'live')
  const isGrey = computed(() => isReady.value && (link.value === 'retry' || link.value === 'lost'))
  const lineById = computed(() => new Map(lines.value.map((one) => [one.line_id, one])))

  let pending = new Map<string, Row>()
  let isQueued = false
  let users = 0
  let clock = 0
  let early: Promise<Board | undefined> | undefined

  function queue(found: Iterable<Row>): void {
    for (const row of found) pending.set(row.meter_id, row)
    if (isQueued) return
    isQueued = true
    requestAnimationFrame(flush)
  }

  function flush(): void {
    isQueued = false
    const changed = pending
    pending = new Map()
    const now = serverNowMs()
    for (const [id, row] of changed) {
      rows.set(id, row)
      look(row, now)
    }
    if (changed.size) round.value += 1
  }

  function look(row: Row, now: number): void {
    const face = faceOf(row, lineById.value.get(row.line_id), now)
    if (!isSameFace(faces.get(row.meter_id), face)) faces.set(row.meter_id, face)
  }

  /** Time alone makes data stale. */
  function lookAtAll(): void {
    const now = serverNowMs()
    for (const row of rows.values()) look(row, now)
    round.value += 1
  }

  function takeWhole(board: Board): void {
    noteServerTime(board.at)
    pending = new Map()
    lines.value = board.lines
    alarms.value = board.alarms
    phones.value = board.phones
    const here = new Set(board.rows.map((row) => row.meter_id))
    for (const id of [...rows.keys()]) {
      if (here.has(id)) continue
      rows.delete(id)
      faces.delete(id)
    }
    const now = serverNowMs()
    for (const row of board.rows) {
      rows.set(row.meter_id, row)
      look(row, now)
    }
    round.value += 1
    dataAt.value = board.at
    isReady.value = true
  }

  const fetchBoard = () => take(api.GET('/api/v1/staff/board')) as Promise<Board>

  /** Ask for the board before anything shows it: it comes while scripts do. Old by then or refused: no matter. */
  function expect(): void {
    if (users === 0) early ??= fetchBoard().catch(() => undefined)
  }

  const stream = new BoardStream(
    {
      whole: takeWhole,
      changed(name, value) {
        if (name === 'rows') queue(value.rows as Row[])
        else if (name === 'alarms') alarms.value = value.alarms as AlarmMark[]
        else {
          lines.value = value.lines as Line[]
          lookAtAll()
        }
      },
      rights: (permissions) => useSession().setPermissions(permissions),
      link(state) {
        link.value = state
      },
      heard(at) {
        noteServerTime(at)
        dataAt.value = at
      },
    },
    async () => {
      const asked = early
      early = undefined
      return (await asked) ?? (await fetchBoard())
    },
  )

  function start(): void {
    users += 1
    if (users > 1 || !useSession().can('staff.board')) return
    stream.start()
    clock = window.setInterval(lookAtAll, 5_000)
  }

  function stop(): void {
    users -= 1
    if (users > 0) return
    stream.stop()
    window.clearInterval(clock)
  }

  /** What a meter is called: shop number and name, or the place of a public meter. */
  function nameOf(row: Row): string {
    return row.shop_code ? `${row.shop_code} ${row.shop_name ?? ''}`.trim() : row.place || row.serial
  }

  const ofAccount = (accountId: string) => [...rows.values()].filter((row) => row.account_id === accountId)

  return { rows, faces, lines, lineById, alarms, phones, link, dataAt, isReady, round, mayControl, isGrey, expect, start, stop, nameOf, ofAccount, queue, reload: () => stream.begin() }
})
