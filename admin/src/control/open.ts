import { defineStore } from 'pinia'
import { ref } from 'vue'

/** trip 断电, restore 送电 (also lifts an emergency), emergency 紧急断电, keep 保电, explain 补填原因. */
export type ControlKind = 'trip' | 'restore' | 'emergency' | 'keep' | 'explain'

export interface Target {
  meter_id: string
  account_id: string | null
  /** Shop number and name, as the button says it: "B1-0132 海澜之家". */
  name: string
  shop_code?: string | null
}

/** The dialog that stands open, if any: one for the whole page, held by the link bar. */
export const useControl = defineStore('control', () => {
  const kind = ref<ControlKind>()
  const target = ref<Target>()
  /** Counts up when something was ordered: lists look again. */
  const done = ref(0)

  function open(what: ControlKind, whom: Target): void {
    target.value = whom
    kind.value = what
  }

  function close(): void {
    kind.value = undefined
  }

  return { kind, target, done, open, close }
})

/** Open a control dialog for a meter: `openControl('trip', {meter_id, account_id, name, shop_code})`. */
export function openControl(kind: ControlKind, target: Target): void {
  useControl().open(kind, target)
}
