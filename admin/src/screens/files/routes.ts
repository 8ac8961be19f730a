import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/files/shops', component: () => import('./Shops.vue'), meta: { title: '商铺档案', permission: 'staff.account.view' } },
  { path: '/files/tenants', component: () => import('./Tenants.vue'), meta: { title: '商户档案', permission: 'staff.tenant.view' } },
  { path: '/files/meters', component: () => import('./Meters.vue'), meta: { title: '电表档案', permission: 'staff.meter.view' } },
  { path: '/files/meters/:meterId', component: () => import('./Meter.vue'), props: true, meta: { title: '电表', permission: 'staff.meter.view' } },
  { path: '/files/wiring', component: () => import('./Wiring.vue'), meta: { title: '强电井与总线', permission: 'staff.site.view' } },
  { path: '/files/registers-in-doubt', component: () => import('./Doubts.vue'), meta: { title: '待核示数', permission: 'staff.meter.view' } },
  { path: '/files/meter-changes', component: () => import('./MeterChanges.vue'), meta: { title: '换表', permission: 'staff.meter.view' } },
  { path: '/files/ratio-changes', component: () => import('./RatioChanges.vue'), meta: { title: '倍率更改', permission: 'staff.site.view' } },
]
