import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/alarms', component: () => import('./Alarms.vue'), meta: { title: '实时告警', permission: 'staff.board' } },
  { path: '/alarms/history', component: () => import('./History.vue'), meta: { title: '历史告警', permission: 'staff.board' } },
]
