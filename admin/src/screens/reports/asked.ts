/** What a report is asked for. The days are kept from one report to the next. */
import { reactive } from 'vue'
import type { LocationQuery } from 'vue-router'
import { api, Refusal, take, type Schemas } from '../../api/client'
import { localDay } from '../../format/time'

export type ReportView = Schemas['ReportView']
export type Column = Schemas['Column']
export type Cell = string | number | null

export interface Days {
  from: string
  to: string
}

export interface Narrowed {
  group: string
  shaft: string
  floor: string
  meter: string
}

const DAY_MS = 86_400_000

/** "2026-11-22" and so many days → another day. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** The spans that people ask for by name, as seen from a day. */
export function presets(today: string): { name: string; days: Days }[] {
  const month = today.slice(0, 8)
  const lastOfBefore = dayAfter(`${month}01`, -1)
  const weekday = (new Date(`${today}T00:00:00Z`).getUTCDay() + 6) % 7
  return [
    { name: '今天', days: { from: today, to: today } },
    { name: '昨天', days: { from: dayAfter(today, -1), to: dayAfter(today, -1) } },
    { name: '本周', days: { from: dayAfter(today, -weekday), to: today } },
    { name: '本月', days: { from: `${month}01`, to: today } },
    { name: '上月', days: { from: `${lastOfBefore.slice(0, 8)}01`, to: lastOfBefore } },
    { name: '今年', days: { from: `${today.slice(0, 5)}01-01`, to: today } },
  ]
}

const today = localDay()

/** One span for all report pages, until the page is loaded anew. */
export const days = reactive<Days>({ from: `${today.slice(0, 8)}01`, to: today })

export function queryOf(asked: Days & Narrowed) {
  return {
    from: asked.from,
    to: asked.to,
    ...(asked.group ? { group: asked.group } : {}),
    ...(asked.shaft ? { shaft: asked.shaft } : {}),
    ...(asked.floor ? { floor: asked.floor } : {}),
    ...(asked.meter ? { meter: asked.meter } : {}),
  }
}

/** Read what an address asks for. */
export function askedOf(query: LocationQuery): Days & Narrowed {
  const of = (name: string) => (typeof query[name] === 'string' ? query[name] : '')
  return {
    from: of('from') || days.from,
    to: of('to') || days.to,
    group: of('group'),
    shaft: of('shaft'),
    floor: of('floor'),
    meter: of('meter'),
  }
}

/** Load one page of a report; page 0: all rows. Ids are numbers in the address alone. */
export async function loadReport(kind: string, asked: Days & Narrowed, page: number, perPage: number): Promise<ReportView> {
  const query = { ...queryOf(asked), page, per_page: perPage } as never
  try {
    return await take(api.GET('/api/v1/staff/reports/{kind}', { params: { path: { kind }, query } }))
  } catch (problem) {
    // What is wrong with the days is said in full: the bar has no place beside each field.
    const told = problem instanceof Refusal ? Object.values(problem.fields)[0] : undefined
    throw told && problem instanceof Refusal ? new Refusal(problem.status, problem.code, told, {}, problem.requestId) : problem
  }
}
