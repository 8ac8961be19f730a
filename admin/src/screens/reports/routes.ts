import type { RouteRecordRaw } from 'vue-router'

const MONEY = 'staff.report.sales'
const ENERGY = 'staff.report.energy'

/** kind → title and whoever may open it; a cashier opens the first one and sees their own takings. */
const KINDS: Record<string, { title: string; permission: string | string[] }> = {
  'sales-by-day': { title: '售电日报', permission: [MONEY, 'staff.report.own'] },
  'sales-by-month': { title: '售电月报', permission: MONEY },
  shops: { title: '商铺购用电明细', permission: MONEY },
  'public-areas': { title: '公区用电', permission: ENERGY },
  readings: { title: '抄表记录', permission: ENERGY },
  switching: { title: '断送电记录', permission: ENERGY },
  availability: { title: '在线率', permission: ENERGY },
}

export const routes: RouteRecordRaw[] = Object.entries(KINDS).flatMap(([kind, meta]) => [
  { path: `/reports/${kind}`, component: () => import('./Report.vue'), props: { kind }, meta },
  {
    path: `/print/report/${kind}`,
    component: () => import('./PrintReport.vue'),
    props: { kind },
    meta: { ...meta, title: `打印${meta.title}`, frame: false },
  },
])
