import { ref } from 'vue'
import type { Schemas } from '../api/client'

export type Step = Schemas['FirstStep']

/** What this person put away or has seen, in this browser: nothing of it is anybody else's business. */
const keyOf = (staffId: string) => `prewatt-first-steps:${staffId}`

interface Kept {
  hidden: boolean
  seen: string[]
}

function read(staffId: string): Kept {
  try {
    const found = JSON.parse(localStorage.getItem(keyOf(staffId)) ?? '{}') as Partial<Kept>
    return { hidden: found.hidden === true, seen: Array.isArray(found.seen) ? found.seen : [] }
  } catch {
    return { hidden: false, seen: [] }
  }
}

export function useKept(staffId: string) {
  const kept = ref(read(staffId))
  const write = (next: Kept) => {
    kept.value = next
    localStorage.setItem(keyOf(staffId), JSON.stringify(next))
  }
  return {
    kept,
    setHidden: (hidden: boolean) => write({ ...kept.value, hidden }),
    see: (key: string) => write({ ...kept.value, seen: [...new Set([...kept.value.seen, key])] }),
  }
}

/** The server's facts go first; where it knows none, having been there counts. */
export const isDone = (step: Step, seen: string[]) => step.done ?? seen.includes(step.key)
