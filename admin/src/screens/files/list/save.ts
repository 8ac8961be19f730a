/** Hand a file over to the browser's downloads: "商铺档案-20261122-1031.xlsx". */
import { fullTime, serverNowMs } from '../../../format/time'

export function saveExcel(content: unknown, title: string): void {
  const stamp = fullTime(serverNowMs()).slice(0, 16).replace(/[-:]/g, '').replace(' ', '-')
  const link = document.createElement('a')
  const address = URL.createObjectURL(content as Blob)
  link.href = address
  link.download = `${title}-${stamp}.xlsx`
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
