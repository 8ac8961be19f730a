/** An id in an address: text here, since it has more digits than a number holds; a number in the contract. */
export const rowId = (id: string) => id as never
