import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/system/users', component: () => import('./Users.vue'), meta: { title: '用户', permission: 'staff.users.view' } },
  { path: '/system/roles', component: () => import('./Roles.vue'), meta: { title: '角色权限', permission: 'staff.users.view' } },
  { path: '/system/audit', component: () => import('./Audit.vue'), meta: { title: '操作日志' } },
]
