import { onScopeDispose, reactive, ref, shallowRef, watch } from 'vue'
import { useLive } from '../../live'
import type { StateName } from '../../states'
import { arrange, countsOf, isSameArrangement, type Group, type Wish } from './arrange'

/** Arranging 350 meters costs milliseconds: changes of values need no more than one look in this time. */
const ARRANGE_EVERY_MS = 500

/** What stands on the board now: arranged at once when the wish changes, and soon after the data did. */
export function useBoard(first: Partial<Wish> = {}) {
  const live = useLive()
  const wish = reactive<Wish>({ groupBy: 'shaft', sortBy: 'days', kind: 'shop', group: '', state: '', text: '', ...first })
  const groups = shallowRef<Group[]>([])
  const counts = ref({} as Record<StateName, number>)
  const groupNames = shallowRef<{ key: string; name: string }[]>([])
  let timer = 0

  function lookNow(): void {
    window.clearTimeout(timer)
    timer = 0
    const rows = [...live.rows.values()]
    const found = arrange(rows, live.faces, wish, live.phones)
    if (!isSameArrangement(groups.value, found)) groups.value = found
    const counted = countsOf(rows, live.faces, wish.kind)
    if (JSON.stringify(counted) !== JSON.stringify(counts.value)) counts.value = counted
    const names = arrange(rows, live.faces, { ...wish, group: '', state: '', text: '' }).map(({ key, name }) => ({ key, name }))
    if (JSON.stringify(names) !== JSON.stringify(groupNames.value)) groupNames.value = names
  }

  watch(() => ({ ...wish }), lookNow)
  watch(
    () => live.round,
    () => {
      if (groups.value.length === 0) lookNow()
      else if (!timer) timer = window.setTimeout(lookNow, ARRANGE_EVERY_MS)
    },
  )
  lookNow()
  onScopeDispose(() => window.clearTimeout(timer))
  return { wish, groups, counts, groupNames, lookNow }
}
