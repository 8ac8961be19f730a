/** `@keydown="formKeys"` on a form: Enter goes to the next field, Ctrl+Enter sends the form. */
export function formKeys(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || event.isComposing) return
  const form = event.currentTarget as HTMLElement
  const target = event.target as HTMLElement
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault()
    form.querySelector<HTMLButtonElement>('button[type=submit]')?.click()
    return
  }
  if (target.tagName !== 'INPUT' || event.defaultPrevented) return
  const fields = [...form.querySelectorAll<HTMLElement>('input:not([type=hidden]):not(:disabled), textarea:not(:disabled), button[type=submit]')]
  const next = fields[fields.indexOf(target) + 1]
  if (next) {
    event.preventDefault()
    next.focus()
  }
}

/** Put the focus on the first field with a complaint, after the page has shown it. */
export function focusFirstError(form: HTMLElement | null | undefined): void {
  requestAnimationFrame(() => form?.querySelector<HTMLElement>('.is-error input, .is-error textarea, .is-error button')?.focus())
}
