import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/account/open', component: () => import('./OpenAccount.vue'), meta: { title: '开户', permission: 'staff.account.open' } },
  { path: '/account/import', component: () => import('./ImportSite.vue'), meta: { title: '批量导入', permission: 'staff.account.import' } },
  {
    path: '/print/opening/:accountId',
    component: () => import('./PrintOpening.vue'),
    props: true,
    meta: { title: '开户单', permission: 'staff.account.open', frame: false },
  },
]
