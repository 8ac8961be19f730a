import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/shops/:accountId', component: () => import('./Shop.vue'), props: true, meta: { title: '商铺详情', permission: 'staff.account.view', parent: '/board' } },
  { path: '/print/statement/:accountId', component: () => import('./PrintStatement.vue'), props: true, meta: { title: '打印对账单', permission: 'staff.account.view', frame: false } },
]
