/** Binding codes are shown once: kept in this page's memory alone, from the opening to its sheet. */
const codes = new Map<string, string>()

export const keepCode = (accountId: string, code: string | null | undefined) => {
  if (code) codes.set(accountId, code)
}
export const codeOf = (accountId: string) => codes.get(accountId) ?? ''
