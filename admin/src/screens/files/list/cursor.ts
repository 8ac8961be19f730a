/** j / k and Enter in a list (7.5): a cursor over rows, heard only while the list is on the screen. */
import { nextTick, onActivated, onBeforeUnmount, onDeactivated, onMounted, ref, type Ref } from 'vue'
import { isTyping } from '../../../frame/keys'

export function useCursor(count: () => number, open: (at: number) => void, box: Ref<HTMLElement | undefined>, others: Record<string, (at: number) => void> = {}) {
  const at = ref(-1)

  function move(by: number): void {
    if (!count()) return
    at.value = Math.min(count() - 1, Math.max(0, at.value + by))
    void nextTick(() => box.value?.querySelector('[data-cursor=true]')?.scrollIntoView({ block: 'nearest' }))
  }

  function onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement
    const isElsewhere = event.defaultPrevented || event.isComposing || isTyping(event) || document.querySelector('.el-overlay:not([style*="display: none"])')
    if (isElsewhere) return
    if (event.key === 'j') move(1)
    else if (event.key === 'k') move(-1)
    else if (event.key === 'Enter' && at.value >= 0 && at.value < count() && !target.closest('button, a, [role=button], [role=tab]')) open(at.value)
    else if (others[event.key]) others[event.key]!(at.value)
    else return
    event.preventDefault()
  }

  const listen = () => window.addEventListener('keydown', onKey)
  const rest = () => window.removeEventListener('keydown', onKey)
  onMounted(listen)
  onActivated(listen)
  onDeactivated(rest)
  onBeforeUnmount(rest)
  return { at }
}
