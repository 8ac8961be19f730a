import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, Refusal, take, type Schemas } from '../api/client'
import { noAnswer } from '../api/refusal'

export type Me = Schemas['Me']

/** Who is signed in, what they may do, and the question for a password when a session has ended. */
export const useSession = defineStore('session', () => {
  const me = shallowRef<Me>()
  const permissions = shallowRef<ReadonlySet<string>>(new Set())
  const isAsking = ref(false)
  let waiting: { go: () => void; stop: (reason: Refusal) => void }[] = []
  let firstLook: Promise<void> | undefined

  const csrfToken = computed(() => me.value?.csrf_token ?? '')
  const can = (permission: string) => permissions.value.has(permission)

  function set(found: Me | undefined): void {
    me.value = found
    permissions.value = new Set(found?.permissions ?? [])
  }

  /** Rights that were re-cut while the page was open hold from now on. */
  function setPermissions(names: string[]): void {
    permissions.value = new Set(names)
  }

  async function look(): Promise<void> {
    const answer = await fetch('/api/v1/staff/me', { credentials: 'same-origin', cache: 'no-store' })
    if (answer.ok) set((await answer.json()) as Me)
    else if (answer.status !== 401) throw noAnswer()
  }

  /** Tell whether there is a session; the first call asks the server. */
  async function isSignedIn(): Promise<boolean> {
    if (!me.value) {
      firstLook ??= look().catch(() => undefined)
      await firstLook
      firstLook = undefined
    }
    return me.value !== undefined
  }

  /** Fetch the token anew; false when somebody else is signed in by now. */
  async function refresh(): Promise<boolean> {
    const before = me.value?.staff_id
    await look()
    if (before === me.value?.staff_id) return true
    location.assign('/')
    return false
  }

  async function signIn(body: Schemas['StaffSignInBody']): Promise<Me> {
    const found = await take(api.POST('/api/v1/staff/sessions', { body }))
    if (isAsking.value && me.value && found.staff_id !== me.value.staff_id) {
      // Another person's drafts are nobody else's business.
      location.assign('/')
      return found
    }
    set(found)
    answerAll((one) => one.go())
    return found
  }

  /** Sign in by one tap, in a demonstration alone; false where there is none. */
  async function demoSignIn(role: string): Promise<boolean> {
    try {
      set(await take(api.POST('/api/v1/staff/demo-sessions', { body: { role } })))
      answerAll((one) => one.go())
      return true
    } catch {
      return false
    }
  }

  /** Wait until the person at the page has signed in again. Throws Refusal when they leave it. */
  function askAgain(): Promise<void> {
    if (!me.value) return Promise.reject(new Refusal(401, 'session_ended', '登录已过期，请重新登录'))
    isAsking.value = true
    return new Promise((go, stop) => waiting.push({ go, stop }))
  }

  function giveUp(): void {
    answerAll((one) => one.stop(new Refusal(401, 'session_ended', '登录已过期，请重新登录')))
  }

  function answerAll(act: (one: { go: () => void; stop: (reason: Refusal) => void }) => void): void {
    isAsking.value = false
    const all = waiting
    waiting = []
    all.forEach(act)
  }

  /** End the session here and on the server; the page is loaded anew, so nothing of it stays. */
  async function signOut(): Promise<void> {
    try {
      await take(api.DELETE('/api/v1/staff/sessions/current'))
    } finally {
      location.assign('/sign-in')
    }
  }

  return { me, permissions, isAsking, csrfToken, can, setPermissions, isSignedIn, refresh, signIn, demoSignIn, askAgain, giveUp, signOut }
})
