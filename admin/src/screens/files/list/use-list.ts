/** One list of files: what is asked for, one page of it at a time. Filters of an address are taken over. */
import { reactive, ref, watch } from 'vue'
import { useRoute } from 'vue-router'
import { useLoad, type Loaded } from '../../../api/use'

export const PAGE_SIZE = 50
const TYPING_MS = 250

export interface Page<T> {
  rows: T[]
  total: number
}

export function useList<P extends Page<unknown>, F extends Record<string, string | undefined>>(
  load: (query: Record<string, unknown>) => Promise<P>,
  filters: F,
  sort: string,
) {
  const route = useRoute()
  const query = reactive({ ...filters, q: '', sort, page: 1, size: PAGE_SIZE }) as F & { q: string; sort: string; page: number; size: number }
  const words = ref('')
  const path = route.path

  /** Take over what an address says, also when the list stands open in its tab already. */
  function follow(): void {
    if (route.path !== path) return
    const said = [...Object.keys(filters), 'q'].filter((key) => typeof route.query[key] === 'string')
    if (!said.length) return
    for (const key of Object.keys(filters)) (query as Record<string, unknown>)[key] = undefined
    for (const key of said) (query as Record<string, unknown>)[key] = route.query[key]
    words.value = query.q = typeof route.query.q === 'string' ? route.query.q : ''
  }
  follow()
  watch(() => route.fullPath, follow)

  let timer = 0
  watch(words, () => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => (query.q = words.value.trim()), TYPING_MS)
  })
  // Another question begins at its first page.
  watch(
    () => JSON.stringify({ ...query, page: 0 }),
    () => (query.page = 1),
  )
  const loaded: Loaded<P> = useLoad(() => load(said(query)), () => JSON.stringify(query))

  function sortBy(column: string): void {
    query.sort = query.sort === column ? `-${column}` : column
  }

  /** What is asked for without its page: of an export. */
  const chosen = () => said({ ...query, page: undefined, size: undefined })

  return { query, words, loaded, sortBy, chosen }
}

/** Leave out what nobody has chosen. */
function said(query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined && value !== ''))
}
