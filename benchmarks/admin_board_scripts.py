"""What `admin_board` puts into the page before the product's own scripts: clocks, and a stream of its own."""

# Looks once a frame; the time is taken after the frame in which all is there was painted.
NOTE_READY = """(() => {
  let tell
  window.readyAtMs = new Promise((done) => (tell = done))
  const look = () => {
    const isLive = document.querySelector('.light.live') !== null
    if (isLive && document.querySelectorAll('.meter').length >= CARDS) {
      requestAnimationFrame(() => setTimeout(() => tell(performance.now())))
    } else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()"""

# Says at first, as the server does, that the page is up to date; afterwards what `COUNT_FRAMES` tells it.
FAKE_STREAM = """(() => {
  class OwnEventSource extends EventTarget {
    constructor(url) {
      super()
      this.readyState = 1
      const [epoch, number] = new URL(url, location.href).searchParams.get('since').split('.')
      this.epoch = epoch
      this.number = Number(number)
      window.ownStream = this
      setTimeout(() => this.deliver([]))
    }
    deliver(rows) {
      this.number += 1
      const data = JSON.stringify({ at: new Date().toISOString(), rows })
      this.dispatchEvent(new MessageEvent('rows', { data, lastEventId: `${this.epoch}.${this.number}` }))
    }
    close() {
      this.readyState = 2
    }
  }
  window.EventSource = OwnEventSource
})()"""

# [changes a second, seconds, rows an event] -> frames a second, the longest gap, and what changed.
COUNT_FRAMES = """async ([perS, seconds, rowsAnEvent]) => {
  const board = await (await fetch('/api/v1/staff/board')).json()
  const shown = document.querySelectorAll('.meter').length
  if (shown !== board.rows.length) throw new Error(`${shown} of ${board.rows.length} meters are shown`)
  let next = 0
  let changes = 0
  const change = () => {
    const at = new Date().toISOString()
    const rows = []
    for (let count = 0; count < rowsAnEvent; count += 1) {
      const row = board.rows[next++ % board.rows.length]
      row.power_w = (row.power_w ?? 0) + 17
      row.today_wh = (row.today_wh ?? 0) + 10
      if (row.estimated_fen !== null) row.estimated_fen -= 3
      row.read_at = row.shown_at = at
      rows.push(row)
    }
    changes += rows.length
    window.ownStream.deliver(rows)
  }
  const times = []
  const note = (now) => {
    times.push(now)
    requestAnimationFrame(note)
  }
  requestAnimationFrame(note)
  const began = performance.now()
  // What a slow page has not taken yet is not spared it: changes are due by the clock.
  await new Promise((done) => {
    const timer = setInterval(() => {
      const due = Math.min(seconds, (performance.now() - began) / 1000) * perS
      while (changes + rowsAnEvent <= due) change()
      if (performance.now() - began < seconds * 1000) return
      clearInterval(timer)
      done()
    }, 10)
  })
  const spent = times[times.length - 1] - times[0]
  const gaps = times.slice(1).map((time, index) => time - times[index])
  return { fps: (1000 * gaps.length) / spent, longest_ms: Math.max(...gaps), meters: shown, changes }
}"""
