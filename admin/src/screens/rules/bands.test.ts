import { describe, expect, it } from 'vitest'
import { minuteOf, moveBoundary, problemsOf, removeBand, splitBand, wholeDay, type Band } from './bands'

const DAYTIME: Band[] = [
  { start: '00:00', end: '08:00', period: 'VALLEY' },
  { start: '08:00', end: '22:00', period: 'PEAK' },
  { start: '22:00', end: '24:00', period: 'FLAT' },
]

describe('bands of a day', () => {
  it('reads a time as people write it', () => {
    expect(['8', '8:30', '0830', '24:00', '24:30', '8:60', 'x'].map(minuteOf)).toEqual([480, 510, 510, 1440, undefined, undefined, undefined])
  })

  it('finds gaps and overlaps at the band after them', () => {
    const gap = [DAYTIME[0]!, { ...DAYTIME[1]!, start: '09:00' }, DAYTIME[2]!]
    const overlap = [DAYTIME[0]!, { ...DAYTIME[1]!, start: '07:00' }, DAYTIME[2]!]
    expect(problemsOf(DAYTIME)).toEqual({})
    expect(problemsOf(gap)).toEqual({ 1: '08:00 至 09:00 没有时段' })
    expect(problemsOf(overlap)).toEqual({ 1: '07:00 至 08:00 与前一时段重叠' })
    expect(problemsOf([{ ...wholeDay()[0]!, end: '23:00' }])).toEqual({ 0: '23:00 至 24:00 没有时段' })
  })

  it('moves a boundary on both sides of it, and no band vanishes', () => {
    expect(moveBoundary(DAYTIME, 0, 420).map((band) => band.start)).toEqual(['00:00', '07:00', '22:00'])
    expect(moveBoundary(DAYTIME, 0, 1430)[1]).toEqual({ start: '21:59', end: '22:00', period: 'PEAK' })
  })

  it('splits and removes without leaving a gap', () => {
    const split = splitBand(DAYTIME, 1, 'FLAT')
    expect(split[1]!.end).toBe('15:00')
    expect(problemsOf(split)).toEqual({})
    expect(removeBand(split, 2)).toEqual(DAYTIME.map((band, index) => (index === 1 ? { ...band, end: '22:00' } : band)))
    expect(problemsOf(removeBand(DAYTIME, 0))).toEqual({})
    expect(removeBand(wholeDay(), 0)).toEqual(wholeDay())
  })
})
