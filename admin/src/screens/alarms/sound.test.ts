import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { useSound } from './sound'

let tones = 0
class FakeContext {
  currentTime = 0
  destination = {}
  createOscillator() {
    return { frequency: { value: 0 }, connect: (next: unknown) => next, start: () => (tones += 1), stop: () => undefined }
  }
  createGain() {
    return { gain: { value: 0 }, connect: (next: unknown) => next }
  }
  close() {
    return Promise.resolve()
  }
}
const click = () => window.dispatchEvent(new Event('pointerdown'))

beforeEach(() => {
  tones = 0
  localStorage.clear()
  vi.useFakeTimers()
  vi.stubGlobal('AudioContext', FakeContext)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('sounds for what is new, never before somebody has clicked', async () => {
  const scope = effectScope()
  const ids = ref<string[]>(['1'])
  const sound = scope.run(() => useSound(() => ids.value))!
  ids.value = ['1', '2']
  await nextTick()
  ids.value = ['1', '2', '3']
  await nextTick()
  expect([tones, sound.isReady.value]).toEqual([0, false])

  click()
  ids.value = ['1', '2', '3', '4']
  await nextTick()
  expect(tones).toBe(3)
  ids.value = ['4']
  await nextTick()
  expect(tones).toBe(3)
  scope.stop()
})

it('says it again each minute while an urgent alarm waits, and is silent once muted', async () => {
  const scope = effectScope()
  const ids = ref<string[]>([])
  const sound = scope.run(() => useSound(() => ids.value))!
  click()
  ids.value = ['1']
  await nextTick()
  vi.advanceTimersByTime(60_000)
  const before = tones
  expect(before).toBeGreaterThan(0)

  sound.mute(true)
  vi.advanceTimersByTime(180_000)
  expect([tones, localStorage.getItem('prewatt.alarms.mute')]).toEqual([before, '1'])
  scope.stop()
})
