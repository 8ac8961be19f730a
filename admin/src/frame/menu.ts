/** The whole menu. An entry is shown when its screen is there and the person may open it. */
import {
  Bell,
  DataLine,
  Folder,
  Grid,
  House,
  PriceTag,
  Setting,
  SwitchButton,
  Wallet,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'

export interface Entry {
  path: string
  title: string
}

export interface Group {
  /** Its own screen, for a group of one. */
  path?: string
  title: string
  icon: Component
  entries: Entry[]
}

export const MENU: Group[] = [
  { title: '工作台', icon: House, path: '/', entries: [] },
  { title: '商铺看板', icon: Grid, path: '/board', entries: [] },
  {
    title: '柜台',
    icon: Wallet,
    entries: [
      { path: '/counter', title: '售电收款' },
      { path: '/counter/receipts', title: '收据' },
      { path: '/account/open', title: '开户' },
      { path: '/account/import', title: '批量导入' },
    ],
  },
  {
    title: '远程控制',
    icon: SwitchButton,
    entries: [
      { path: '/control/commands', title: '指令中心' },
      { path: '/control/keep-supply', title: '保电清单' },
    ],
  },
  {
    title: '告警中心',
    icon: Bell,
    entries: [
      { path: '/alarms', title: '实时告警' },
      { path: '/alarms/history', title: '历史告警' },
    ],
  },
  {
    title: '档案',
    icon: Folder,
    entries: [
      { path: '/files/shops', title: '商铺' },
      { path: '/files/tenants', title: '商户' },
      { path: '/files/meters', title: '电表' },
      { path: '/files/wiring', title: '强电井与总线' },
      { path: '/files/registers-in-doubt', title: '待核示数' },
      { path: '/files/meter-changes', title: '换表' },
      { path: '/files/ratio-changes', title: '倍率更改' },
    ],
  },
  {
    title: '电价与策略',
    icon: PriceTag,
    entries: [
      { path: '/rules/tariffs', title: '电价方案' },
      { path: '/rules/policy', title: '预警与断电策略' },
      { path: '/rules/power-limits', title: '功率限值' },
      { path: '/rules/calendar', title: '节假日与免断时段' },
    ],
  },
  {
    title: '报表',
    icon: DataLine,
    entries: [
      { path: '/reports/sales-by-day', title: '售电日报' },
      { path: '/reports/sales-by-month', title: '售电月报' },
      { path: '/reports/shops', title: '商铺购用电明细' },
      { path: '/reports/public-areas', title: '公区用电' },
      { path: '/reports/readings', title: '抄表记录' },
      { path: '/reports/switching', title: '断送电记录' },
      { path: '/reports/availability', title: '在线率' },
    ],
  },
  {
    title: '系统',
    icon: Setting,
    entries: [
      { path: '/system/users', title: '用户' },
      { path: '/system/roles', title: '角色权限' },
      { path: '/system/audit', title: '操作日志' },
    ],
  },
]
