/** The one way to the server: `await take(api.GET('/api/v1/staff/me'))`. */
import createClient from 'openapi-fetch'
import type { components, paths } from '../schema'
import { noteServerTime } from '../format/time'
import { useSession } from '../stores/session'
import { noAnswer, refusalOf } from './refusal'

export type Schemas = components['schemas']
export { Refusal } from './refusal'

const SESSIONS = /\/api\/v1\/staff\/(demo-)?sessions$/

export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin', fetch: send })

/**
 * Send a request. A session that has ended is asked for over the page and the request sent again, so that
 * no draft is lost; a token that another tab has made old is fetched anew, once.
 */
async function send(request: Request): Promise<Response> {
  const spare = request.clone()
  const answer = await once(request)
  if (SESSIONS.test(new URL(request.url).pathname)) return answer
  if (answer.status === 401) {
    await useSession().askAgain()
    return once(spare)
  }
  if (answer.status === 403 && (await codeOf(answer)) === 'csrf_refused' && (await useSession().refresh())) {
    return once(spare)
  }
  return answer
}

async function once(request: Request): Promise<Response> {
  const token = useSession().csrfToken
  if (request.method !== 'GET' && token) request.headers.set('X-CSRF-Token', token)
  const answer = await fetch(request)
  noteServerTime(answer.headers.get('X-Server-Time'))
  return answer
}

async function codeOf(answer: Response): Promise<string> {
  try {
    return ((await answer.clone().json()) as { code?: string }).code ?? ''
  } catch {
    return ''
  }
}

/** Return what a call answers; throws Refusal for everything else, also for no answer. */
export async function take<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result: { data?: T; error?: unknown; response: Response }
  try {
    result = await call
  } catch {
    throw noAnswer()
  }
  if (!result.response.ok) throw refusalOf(result.response.status, result.error)
  return result.data as T
}

/** A number for one intention, kept for its retries (`request_id`). Also where the page is not on https. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = [...bytes].map((one) => one.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
