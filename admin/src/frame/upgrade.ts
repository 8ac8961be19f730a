import { ref } from 'vue'

/** The server has newer pages than this tab: told, never forced in the middle of a top-up. */
export const isUpgraded = ref(false)

export function watchUpgrades(): void {
  window.addEventListener('vite:preloadError', (event) => {
    event.preventDefault()
    isUpgraded.value = true
  })
}
