/** Which columns a person sees of a list, and how densely: kept in this browser, by list. */
import { computed, ref, watch } from 'vue'

export interface Column {
  key: string
  title: string
  /** Numbers stand right. */
  isNumber?: boolean
  /** The server's name for sorting by it. */
  sort?: string
  /** Always shown: what a row is called. */
  isFixed?: boolean
  /** Not shown until somebody wants it. */
  isSpare?: boolean
}

interface Kept {
  hidden: string[]
  isDense: boolean
}

export function useColumns(name: string, all: Column[]) {
  const key = `prewatt.list.${name}`
  const kept = read(key)
  const shown = ref(all.filter((one) => (kept ? !kept.hidden.includes(one.key) : !one.isSpare)).map((one) => one.key))
  const isDense = ref(kept?.isDense ?? false)
  const columns = computed(() => all.filter((one) => one.isFixed || shown.value.includes(one.key)))

  watch([shown, isDense], () => {
    const hidden = all.filter((one) => !shown.value.includes(one.key)).map((one) => one.key)
    localStorage.setItem(key, JSON.stringify({ hidden, isDense: isDense.value } satisfies Kept))
  })
  return { all, columns, shown, isDense }
}

function read(key: string): Kept | undefined {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? 'null') as Kept | null
    return found && Array.isArray(found.hidden) ? found : undefined
  } catch {
    return undefined
  }
}
