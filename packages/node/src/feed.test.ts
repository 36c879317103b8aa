import { describe, expect, test } from 'vitest'
import { revocationTable } from './feed.ts'

describe('the table of what has ended', () => {
  test('bars by session, by token, and by client up to a time', () => {
    const table = revocationTable()
    table.add([
      { sid: 's', exp: 100 },
      { jti: 'j', exp: 100 },
      { client_id: 'c', before: 50, exp: 100 },
    ])
    expect(table.bars({ sid: 's' })).toBe(true)
    expect(table.bars({ jti: 'j', sid: 'other' })).toBe(true)
    expect(table.bars({ client_id: 'c', iat: 50 })).toBe(true)
    expect(table.bars({ client_id: 'c' })).toBe(true)
    expect(table.bars({ client_id: 'c', iat: 51 })).toBe(false)
    expect(table.bars({ sid: 'j', jti: 's', client_id: 's', iat: 1 })).toBe(false)
    expect(table.bars({})).toBe(false)
  })

  test('keeps the later of two entries about the same, in either order', () => {
    for (const entries of [
      [
        { client_id: 'c', before: 50, exp: 100 },
        { client_id: 'c', before: 60, exp: 90 },
      ],
      [
        { client_id: 'c', before: 60, exp: 90 },
        { client_id: 'c', before: 50, exp: 100 },
      ],
    ]) {
      const table = revocationTable()
      table.add(entries)
      table.forget(new Date(95_000))
      expect(table.bars({ client_id: 'c', iat: 60 })).toBe(true)
    }
  })

  test('forgets what expired, and nothing else', () => {
    const table = revocationTable()
    table.add([
      { sid: 'a', exp: 100 },
      { sid: 'b', exp: 200 },
    ])
    table.forget(new Date(150_000))
    expect([table.bars({ sid: 'a' }), table.bars({ sid: 'b' }), table.size]).toEqual([false, true, 1])
  })

  test('passes over entries that it cannot read', () => {
    const table = revocationTable()
    table.add([null, 7, {}, { sid: 's' }, { client_id: 'c', exp: 1 }, { device: 'd', exp: 1 }, { sid: 'good', exp: 1 }])
    expect([table.bars({ sid: 'good' }), table.size]).toEqual([true, 1])
  })
})
