/**
 * A payment that was sent and not answered. It outlives a reload of the tab, so that the retry carries the same
 * request and books nothing twice.
 */
import type { Method } from './words'

export interface Draft {
  accountId: string
  method: Method
  amountFen: number
  receivedFen?: number
  reference: string
  payer: string
  note: string
  requestId: string
  print: boolean
}

const KEY = 'prewatt-counter-pending'

export function keepPending(draft: Draft): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft))
  } catch {
    // A browser without storage still retries while the page is open.
  }
}

export function pendingDraft(): Draft | undefined {
  try {
    const text = sessionStorage.getItem(KEY)
    return text ? (JSON.parse(text) as Draft) : undefined
  } catch {
    return undefined
  }
}

export function dropPending(): void {
  try {
    sessionStorage.removeItem(KEY)
  } catch {
    // Nothing was kept.
  }
}
