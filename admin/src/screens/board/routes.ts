import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/board', component: () => import('./Board.vue'), meta: { title: '商铺看板', permission: 'staff.board' } },
  { path: '/board/wall', component: () => import('./Wall.vue'), meta: { title: '看板大屏', permission: 'staff.board', frame: false, parent: '/board' } },
]
