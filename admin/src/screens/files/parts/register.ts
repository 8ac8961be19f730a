/** A register as people type it, in kWh with three decimals at most: "1,234.56" → 1234560 Wh; undefined for what is none. */
export function whFromKwh(text: string): number | undefined {
  const match = /^(\d{1,9})(?:\.(\d{0,3}))?$/.exec(text.trim().replace(/[,，\s]/g, ''))
  if (!match) return undefined
  return Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0'))
}
