import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  {
    path: '/counter',
    component: () => import('./Counter.vue'),
    meta: { title: '售电收款', permission: 'staff.top_up' },
  },
  {
    path: '/counter/receipts',
    component: () => import('./Receipts.vue'),
    meta: { title: '收据', permission: ['staff.top_up', 'staff.receipt.reprint', 'staff.reversal.approve'] },
  },
  {
    path: '/counter/customer',
    component: () => import('./CustomerScreen.vue'),
    meta: { title: '顾客屏', permission: 'staff.top_up', frame: false },
  },
  {
    path: '/print/receipt/:entryId',
    component: () => import('./PrintReceipt.vue'),
    props: true,
    meta: { title: '收据', permission: 'staff.account.view', frame: false },
  },
]
