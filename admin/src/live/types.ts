import type { Schemas } from '../api/client'

export type Row = Schemas['BoardRow']
export type Line = Schemas['BoardLine']
export type Board = Schemas['Board']

/** An alarm as the page knows it: its id and version; ask for the list when one differs. */
export type AlarmMark = [id: string, version: number]

/** idle: not asked for; live: data are of now; retry: just lost; lost: for some time; denied: no right to it. */
export type LinkState = 'idle' | 'live' | 'retry' | 'lost' | 'denied'
