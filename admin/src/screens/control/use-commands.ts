import { computed, onScopeDispose, reactive, ref, shallowRef, watch } from 'vue'
import { api, take, type Schemas } from '../../api/client'
import type { Refusal } from '../../api/refusal'
import { rowId } from '../../control/ids'
import { useControl } from '../../control/open'
import { isOpen, type Command } from '../../control/track'
import { useLive } from '../../live'

export type Shown = Schemas['Shown']
const PAGE = 50
const WHILE_OPEN_MS = 1_500
const OTHERWISE_MS = 10_000
const TYPING_MS = 300

export interface CommandWish {
  shown: Shown | ''
  relay: 'ON' | 'OFF' | ''
  by: string
  shop: string
  meterId: string
}

/** A list of commands that follows what is under way; older pages are added below and looked at again with it. */
export function useCommands(first: Partial<CommandWish>) {
  const live = useLive()
  const control = useControl()
  const wish = reactive<CommandWish>({ shown: 'open', relay: '', by: '', shop: '', meterId: '', ...first })
  const newest = shallowRef<Command[]>()
  const older = shallowRef<Command[]>([])
  const nextBefore = ref<string | null>(null)
  const error = shallowRef<Refusal>()
  const isLoading = ref(false)
  let timer = 0
  let number = 0
  let isAway = false

  function question(before?: string) {
    return {
      shown: wish.shown || undefined,
      relay: wish.relay || undefined,
      by: wish.by || undefined,
      shop: wish.shop.trim() || undefined,
      meter_id: wish.meterId ? rowId(wish.meterId) : undefined,
      before: before === undefined ? undefined : rowId(before),
      limit: PAGE,
    }
  }

  async function look(): Promise<void> {
    window.clearTimeout(timer)
    if (isAway) return
    const mine = ++number
    isLoading.value = true
    try {
      const page = await take(api.GET('/api/v1/staff/commands', { params: { query: question() } }))
      if (mine !== number) return
      newest.value = page.commands
      if (!older.value.length) nextBefore.value = page.next_before
      error.value = undefined
    } catch (problem) {
      if (mine === number) error.value = problem as Refusal
    } finally {
      if (mine === number) {
        isLoading.value = false
        const isMoving = newest.value?.some(isOpen) ?? false
        if (!isAway) timer = window.setTimeout(() => void look(), isMoving ? WHILE_OPEN_MS : OTHERWISE_MS)
      }
    }
  }

  async function more(): Promise<void> {
    if (nextBefore.value === null) return
    const page = await take(api.GET('/api/v1/staff/commands', { params: { query: question(nextBefore.value) } }))
    older.value = [...older.value, ...page.commands]
    nextBefore.value = page.next_before
  }

  function begin(): void {
    older.value = []
    void look()
  }

  let typing = 0
  watch(
    () => ({ ...wish }),
    (now, before) => {
      window.clearTimeout(typing)
      typing = window.setTimeout(begin, now.shop === before.shop ? 0 : TYPING_MS)
    },
  )
  watch(() => [control.done, live.link], () => void look())
  void look()

  /** A tab that nobody sees asks for nothing. */
  function rest(): void {
    isAway = true
    window.clearTimeout(timer)
  }
  function wakeUp(): void {
    if (!isAway) return
    isAway = false
    void look()
  }
  onScopeDispose(rest)

  const commands = computed(() => {
    const here = new Set(newest.value?.map((one) => one.order_id))
    return [...(newest.value ?? []), ...older.value.filter((one) => !here.has(one.order_id))]
  })
  return { wish, commands, isFirst: computed(() => newest.value === undefined), nextBefore, error, isLoading, look, more, rest, wakeUp }
}
