/** The board's event stream: connects, notices silence, comes back with what was missed. Holds no data. */
import type { Board, LinkState } from './types'
import { isLate, markOf, type Mark } from './marks'

/** The server says something at least every 15 s; longer silence is a dead connection. */
const SILENT_MS = 22_000
const LOST_AFTER_MS = 10_000
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000]

export interface Sink {
  whole: (board: Board) => void
  /** name: "rows", "lines" or "alarms"; value: what came with it. */
  changed: (name: string, value: Record<string, unknown>) => void
  rights: (permissions: string[]) => void
  link: (state: LinkState) => void
  /** Something came: data are of then. */
  heard: (at: string) => void
}

export class BoardStream {
  private source?: EventSource
  private mark?: Mark
  private watchdog = 0
  private timer = 0
  private tries = 0
  private lostAtMs = 0
  private isStopped = true

  /** load: fetch the whole board; throws when that is refused. */
  constructor(
    private readonly sink: Sink,
    private readonly load: () => Promise<Board>,
  ) {}

  start(): void {
    if (!this.isStopped) return
    this.isStopped = false
    this.tries = 0
    this.lostAtMs = 0
    void this.begin()
  }

  stop(): void {
    this.isStopped = true
    this.close()
    window.clearTimeout(this.timer)
    this.sink.link('idle')
  }

  /** Take the whole picture again: after a doubt, or because somebody asks. */
  async begin(): Promise<void> {
    this.close()
    try {
      const board = await this.load()
      if (this.isStopped) return
      this.take(board)
    } catch (problem) {
      if (this.isStopped) return
      if ((problem as { status?: number }).status === 403) {
        this.sink.link('denied')
        return
      }
      this.lose()
      return
    }
    this.listen()
  }

  private listen(): void {
    this.close()
    const since = this.mark ? `${this.mark.epoch}.${this.mark.number}` : ''
    const source = new EventSource(`/api/v1/staff/board/stream?since=${since}`)
    this.source = source
    this.guard()
    source.onerror = () => {
      if (source === this.source) this.lose()
    }
    const on = (name: string, act: (value: Record<string, unknown>, id: string) => void) =>
      source.addEventListener(name, (event) => {
        if (source !== this.source) return
        const message = event as MessageEvent<string>
        this.guard()
        act(JSON.parse(message.data) as Record<string, unknown>, message.lastEventId)
      })
    on('rights', (value) => this.sink.rights(value.permissions as string[]))
    on('board', (value) => {
      this.take(value as unknown as Board)
      this.found(value.at as string)
    })
    for (const name of ['rows', 'lines', 'alarms']) {
      on(name, (value, id) => {
        const given = markOf(id)
        if (isLate(given, this.mark)) return
        if (given) this.mark = given
        this.sink.changed(name, value)
        this.found(value.at as string)
      })
    }
    on('beat', (value) => this.found(value.at as string))
  }

  private take(board: Board): void {
    const given = markOf(board.version)
    if (isLate(given, this.mark)) return
    this.mark = given
    this.sink.whole(board)
  }

  private found(at: string): void {
    this.tries = 0
    this.lostAtMs = 0
    this.sink.heard(at)
    this.sink.link('live')
  }

  private guard(): void {
    window.clearTimeout(this.watchdog)
    this.watchdog = window.setTimeout(() => this.lose(), SILENT_MS)
  }

  /** Say so at once, and come back after a pause that grows. The first try only asks for what was missed. */
  private lose(): void {
    this.close()
    this.lostAtMs ||= Date.now()
    this.sink.link(Date.now() - this.lostAtMs > LOST_AFTER_MS ? 'lost' : 'retry')
    const pause = PAUSES_MS[Math.min(this.tries, PAUSES_MS.length - 1)]! * (0.8 + 0.4 * Math.random())
    const isFirst = this.tries === 0 && this.mark !== undefined
    this.tries += 1
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => (isFirst ? this.listen() : void this.begin()), pause)
  }

  private close(): void {
    window.clearTimeout(this.watchdog)
    this.source?.close()
    this.source = undefined
  }
}
