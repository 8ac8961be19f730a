import { take } from '../api/client'

/** Take an answer that has no content: true, where a form asks whether it went through. */
export async function done(call: Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<true> {
  await take(call)
  return true
}
