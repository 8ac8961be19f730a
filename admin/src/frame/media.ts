import { onScopeDispose, ref, type Ref } from 'vue'

export function useMediaQuery(query: string): Ref<boolean> {
  const list = window.matchMedia(query)
  const isSo = ref(list.matches)
  const note = () => {
    isSo.value = list.matches
  }
  list.addEventListener('change', note)
  onScopeDispose(() => list.removeEventListener('change', note))
  return isSo
}
