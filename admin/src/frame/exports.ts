/** Files in the making, for the bell: looked at every two seconds while one is, and told when it is there. */
import { computed, shallowRef } from 'vue'
import { api, take, type Schemas } from '../api/client'
import { tell } from './tell'

export type Export = Schemas['ExportView']

const EVERY_MS = 2000
export const exportsList = shallowRef<Export[]>([])
/** Finished and not yet looked at. */
export const news = shallowRef<ReadonlySet<string>>(new Set())
export const isOpen = (one: Export) => one.state === 'waiting' || one.state === 'running'
export const running = computed(() => exportsList.value.filter(isOpen))
let timer = 0

export async function lookAtExports(): Promise<void> {
  window.clearTimeout(timer)
  try {
    keep(await take(api.GET('/api/v1/staff/exports')))
  } finally {
    if (running.value.length) timer = window.setTimeout(() => void lookAtExports().catch(() => undefined), EVERY_MS)
  }
}

function keep(found: Export[]): void {
  const before = new Map(exportsList.value.map((one) => [one.export_id, one]))
  exportsList.value = found
  for (const one of found) {
    const was = before.get(one.export_id)
    if (!was || !isOpen(was) || isOpen(one)) continue
    news.value = new Set([...news.value, one.export_id])
    if (one.state === 'done') tell.done(`${one.title} 的 Excel 已生成，点右上角下载`)
    if (one.state === 'failed') tell.problem(`${one.title} 导出失败：${one.reason}`)
  }
}

/** Put a file that was just asked for into the bell. */
export function noteExport(one: Export): void {
  exportsList.value = [one, ...exportsList.value.filter((other) => other.export_id !== one.export_id)]
  window.clearTimeout(timer)
  timer = window.setTimeout(() => void lookAtExports().catch(() => undefined), 400)
}

export function stopLooking(): void {
  window.clearTimeout(timer)
}

export function clearNews(): void {
  news.value = new Set()
}

/** 1536 → "1.5 KB". */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return ''
  return bytes < 1_048_576 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`
}

/** Percent of a file's rows that are written; undefined: not counted yet. */
export function percentOf(one: Export): number | undefined {
  if (!one.row_count) return undefined
  return Math.min(100, Math.floor((one.rows_done * 100) / one.row_count))
}
