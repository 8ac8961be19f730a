import type { RouteRecordRaw } from 'vue-router'
import { useLive } from '../../live'

/** The board itself is asked for beside its screen, not after it. */
function screen() {
  useLive().expect()
  return import('./Board.vue')
}

export const routes: RouteRecordRaw[] = [
  { path: '/board', component: screen, meta: { title: '商铺看板', permission: 'staff.board' } },
  { path: '/board/wall', component: () => import('./Wall.vue'), meta: { title: '看板大屏', permission: 'staff.board', frame: false, parent: '/board' } },
]
