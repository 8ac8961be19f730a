import { reactive } from 'vue'
import type { RouteLocationNormalizedLoaded } from 'vue-router'

export const MOST_TABS = 8

export interface Tab {
  key: string
  title: string
  fullPath: string
}

/** Open screens in the order of their opening; the one unused for the longest goes when there are too many. */
export const tabs = reactive<Tab[]>([])
const usedAt = new Map<string, number>()
let uses = 0

export const keyOf = (route: RouteLocationNormalizedLoaded) => route.path

export function noteTab(route: RouteLocationNormalizedLoaded): void {
  const key = keyOf(route)
  usedAt.set(key, ++uses)
  const there = tabs.find((one) => one.key === key)
  if (there) {
    there.fullPath = route.fullPath
    return
  }
  tabs.push({ key, title: route.meta.title ?? route.path, fullPath: route.fullPath })
  if (tabs.length > MOST_TABS) {
    const oldest = tabs.filter((one) => one.key !== '/').sort((a, b) => usedAt.get(a.key)! - usedAt.get(b.key)!)[0]
    if (oldest) closeTab(oldest.key)
  }
}

/** Name a tab after what it shows, e.g. a shop; called by the screen once it knows. */
export function nameTab(key: string, title: string): void {
  const tab = tabs.find((one) => one.key === key)
  if (tab) tab.title = title
}

/** Close a tab and return the one to show instead. */
export function closeTab(key: string): Tab | undefined {
  const number = tabs.findIndex((one) => one.key === key)
  if (number < 0) return undefined
  tabs.splice(number, 1)
  usedAt.delete(key)
  return tabs[number] ?? tabs[number - 1]
}
