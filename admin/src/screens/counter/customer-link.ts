/** What the till tells the customer's screen: another window of this browser. */
import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

export type Shown =
  | { kind: 'idle' }
  | { kind: 'amount'; shop: string; amountFen: number; receivedFen?: number; changeFen?: number }
  | { kind: 'code'; shop: string; amountFen: number; codeUrl: string; expiresAt: string }
  | { kind: 'paid'; shop: string; amountFen: number; balanceFen?: number; changeFen?: number }

type Message = { kind: 'hello' } | { kind: 'show'; shown: Shown }

const NAME = 'prewatt-till'

/** The till's side: says what is shown now, and again to a screen that was opened later. */
export function useTillLink(): (shown: Shown) => void {
  const channel = new BroadcastChannel(NAME)
  let last: Shown = { kind: 'idle' }
  channel.onmessage = (event: MessageEvent<Message>) => {
    if (event.data.kind === 'hello' && document.visibilityState === 'visible') send()
  }
  const send = () => channel.postMessage({ kind: 'show', shown: last } satisfies Message)
  onScopeDispose(() => channel.close())
  return (shown) => {
    last = JSON.parse(JSON.stringify(shown)) as Shown
    send()
  }
}

/** The screen's side. */
export function useCustomerLink(): ShallowRef<Shown> {
  const shown = shallowRef<Shown>({ kind: 'idle' })
  const channel = new BroadcastChannel(NAME)
  channel.onmessage = (event: MessageEvent<Message>) => {
    if (event.data.kind === 'show') shown.value = event.data.shown
  }
  channel.postMessage({ kind: 'hello' } satisfies Message)
  onScopeDispose(() => channel.close())
  return shown
}
