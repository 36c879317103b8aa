import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../refusal.ts'
import { pageOfList, windowOf } from './paging.ts'

const list = fc.array(fc.integer(), { maxLength: 30 })
const size = fc.integer({ min: 1, max: 12 })

describe('pages of a list', () => {
  test('forward, give everything once, in order, and end where they say', () => {
    fc.assert(
      fc.property(list, size, (items, first) => {
        const seen: number[] = []
        let after: string | undefined
        for (;;) {
          const page = pageOfList(items, { first, after })
          expect(page.hasPreviousPage).toBe(seen.length > 0)
          expect(page.totalCount).toBe(items.length)
          seen.push(...page.edges.map((edge) => edge.node))
          expect(page.hasNextPage).toBe(seen.length < items.length)
          if (!page.hasNextPage) break
          after = page.edges.at(-1)?.cursor
        }
        expect(seen).toEqual(items)
      }),
    )
  })

  test('backward, give the same', () => {
    fc.assert(
      fc.property(list, size, (items, last) => {
        let seen: number[] = []
        let before: string | undefined
        for (;;) {
          const page = pageOfList(items, { last, before })
          expect(page.hasNextPage).toBe(seen.length > 0)
          seen = [...page.edges.map((edge) => edge.node), ...seen]
          expect(page.hasPreviousPage).toBe(seen.length < items.length)
          if (!page.hasPreviousPage) break
          before = page.edges[0]?.cursor
        }
        expect(seen).toEqual(items)
      }),
    )
  })

  test('hold at most a hundred, whatever is asked', () => {
    expect(windowOf({})).toEqual({ from: 'start', size: 100, last: undefined })
    expect(windowOf({ first: 5000 }).size).toBe(100)
    expect(windowOf({ last: 5000 }).size).toBe(100)
    expect(pageOfList([1, 2, 3], { first: 2, last: 1 }).edges.map((edge) => edge.node)).toEqual([2])
    expect(pageOfList([1, 2, 3], { first: 0 })).toMatchObject({ edges: [], hasNextPage: true })
  })

  test('refuse negative sizes and cursors that are none of theirs', () => {
    expect(() => pageOfList([1], { first: -1 })).toThrow(Refusal)
    for (const after of ['', 'x', 'YXJyYXljb25uZWN0aW9uOg==', Buffer.from('arrayconnection:-1').toString('base64')])
      expect(() => pageOfList([1], { after }), after).toThrow(Refusal)
    expect(pageOfList([1], { after: Buffer.from('arrayconnection:99').toString('base64') }).edges).toEqual([])
  })
})
