/** Keys that work on every screen (7.5): a screen's own keys stand in its own room. */
import { onScopeDispose, type Ref } from 'vue'
import { useRouter } from 'vue-router'
import { useSession } from '../stores/session'
import { useMenu } from './use-menu'

export const KEYS: [string, string][] = [
  ['/', '全局搜索'],
  ['Alt+1 … Alt+9', '菜单分组'],
  ['F2', '售电收款'],
  ['F9 / F8', '收款并打印 / 只收款（柜台）'],
  ['j / k，Enter', '列表中上移、下移，打开'],
  ['a', '确认告警（告警中心）'],
  ['Enter', '下一个输入框'],
  ['Ctrl+Enter', '提交'],
  ['Esc', '关闭最上面一层'],
  ['?', '显示快捷键'],
]

export function useKeys(areKeysShown: Ref<boolean>): void {
  const router = useRouter()
  const session = useSession()
  const menu = useMenu()

  function openGroup(number: number): void {
    const group = menu.value[number - 1]
    const path = group?.path ?? group?.entries[0]?.path
    if (path) void router.push(path)
  }

  function onKey(event: KeyboardEvent): void {
    if (event.isComposing || event.defaultPrevented || session.isAsking) return
    if (event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code)) openGroup(Number(event.code.slice(5)))
    else if (event.key === 'F2' && session.can('staff.top_up') && router.resolve('/counter').name !== 'not-found') void router.push('/counter')
    else if (!isTyping(event) && event.key === '/') focusSearch()
    else if (!isTyping(event) && event.key === '?') areKeysShown.value = true
    else return
    event.preventDefault()
  }

  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}

/** Tell whether a key is meant for a field: letters there are text. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return !!target?.closest('input, textarea, select, [contenteditable="true"]') || event.ctrlKey || event.metaKey || event.altKey
}

function focusSearch(): void {
  document.querySelector<HTMLInputElement>('input[data-search]')?.focus()
}
