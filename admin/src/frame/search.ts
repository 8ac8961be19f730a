/** The one search of the top bar: what it finds and where each kind leads. */
import { refusalOf } from '../api/refusal'

export type Kind = 'shop' | 'meter' | 'contact' | 'receipt' | 'command'

export interface Item {
  id: string
  account_id: string | null
  meter_id: string | null
  title: string
  detail: string
}

export interface Found {
  kind: Kind
  items: Item[]
}

const WORDS: Record<Kind, string> = { shop: '商铺', meter: '电表', contact: '联系人', receipt: '收据', command: '指令' }

export const kindWord = (kind: Kind) => WORDS[kind]

export function pathOf(kind: Kind, item: Item): string {
  if (kind === 'receipt') return `/print/receipt/${item.id}`
  if (kind === 'command') return `/control/commands?id=${item.id}`
  if (kind === 'meter' && item.meter_id) return `/files/meters/${item.meter_id}`
  return `/shops/${item.account_id ?? item.id}`
}

/** Search; a refusal is told in the list, never thrown. */
export async function find(text: string): Promise<{ groups: Found[]; note: string }> {
  try {
    const answer = await fetch(`/api/v1/staff/search?${new URLSearchParams({ q: text })}`, { credentials: 'same-origin' })
    const content = (await answer.json()) as { groups: Found[] }
    if (!answer.ok) return { groups: [], note: refusalOf(answer.status, content).message }
    return { groups: content.groups.filter((one) => one.items.length), note: '' }
  } catch {
    return { groups: [], note: '没有得到答复，请检查网络后重试' }
  }
}
