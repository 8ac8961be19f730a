/** The till (收款台): one form from the shop to the receipt, and every payment under one request. */
import { computed, reactive, ref, shallowRef, watch } from 'vue'
import { api, newRequestId, take } from '../../api/client'
import { Refusal } from '../../api/refusal'
import { useSubmit } from '../../api/use'
import { fenFromYuan, yuanText } from '../../format/money'
import { rowId } from './ids'
import { dropPending, keepPending, pendingDraft, type Draft } from './pending'
import { repeated, type Card } from './sums'
import type { Method } from './words'

/** A second F9 this soon after a warning is a bouncing key, not an answer. */
const READ_WARNING_MS = 700

export interface Sold {
  topUpId: string
  shop: string
  amountFen: number
  changeFen?: number
  balanceFen?: number
  print: boolean
}

const empty = () => ({ amount: '', method: 'cash' as Method, received: '', reference: '', payer: '', note: '' })

export function useTill(onSold: (sold: Sold) => void) {
  const form = reactive(empty())
  const card = shallowRef<Card>()
  const cardError = shallowRef<Refusal>()
  const requestId = ref(newRequestId())
  const isUnsure = ref(false)
  /** The last look at what others have taken meanwhile, before something is sent. */
  const isChecking = ref(false)
  const warnedAt = ref(0)
  /** The order whose code is on the customer screen. */
  const scanId = ref('')
  let asked = 0

  const amountFen = computed(() => fenFromYuan(form.amount))
  const receivedFen = computed(() => (form.received.trim() ? fenFromYuan(form.received) : amountFen.value))
  const changeFen = computed(() => {
    if (form.method !== 'cash' || amountFen.value === undefined || receivedFen.value === undefined) return undefined
    return receivedFen.value - amountFen.value
  })
  const isRepeated = computed(() => !!card.value && repeated(card.value, amountFen.value) !== undefined)
  const isLocked = computed(() => isUnsure.value || isBusy.value || !!scanId.value)
  const shopName = computed(() => (card.value ? `${card.value.shop_code} ${card.value.shop_name}` : ''))

  const { submit, errors, message, refusal, isBusy, clear } = useSubmit(send)

  async function choose(accountId: string): Promise<void> {
    const mine = ++asked
    try {
      const found = await take(api.GET('/api/v1/staff/counter/accounts/{account_id}', { params: { path: { account_id: rowId(accountId) } } }))
      if (mine !== asked) return
      card.value = found
      cardError.value = undefined
      if (found.practice && form.method === 'scan') form.method = 'cash'
    } catch (problem) {
      if (mine !== asked) return
      if (!(problem instanceof Refusal)) throw problem
      cardError.value = problem
      if (card.value?.account_id !== accountId) card.value = undefined
    }
  }

  const refresh = async () => {
    if (card.value && !isBusy.value) await choose(card.value.account_id)
  }

  function reset(): void {
    asked++
    Object.assign(form, empty())
    card.value = undefined
    cardError.value = undefined
    isUnsure.value = false
    warnedAt.value = 0
    scanId.value = ''
    requestId.value = newRequestId()
    dropPending()
    clear()
  }

  /** Complaints that need no server; true when there are any. */
  function complains(): boolean {
    clear()
    if (amountFen.value === undefined) errors.amount_fen = '请输入金额，最多两位小数'
    else if (form.method === 'cash' && receivedFen.value === undefined) errors.received_fen = '请输入实收金额'
    else if ((changeFen.value ?? 0) < 0) errors.received_fen = '实收不足'
    else if ((form.method === 'transfer' || form.method === 'card') && !form.reference.trim()) errors.reference = '请填写凭证号'
    return Object.keys(errors).length > 0
  }

  /** F9 and F8. The same amount again within ten minutes takes a second, later press. */
  async function confirm(print: boolean): Promise<void> {
    if (!card.value || isBusy.value || isChecking.value || scanId.value) return
    if (!isUnsure.value && complains()) return
    // What was confirmed is what is sent, whatever is typed while we look once more.
    const what = { ...draft(), print }
    if (!isUnsure.value && !(await isMeant(what))) return
    await go(what)
  }

  /** Ask whether this is a repetition, of another till's or tab's payment too. */
  async function isMeant(what: Draft): Promise<boolean> {
    if (warnedAt.value) return Date.now() - warnedAt.value >= READ_WARNING_MS
    isChecking.value = true
    try {
      await choose(what.accountId)
    } finally {
      isChecking.value = false
    }
    if (card.value?.account_id !== what.accountId || requestId.value !== what.requestId) return false
    if (isRepeated.value) warnedAt.value = Date.now()
    return !isRepeated.value
  }

  watch(amountFen, () => (warnedAt.value = 0))

  function draft(): Draft {
    return {
      accountId: card.value!.account_id,
      method: form.method,
      amountFen: amountFen.value ?? 0,
      receivedFen: form.method === 'cash' ? receivedFen.value : undefined,
      reference: form.method === 'cash' || form.method === 'scan' ? '' : form.reference.trim(),
      payer: form.payer.trim(),
      note: form.note.trim(),
      requestId: requestId.value,
      print: true,
    }
  }

  async function go(what: Draft): Promise<void> {
    keepPending(what)
    const shop = shopName.value
    const done = await submit(what)
    const wasUnsure = isUnsure.value
    const status = refusal.value?.status ?? 200
    // These say nothing about a payment that was sent before.
    const isNoAnswer = status === 401 || status === 403 || status === 429
    isUnsure.value = (refusal.value?.isUnsure ?? false) || (wasUnsure && isNoAnswer)
    if (!isUnsure.value && !scanId.value) dropPending()
    if (!done) {
      // What was refused for good was not booked: the next try is another request.
      if (!isUnsure.value && !isNoAnswer) requestId.value = newRequestId()
      return
    }
    if (done === 'scan') return
    reset()
    onSold({ ...done, shop })
  }

  async function send(what: Draft): Promise<Omit<Sold, 'shop'> | 'scan'> {
    const params = { path: { account_id: rowId(what.accountId) } }
    const common = { amount_fen: what.amountFen, payer: what.payer, note: what.note, request_id: what.requestId }
    if (what.method === 'scan') {
      const made = await take(api.POST('/api/v1/staff/accounts/{account_id}/native-orders', { params, body: common }))
      scanId.value = made.top_up_id
      return 'scan'
    }
    const body = { ...common, method: what.method, received_fen: what.receivedFen ?? null, reference: what.reference }
    const made = await take(api.POST('/api/v1/staff/accounts/{account_id}/counter-top-ups', { params, body }))
    return {
      topUpId: made.top_up_id,
      amountFen: made.amount_fen,
      changeFen: made.change_fen ?? undefined,
      balanceFen: made.balance_after_fen,
      print: what.print,
    }
  }

  /** The customer has paid: the same end as money on the counter. */
  function scanPaid(sold: { topUpId: string; amountFen: number; balanceFen?: number }): void {
    const print = pendingDraft()?.print ?? true
    const shop = shopName.value
    reset()
    onSold({ ...sold, shop, print })
  }

  /** The code is closed: the form stays as it was, under a new request. */
  function scanClosed(): void {
    scanId.value = ''
    requestId.value = newRequestId()
    dropPending()
  }

  /** After a reload of the tab: show what was sent, ready to be sent again under its own request. */
  async function resume(): Promise<boolean> {
    const kept = pendingDraft()
    if (!kept) return false
    await choose(kept.accountId)
    if (!card.value) return false
    Object.assign(form, {
      amount: yuanText(kept.amountFen),
      method: kept.method,
      received: kept.receivedFen === undefined ? '' : yuanText(kept.receivedFen),
      reference: kept.reference,
      payer: kept.payer,
      note: kept.note,
    })
    requestId.value = kept.requestId
    isUnsure.value = true
    if (kept.method === 'scan') await go(kept)
    return true
  }

  return {
    form, card, cardError, amountFen, receivedFen, changeFen, isRepeated, isLocked, isUnsure, isBusy, warnedAt, scanId,
    shopName, errors, message, refusal, clear, choose, refresh, reset, confirm, scanPaid, scanClosed, resume,
  }
}

export type Till = ReturnType<typeof useTill>
