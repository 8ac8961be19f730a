/** A list that comes in pages, newest first: the first page at once, older ones when asked for. */
import { computed, ref, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { useLoad, type Loaded } from '../../api/use'

export interface Page<T, C> {
  items: T[]
  next: C | null
}

export function usePages<T, C>(load: (before: C | undefined) => Promise<Page<T, C>>, watched?: MaybeRefOrGetter<unknown>) {
  const items = shallowRef<T[]>([])
  const next = ref<C | null>(null)
  const before = ref<C>()

  const page = useLoad(async () => {
    const found = await load(before.value as C | undefined)
    items.value = before.value === undefined ? found.items : [...items.value, ...found.items]
    next.value = found.next as typeof next.value
    return found
  })
  async function again(): Promise<void> {
    before.value = undefined
    await page.reload()
  }
  async function more(): Promise<void> {
    if (next.value === null) return
    before.value = next.value as typeof before.value
    await page.reload()
  }
  if (watched !== undefined) watch(() => toValue(watched), () => void again(), { deep: true })
  const loaded: Loaded<Page<T, C>> = { ...page, reload: again }
  return { loaded, items, hasMore: computed(() => next.value !== null), isLoading: page.isLoading, again, more }
}
