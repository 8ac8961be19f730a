export { useLive } from './store'
export { daysText, faceOf, isLet, isLoadTripped, isOff, isPending, isShop, type Face } from './face'
export type { AlarmMark, Board, Line, LinkState, Row } from './types'
