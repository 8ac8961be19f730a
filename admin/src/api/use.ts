import { computed, reactive, ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref, type ShallowRef } from 'vue'
import { noAnswer, Refusal } from './refusal'

export interface Loaded<T> {
  data: ShallowRef<T | undefined>
  error: ShallowRef<Refusal | undefined>
  isLoading: Ref<boolean>
  /** Load again; old data stays on the page meanwhile. */
  reload: () => Promise<void>
}

/**
 * Load something now, and again whenever `watched` changes. Old data stays while new data comes; the answer
 * of an earlier question never overwrites that of a later one.
 */
export function useLoad<T>(load: () => Promise<T>, watched?: MaybeRefOrGetter<unknown>): Loaded<T> {
  const data = shallowRef<T>()
  const error = shallowRef<Refusal>()
  const isLoading = ref(false)
  let number = 0

  async function reload(): Promise<void> {
    const mine = ++number
    isLoading.value = true
    try {
      const found = await load()
      if (mine === number) {
        data.value = found
        error.value = undefined
      }
    } catch (problem) {
      if (mine === number) error.value = asRefusal(problem)
    } finally {
      if (mine === number) isLoading.value = false
    }
  }

  if (watched !== undefined) watch(() => toValue(watched), () => void reload())
  void reload()
  return { data, error, isLoading, reload }
}

/**
 * One form that is sent: complaints by field (`errors.amount_fen`), a sentence for the rest, and no second
 * sending while the first is under way. `submit` gives undefined when it was refused.
 */
export function useSubmit<A extends unknown[], T>(send: (...values: A) => Promise<T>) {
  const errors = reactive<Record<string, string>>({})
  const refusal = shallowRef<Refusal>()
  const isBusy = ref(false)
  /** What no field can show. */
  const message = computed(() => (refusal.value && !Object.keys(refusal.value.fields).length ? refusal.value.message : ''))

  function clear(): void {
    refusal.value = undefined
    for (const name of Object.keys(errors)) delete errors[name]
  }

  async function submit(...values: A): Promise<T | undefined> {
    if (isBusy.value) return undefined
    isBusy.value = true
    clear()
    try {
      return await send(...values)
    } catch (problem) {
      refusal.value = asRefusal(problem)
      Object.assign(errors, refusal.value.fields)
      return undefined
    } finally {
      isBusy.value = false
    }
  }

  return { submit, errors, message, refusal, isBusy, clear }
}

/** A fault of our own script is no refusal: it goes on to the console, where tests see it. */
function asRefusal(problem: unknown): Refusal {
  if (problem instanceof Refusal) return problem
  setTimeout(() => {
    throw problem
  })
  return noAnswer()
}
