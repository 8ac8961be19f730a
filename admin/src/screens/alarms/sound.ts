/**
 * A tone for urgent alarms (紧急). Browsers allow none before somebody has clicked, and nobody should be startled
 * by a page that was just opened: only what comes later sounds. Mute is remembered in this browser.
 */
import { onScopeDispose, ref, watch } from 'vue'

const KEY = 'prewatt.alarms.mute'
const REPEAT_MS = 60_000

export function useSound(urgent: () => string[]) {
  const isMuted = ref(localStorage.getItem(KEY) === '1')
  const isReady = ref(false)
  let context: AudioContext | undefined
  let known = new Set<string>()
  let hasLooked = false

  function wake(): void {
    context ??= new AudioContext()
    isReady.value = true
    rest()
  }
  function rest(): void {
    window.removeEventListener('pointerdown', wake)
    window.removeEventListener('keydown', wake)
  }
  window.addEventListener('pointerdown', wake)
  window.addEventListener('keydown', wake)

  function play(): void {
    if (isMuted.value || !context) return
    for (const [at, frequency] of [[0, 880], [0.22, 660], [0.44, 880]] as const) {
      const tone = context.createOscillator()
      const volume = context.createGain()
      tone.frequency.value = frequency
      volume.gain.value = 0.08
      tone.connect(volume).connect(context.destination)
      tone.start(context.currentTime + at)
      tone.stop(context.currentTime + at + 0.18)
    }
  }

  watch(urgent, (ids) => {
    const isNew = ids.some((id) => !known.has(id))
    if (hasLooked && isNew) play()
    known = new Set(ids)
    hasLooked = true
  })
  const timer = window.setInterval(() => urgent().length && hasLooked && play(), REPEAT_MS)
  onScopeDispose(() => {
    window.clearInterval(timer)
    rest()
    void context?.close()
  })

  function mute(is: boolean): void {
    isMuted.value = is
    localStorage.setItem(KEY, is ? '1' : '0')
    if (!is) play()
  }
  return { isMuted, isReady, mute }
}
