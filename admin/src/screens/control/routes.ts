import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/control/commands', component: () => import('./Commands.vue'), meta: { title: '指令中心', permission: 'staff.command.view' } },
  { path: '/control/keep-supply', component: () => import('./KeepSupply.vue'), meta: { title: '保电清单', permission: 'staff.board' } },
]
