/** A test read of one meter: asked for, then looked at each second until it has come or time is up. */
import { onBeforeUnmount, onDeactivated, ref, shallowRef } from 'vue'
import { api, take, type Schemas } from '../../../api/client'
import { useSubmit } from '../../../api/use'
import { rowId } from '../ids'

const LOOK_EVERY_MS = 1000

export function useTestRead(meterId: () => string, done: () => void) {
  const view = shallowRef<Schemas['ReadView']>()
  const waitedS = ref(0)
  let timer = 0
  const { submit, message, isBusy } = useSubmit(async () => {
    const asked = await take(api.POST('/api/v1/staff/meters/{meter_id}/reads', { params: { path: { meter_id: rowId(meterId()) } } }))
    waitedS.value = 0
    await look(asked.read_request_id)
  })

  async function look(id: string): Promise<void> {
    window.clearTimeout(timer)
    view.value = await take(api.GET('/api/v1/staff/reads/{read_request_id}', { params: { path: { read_request_id: rowId(id) } } }))
    if (view.value.state !== 'waiting') return done()
    waitedS.value += 1
    // A look that fails is no answer: the next one comes.
    timer = window.setTimeout(() => void look(id).catch(() => (timer = window.setTimeout(() => void look(id), LOOK_EVERY_MS))), LOOK_EVERY_MS)
  }

  const stop = () => window.clearTimeout(timer)
  onDeactivated(stop)
  onBeforeUnmount(stop)
  return { view, waitedS, ask: submit, message, isBusy }
}
