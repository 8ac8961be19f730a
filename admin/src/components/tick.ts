import { onScopeDispose, ref, type Ref } from 'vue'

/** One timer for every age on the page: it counts up each second while somebody looks. */
const tick = ref(0)
let users = 0
let timer = 0

export function useTick(): Readonly<Ref<number>> {
  if (users++ === 0) timer = window.setInterval(() => tick.value++, 1000)
  onScopeDispose(() => {
    if (--users === 0) window.clearInterval(timer)
  })
  return tick
}
