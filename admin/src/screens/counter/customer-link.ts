/** What the till tells the customer's screen: another window of this browser. */
import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

export type Shown =
  | { kind: 'idle' }
  | { kind: 'amount'; shop: string; amountFen: number; receivedFen?: number; changeFen?: number }
  | { kind: 'code'; shop: string; amountFen: number; codeUrl: string; expiresAt: string }
  | { kind: 'paid'; shop: string; amountFen: number; balanceFen?: number; changeFen?: number }

type Message = { kind: 'hello' } | { kind: 'show'; shown: Shown }

const NAME = 'prewatt-till'
/** So long "已收款" stays before the screen is calm again. */
const PAID_FOR_MS = 30_000

/** The till's side: says what is shown now, and again to a screen that was opened later. */
export function useTillLink(): (shown: Shown) => void {
  const channel = new BroadcastChannel(NAME)
  let last: Shown = { kind: 'idle' }
  channel.onmessage = (event: MessageEvent<Message>) => {
    if (event.data.kind === 'hello' && document.visibilityState === 'visible') send()
  }
  const send = () => channel.postMessage({ kind: 'show', shown: last } satisfies Message)
  // A till that is closed leaves nobody's sum on the screen.
  const leave = () => channel.postMessage({ kind: 'show', shown: { kind: 'idle' } } satisfies Message)
  window.addEventListener('pagehide', leave)
  onScopeDispose(() => {
    window.removeEventListener('pagehide', leave)
    leave()
    channel.close()
  })
  return (shown) => {
    last = JSON.parse(JSON.stringify(shown)) as Shown
    send()
  }
}

/** The screen's side. */
export function useCustomerLink(): ShallowRef<Shown> {
  const shown = shallowRef<Shown>({ kind: 'idle' })
  const channel = new BroadcastChannel(NAME)
  let timer = 0
  channel.onmessage = (event: MessageEvent<Message>) => {
    if (event.data.kind !== 'show') return
    window.clearTimeout(timer)
    shown.value = event.data.shown
    if (shown.value.kind === 'paid') timer = window.setTimeout(() => (shown.value = { kind: 'idle' }), PAID_FOR_MS)
  }
  channel.postMessage({ kind: 'hello' } satisfies Message)
  onScopeDispose(() => channel.close())
  return shown
}
