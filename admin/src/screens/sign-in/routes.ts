import type { RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/sign-in', component: () => import('./SignIn.vue'), meta: { title: '登录', frame: false, open: true } },
]
