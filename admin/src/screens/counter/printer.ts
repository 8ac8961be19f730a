/** Print receipts from the page that is open: no pop-up to be blocked, and with a kiosk's printer no dialog. */
import { createApp, h, nextTick } from 'vue'
import { api, newRequestId, take, type Schemas } from '../../api/client'
import { Refusal } from '../../api/refusal'
import { rowId } from './ids'
import ReceiptPaper from './ReceiptPaper.vue'

export type Paper = '80' | '58' | 'a5'
export type Receipt = Schemas['ReceiptView']

export const PAPERS: { value: Paper; label: string }[] = [
  { value: '80', label: '80 mm 热敏' },
  { value: '58', label: '58 mm 热敏' },
  { value: 'a5', label: 'A5 二联' },
]
const KEY = 'prewatt-receipt-paper'
const MM_PER_PX = 25.4 / 96
const WIDTH_MM: Record<Paper, number> = { '80': 80, '58': 58, a5: 210 }
const A5_HEIGHT_MM = 148

export const isPaper = (text: unknown): text is Paper => text === '80' || text === '58' || text === 'a5'

/** The till's own printer, kept in this browser. */
export function paperOfTill(): Paper {
  const kept = localStorage.getItem(KEY)
  return isPaper(kept) ? kept : '80'
}

export const keepPaper = (paper: Paper) => localStorage.setItem(KEY, paper)

/** Say what the sheet is: as wide as the roll and as long as what stands on it. Returns how to take it back. */
export function layPage(paper: Paper, content: HTMLElement): () => void {
  const heightMm = paper === 'a5' ? A5_HEIGHT_MM : Math.ceil(content.getBoundingClientRect().height * MM_PER_PX) + 4
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`@page { size: ${WIDTH_MM[paper]}mm ${heightMm}mm; margin: 0; }`)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet)
  }
}

/** Count a print and say what goes on the paper. */
export function countPrint(entryId: string, requestId: string): Promise<Receipt> {
  return take(
    api.POST('/api/v1/staff/receipts/{entry_id}/prints', {
      params: { path: { entry_id: rowId(entryId) } },
      body: { request_id: requestId },
    }),
  )
}

export function usePrinter() {
  /** Count and print; returns what went wrong, or nothing. */
  async function print(entryId: string): Promise<string> {
    let receipt: Receipt
    try {
      receipt = await countPrint(entryId, newRequestId())
    } catch (problem) {
      if (problem instanceof Refusal) return problem.message
      throw problem
    }
    const paper = paperOfTill()
    const place = document.createElement('div')
    place.className = 'only-on-paper'
    document.body.append(place)
    const app = createApp({ render: () => h(ReceiptPaper, { receipt, paper }) })
    app.mount(place)
    await nextTick()
    const takeBack = layPage(paper, place)
    document.body.classList.add('prints-receipt')
    try {
      window.print()
    } finally {
      document.body.classList.remove('prints-receipt')
      takeBack()
      app.unmount()
      place.remove()
    }
    return ''
  }
  return { print }
}
