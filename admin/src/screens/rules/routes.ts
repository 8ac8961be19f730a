import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  {
    path: '/rules/tariffs',
    component: () => import('./TariffList.vue'),
    meta: { title: '电价方案', permission: 'staff.tariff.view' },
  },
  {
    path: '/rules/tariffs/:tariffId',
    component: () => import('./TariffPage.vue'),
    props: true,
    meta: { title: '电价版本', permission: 'staff.tariff.view' },
  },
  {
    path: '/rules/policy',
    component: () => import('./PolicyPage.vue'),
    meta: { title: '预警与断电策略', permission: 'staff.policy.view' },
  },
  {
    path: '/rules/power-limits',
    component: () => import('./PowerLimits.vue'),
    meta: { title: '功率限值', permission: 'staff.policy.view' },
  },
  {
    path: '/rules/calendar',
    component: () => import('./CalendarPage.vue'),
    meta: { title: '节假日与免断时段', permission: 'staff.policy.view' },
  },
]
