import { describe, expect, test } from 'vitest'
import { continues, isNew, parseSnapshot } from './cursor.ts'
import { freshFor, isFresh } from './poll.ts'

describe('freshness', () => {
  const sent = { monotonic: 10_000, wall: 50_000 }

  test('lasts for less than 800 ms after a completed poll was sent', () => {
    expect(isFresh(sent, { monotonic: 10_000 + freshFor - 1, wall: 50_000 + freshFor - 1 })).toBe(true)
    expect(isFresh(sent, { monotonic: 10_000 + freshFor, wall: 50_100 })).toBe(false)
  })

  test('is gone after a sleep that the monotonic clock did not count', () => {
    expect(isFresh(sent, { monotonic: 10_010, wall: 50_000 + 3_600_000 })).toBe(false)
  })

  test('is gone when the wall clock steps back', () => {
    expect(isFresh(sent, { monotonic: 10_010, wall: 49_999 })).toBe(false)
  })

  test('does not exist before the first poll', () => {
    expect(isFresh(undefined, { monotonic: 0, wall: 0 })).toBe(false)
  })
})

describe('a cursor', () => {
  test('takes rows of transactions that were open or not yet begun', () => {
    const cursor = parseSnapshot('100:105:100,103')
    expect(['99', '100', '101', '103', '104', '105', '200'].filter((xid) => isNew(xid, cursor))).toEqual([
      '100',
      '103',
      '105',
      '200',
    ])
  })

  test('ends with its cluster and with a history set back', () => {
    expect(continues({ system: 'a', snapshot: '5:9:' }, { system: 'a', snapshot: '7:9:7' })).toBe(true)
    expect(continues({ system: 'a', snapshot: '5:9:' }, { system: 'b', snapshot: '7:12:' })).toBe(false)
    expect(continues({ system: 'a', snapshot: '5:9:' }, { system: 'a', snapshot: '5:8:' })).toBe(false)
  })
})
