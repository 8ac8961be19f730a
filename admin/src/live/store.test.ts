import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effect } from 'vue'
import { useSession } from '../stores/session'
import { rowOf } from './sample'
import { isLate, markOf } from './marks'
import { useLive } from './store'
import type { Board, Row } from './types'

class FakeSource {
  static all: FakeSource[] = []
  onerror?: () => void
  isClosed = false
  private readonly heard = new Map<string, (event: unknown) => void>()
  constructor(readonly url: string) {
    FakeSource.all.push(this)
  }
  static get newest(): FakeSource {
    return FakeSource.all[FakeSource.all.length - 1]!
  }
  addEventListener(name: string, act: (event: unknown) => void): void {
    this.heard.set(name, act)
  }
  say(name: string, value: unknown, lastEventId = ''): void {
    this.heard.get(name)?.({ data: JSON.stringify(value), lastEventId })
  }
  close(): void {
    this.isClosed = true
  }
}

const AT = '2026-11-22T02:31:00Z'
let board: Board
let asked = 0
let status = 200

beforeEach(() => {
  vi.useFakeTimers()
  FakeSource.all = []
  asked = 0
  status = 200
  board = { at: AT, version: 'e.5', rows: [rowOf()], lines: [], alarms: [['7', 1]], phones: null } as unknown as Board
  vi.stubGlobal('EventSource', FakeSource)
  vi.stubGlobal('requestAnimationFrame', (act: () => void) => setTimeout(act, 16))
  vi.stubGlobal('fetch', () => {
    asked += 1
    return Promise.resolve(new Response(JSON.stringify(status === 200 ? board : { code: 'x', message: 'x' }), { status, headers: { 'Content-Type': 'application/json' } }))
  })
  setActivePinia(createPinia())
  useSession().setPermissions(['staff.board'])
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function begin() {
  const live = useLive()
  live.start()
  await vi.advanceTimersByTimeAsync(1)
  FakeSource.newest.say('rows', { at: AT, rows: [] }, 'e.5')
  return live
}
const rows = (more: Partial<Row>, id: string) => FakeSource.newest.say('rows', { at: AT, rows: [rowOf(more)] }, id)

describe('the live board', () => {
  it('takes the whole, then asks for what changed since', async () => {
    const live = await begin()

    expect([live.rows.get('1')?.settled_fen, live.link]).toEqual([5_000, 'live'])
    expect(FakeSource.newest.url).toBe('/api/v1/staff/board/stream?since=e.5')
  })

  it('takes a board that was asked for early, and asks once', async () => {
    useLive().expect()
    useLive().expect()
    const live = await begin()

    expect([asked, live.isReady, live.link]).toEqual([1, true, 'live'])
  })

  it('asks again where the early question was refused', async () => {
    status = 401
    useLive().expect()
    await vi.advanceTimersByTimeAsync(1)
    status = 200
    const live = await begin()

    expect([asked, live.isReady]).toEqual([2, true])
  })

  it('gathers changes and applies them once a frame', async () => {
    const live = await begin()
    let renders = 0
    effect(() => {
      void live.rows.get('1')
      renders += 1
    })
    for (let number = 6; number < 106; number += 1) rows({ settled_fen: number }, `e.${number}`)

    await vi.advanceTimersByTimeAsync(17)

    expect([live.rows.get('1')?.settled_fen, renders]).toEqual([105, 2])
  })

  it('does not let a late message win', async () => {
    const live = await begin()
    rows({ settled_fen: 900 }, 'e.9')
    rows({ settled_fen: 800 }, 'e.8')

    await vi.advanceTimersByTimeAsync(17)

    expect(live.rows.get('1')?.settled_fen).toBe(900)
  })

  it('takes control away at once when the stream is lost, and says how old the data are', async () => {
    const live = await begin()
    FakeSource.newest.onerror?.()

    expect([live.link, live.mayControl, live.isGrey, live.dataAt]).toEqual(['retry', false, true, AT])
  })

  it('comes back with what was missed, without the whole', async () => {
    const live = await begin()
    rows({ settled_fen: 900 }, 'e.9')
    FakeSource.newest.onerror?.()
    await vi.advanceTimersByTimeAsync(700)
    expect(FakeSource.newest.url).toContain('since=e.9')
    expect(live.mayControl).toBe(false)

    FakeSource.newest.say('rows', { at: AT, rows: [] }, 'e.9')

    expect([live.link, asked]).toEqual(['live', 1])
  })

  it('is lost after a while, and takes the whole again from a server that began anew', async () => {
    const live = await begin()
    status = 503
    FakeSource.newest.onerror?.()
    for (let tries = 0; tries < 12; tries += 1) {
      await vi.advanceTimersByTimeAsync(2_000)
      FakeSource.newest.onerror?.()
    }
    expect(live.link).toBe('lost')
    status = 200
    board = { ...board, version: 'new.1', rows: [rowOf({ meter_id: '2' })] }
    await vi.advanceTimersByTimeAsync(20_000)
    FakeSource.newest.say('rows', { at: AT, rows: [] }, 'new.1')

    expect([live.link, [...live.rows.keys()]]).toEqual(['live', ['2']])
  })

  it('does not trust a silent connection', async () => {
    const live = await begin()

    await vi.advanceTimersByTimeAsync(22_001)

    expect(live.link).toBe('retry')
  })

  it('hands rights on as they are re-cut', async () => {
    await begin()
    FakeSource.newest.say('rights', { permissions: ['staff.board', 'staff.trip'] })

    expect(useSession().can('staff.trip')).toBe(true)
  })

  it('ends with the last who shows it', async () => {
    const live = await begin()
    live.start()
    live.stop()
    expect(FakeSource.newest.isClosed).toBe(false)
    live.stop()

    expect([FakeSource.newest.isClosed, live.link]).toEqual([true, 'idle'])
  })

  it('says that there is no right to it', async () => {
    status = 403
    const live = useLive()
    live.start()
    await vi.advanceTimersByTimeAsync(1)

    expect([live.link, live.mayControl]).toEqual(['denied', false])
  })
})

describe('versions', () => {
  it('are compared within one epoch alone', () => {
    expect(isLate(markOf('a.1'), markOf('a.2'))).toBe(true)
    expect(isLate(markOf('a.2'), markOf('a.2'))).toBe(false)
    expect(isLate(markOf('b.1'), markOf('a.2'))).toBe(false)
    expect(markOf('nonsense')).toBeUndefined()
  })
})
