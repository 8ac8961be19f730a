import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteRecordRaw, type Router } from 'vue-router'
import { useSession } from './stores/session'

const found = import.meta.glob<{ routes: RouteRecordRaw[] }>('./screens/*/routes.ts', { eager: true })

export const screens: RouteRecordRaw[] = Object.values(found).flatMap((one) => one.routes)

/** Say whether rights open a screen: any one of several that it names. */
export function opens(permission: string | string[] | undefined, can: (name: string) => boolean): boolean {
  if (permission === undefined) return true
  return Array.isArray(permission) ? permission.some(can) : can(permission)
}

export function makeRouter(): Router {
  const routes: RouteRecordRaw[] = [
    ...screens,
    { path: '/no-right', name: 'no-right', component: () => import('./frame/NoRight.vue'), meta: { title: '无权限' } },
    { path: '/:rest(.*)*', name: 'not-found', component: () => import('./frame/NotFound.vue'), meta: { title: '没有这个页面' } },
  ]
  if (!screens.some((one) => one.path === '/')) {
    routes.unshift({ path: '/', component: () => import('./frame/Welcome.vue'), meta: { title: '工作台' } })
  }
  const router = createRouter({ history: createWebHistory(), routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } })
  router.beforeEach(guard)
  router.afterEach((to) => {
    document.title = to.meta.title ? `${to.meta.title} · 预电` : '预电'
  })
  return router
}

async function guard(to: RouteLocationNormalized) {
  const session = useSession()
  if (to.meta.open) return true
  const asked = session.isSignedIn()
  fetchScreens(to)
  await asked
  // ?role= of a demonstration: its doors sign in by one tap; a product's server refuses that.
  const role = typeof to.query.role === 'string' ? to.query.role : ''
  if (role && !(await session.isSignedIn())) {
    const isIn = await session.demoSignIn(role)
    if (isIn) return { ...to, query: { ...to.query, role: undefined }, replace: true }
  }
  if (!(await session.isSignedIn())) return { path: '/sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  return true
}

/** Begin to load what a path shows while the server is asked who is signed in: one way less to wait for. */
function fetchScreens(to: RouteLocationNormalized): void {
  for (const { components } of to.matched) {
    const screen: unknown = components?.default
    // Only a function that takes nothing loads a screen; a loaded one is an object. A fault shows when it is opened.
    if (typeof screen === 'function') void Promise.resolve((screen as () => unknown)()).catch(() => undefined)
  }
}
