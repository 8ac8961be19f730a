import { describe, expect, it } from 'vitest'
import { noteOf, toneOf, valueOf, type Tile } from './tiles'

const tile = (more: Partial<Tile>): Tile => ({ key: 'energy', value: 12_300, unit: 'wh', why: null, count: null, compare: null, note: null, to: '/', ...more })

describe('a tile', () => {
  it('writes its number in its unit', () => {
    expect(valueOf(tile({}))).toBe('12.3')
    expect(valueOf(tile({ key: 'top_ups', unit: 'fen', value: 123_456 }))).toBe('¥1,234.56')
    expect(valueOf(tile({ key: 'off', unit: 'count', value: 3 }))).toBe('3')
  })

  it('says why where nothing is known, and makes nothing up', () => {
    const unknown = tile({ value: null, why: '今天还没有抄表数据', compare: 5 })
    expect([valueOf(unknown), noteOf(unknown)]).toEqual(['—', '今天还没有抄表数据'])
  })

  it('compares with yesterday', () => {
    expect(noteOf(tile({ compare: 10_000 }))).toBe('昨日同时约 10.0 度，+23%')
    expect(noteOf(tile({ compare: 12_300 }))).toContain('持平')
    expect(noteOf(tile({ compare: 24_600 }))).toContain('−50%')
    expect(noteOf(tile({ compare: 0 }))).toBe('昨日同时约 0.0 度')
  })

  it('is quiet at zero', () => {
    expect(toneOf(tile({ key: 'off', value: 0 }))).toBe('plain')
    expect(toneOf(tile({ key: 'off', value: 1 }))).toBe('bad')
  })
})
