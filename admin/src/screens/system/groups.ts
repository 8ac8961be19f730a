/** The rights as the matrix shows them: grouped as the menu is, so that a role is cut by what people see. */
import type { Schemas } from '../../api/client'

type Right = Schemas['Right']

const GROUPS: [string, RegExp][] = [
  ['看板与电表', /^staff\.(board|meter\.view|read_now|command\.view)$/],
  ['远程控制', /^staff\.(trip|restore|decide_trip|power_limit|keep_supply)/],
  ['柜台与开户', /^staff\.(top_up|receipt|reversal|binding_code|account|tenant)/],
  ['告警与待办', /^staff\.(alarm|task|message)/],
  ['档案', /^staff\.(site|ratio|reading|meter\.change|remark)/],
  ['电价与策略', /^staff\.(tariff|policy)/],
  ['报表与账目', /^staff\.(report|ledger)/],
  ['系统', /^staff\.(users|audit)/],
]

export interface Group {
  title: string
  rights: Right[]
}

/** Every right stands in exactly one group; one that fits nowhere stands under "其他". */
export function grouped(rights: Right[]): Group[] {
  const groups = [...GROUPS.map(([title]) => ({ title, rights: [] as Right[] })), { title: '其他', rights: [] as Right[] }]
  for (const right of rights) {
    const number = GROUPS.findIndex(([, pattern]) => pattern.test(right.name))
    groups[number < 0 ? GROUPS.length : number]!.rights.push(right)
  }
  return groups.filter((one) => one.rights.length)
}

export interface Change {
  role: string
  added: string[]
  removed: string[]
}

/** What of each role differs from what the server holds; roles that stayed are left out. */
export function changes(before: Record<string, string[]>, after: Record<string, string[]>): Change[] {
  return Object.keys(after)
    .map((role) => ({
      role,
      added: after[role]!.filter((one) => !before[role]?.includes(one)),
      removed: (before[role] ?? []).filter((one) => !after[role]!.includes(one)),
    }))
    .filter((one) => one.added.length || one.removed.length)
}

/** Rights that must not stand together with managing users; the server refuses them, the page says it first. */
export function mixed(names: string[], rights: Right[], manage: string): string[] {
  if (!names.includes(manage)) return []
  return rights.filter((one) => one.apart && names.includes(one.name)).map((one) => one.words)
}
