import { expect, test } from 'vitest'
import { isCertifiable, renewAt, retryAt } from './renewal.ts'

const at = (text: string) => new Date(text)

test('a certificate is renewed when a third of its lifetime is left, be it months or days', () => {
  expect(renewAt({ notBefore: at('2026-01-01T00:00:00Z'), notAfter: at('2026-04-01T00:00:00Z') })).toEqual(
    at('2026-03-02T00:00:00Z'),
  )
  expect(renewAt({ notBefore: at('2026-01-01T00:00:00Z'), notAfter: at('2026-01-07T00:00:00Z') })).toEqual(
    at('2026-01-05T00:00:00Z'),
  )
})

test('pauses grow with every failure in a row, up to half a day', () => {
  const now = at('2026-01-01T00:00:00Z')
  const minutes = (failures: number) => (retryAt(failures, now).getTime() - now.getTime()) / 60_000
  expect([1, 2, 3, 8, 20, 2000].map(minutes)).toEqual([1, 2, 4, 128, 720, 720])
})

test('only names of hosts are certifiable', () => {
  for (const name of ['id.example.com', 'a.b', 'xn--bcher-kva.example', '1.example.com'])
    expect(isCertifiable(name), name).toBe(true)
  for (const name of [
    '',
    'localhost',
    '127.0.0.1',
    '::1',
    'ID.example.com',
    '*.example.com',
    'a..b',
    '.example.com',
    'example.com.',
    '-a.example.com',
    'a_b.example.com',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(127)}com`,
  ])
    expect(isCertifiable(name), name).toBe(false)
})
