/** What a top-up comes to, before it is booked. Whole fen; the server's word is the one that counts. */
import type { Schemas } from '../../api/client'
import { yuan } from '../../format/money'
import { serverNowMs, span } from '../../format/time'

export type Card = Schemas['CounterCard']

const NANO_PER_FEN = 10_000_000
const MS_PER_DAY = 86_400_000

/** Days that a balance lasts with so much more on it, to a tenth; undefined: the use is not known. */
export function daysAfter(card: Card, amountFen: number, nowMs = serverNowMs()): number | undefined {
  const reads = card.meters.map((one) => one.read_at)
  const mean = card.mean_daily_nano
  if (card.estimated_fen == null || mean == null || mean < NANO_PER_FEN) return undefined
  if (!reads.length || reads.some((at) => !at)) return undefined
  const silentMs = Math.max(0, nowMs - Math.min(...reads.map((at) => Date.parse(at!))))
  const left = ((card.estimated_fen + card.overdraft_fen + amountFen) * NANO_PER_FEN) / mean
  return Math.max(0, Math.floor(10 * (left - silentMs / MS_PER_DAY))) / 10
}

/** "约 12 天"; under ten days with a tenth. */
export function daysText(days: number | null | undefined): string {
  if (days == null) return '数据不足'
  return `约 ${days < 10 ? days : Math.floor(days)} 天`
}

/** The top-up of the same amount within the last ten minutes, if there is one. */
export function repeated(card: Card, amountFen: number | undefined): Card['recent'][number] | undefined {
  return amountFen === undefined ? undefined : card.recent.find((one) => one.amount_fen === amountFen)
}

export function repeatedText(card: Card, amountFen: number, nowMs = serverNowMs()): string {
  const before = repeated(card, amountFen)
  if (!before) return ''
  const age = span(Math.max(0, (nowMs - Date.parse(before.booked_at)) / 1000))
  return `${age}前刚充过 ${yuan(amountFen)}，是否重复？`.replace('刚刚前刚', '刚刚')
}

/** What becomes of the power with this money, in the cashier's words; empty when it is on. */
export function powerText(card: Card, amountFen: number): string {
  const others = card.off_reasons.filter((one) => one !== 'arrears')
  if (others.length) return '充值不会送电：另有断电原因，请联系电工'
  if (!card.off_reasons.length) return ''
  const short = card.to_restore_fen - amountFen
  if (short > 0) return `还差 ${yuan(short)} 才能送电`
  return card.meters.some((one) => one.silent_since_at) ? '电表离线：恢复通讯后自动送电' : '充值后将自动送电'
}
