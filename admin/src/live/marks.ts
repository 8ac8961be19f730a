/** Versions of the board, "<epoch>.<number>": an epoch is one life of the server's feed. */
export interface Mark {
  epoch: string
  number: number
}

export function markOf(text: string): Mark | undefined {
  const [epoch, number] = text.split('.')
  return epoch && number && /^\d+$/.test(number) ? { epoch, number: Number(number) } : undefined
}

/** Late messages never win: within one epoch a smaller number is older. Another epoch is a new server. */
export function isLate(given: Mark | undefined, known: Mark | undefined): boolean {
  return given !== undefined && known !== undefined && given.epoch === known.epoch && given.number < known.number
}
