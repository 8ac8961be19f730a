import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api, take, type Schemas } from '../api/client'
import type { Refusal } from '../api/refusal'
import { useLive } from '../live'
import { rowId } from './ids'
import { isOpen } from './track'

export type Detail = Schemas['MeterDetail']

const WHILE_OPEN_MS = 1_000
const OTHERWISE_MS = 10_000

/**
 * A meter in detail, kept fresh: each second while an order is under way, at once when its row on the board
 * says that something changed. Old values stay when a look fails.
 */
export function useMeter(meterId: () => string | undefined) {
  const live = useLive()
  const detail = shallowRef<Detail>()
  const error = shallowRef<Refusal>()
  const isFirst = ref(true)
  let timer = 0
  let number = 0
  let isOver = false

  async function look(): Promise<void> {
    const id = meterId()
    window.clearTimeout(timer)
    if (!id || isOver) return
    const mine = ++number
    try {
      const found = await take(api.GET('/api/v1/staff/meters/{meter_id}', { params: { path: { meter_id: rowId(id) } } }))
      if (mine !== number || isOver) return
      detail.value = found
      error.value = undefined
    } catch (problem) {
      if (mine !== number || isOver) return
      error.value = problem as Refusal
    }
    isFirst.value = false
    const newest = detail.value?.commands[0]
    timer = window.setTimeout(() => void look(), newest && isOpen(newest) ? WHILE_OPEN_MS : OTHERWISE_MS)
  }

  watch(
    meterId,
    () => {
      detail.value = undefined
      error.value = undefined
      isFirst.value = true
      void look()
    },
    { immediate: true },
  )
  watch(
    () => {
      const row = live.rows.get(meterId() ?? '')
      return row && [row.generation, row.verified, row.stage, row.relay, row.off_reasons.join(), row.keep_supply_until, row.shown_at].join()
    },
    () => void look(),
  )
  onScopeDispose(() => {
    isOver = true
    window.clearTimeout(timer)
  })
  return { detail, error, isFirst, look }
}
