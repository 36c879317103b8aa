import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { toRequest } from './http.ts'

const origin = 'https://app.example.net'
const urlOf = (url: string) => toRequest(origin, { method: 'GET', url, headers: { host: 'evil.example' } }).url

describe('a request of node:http', () => {
  test('is one at the app’s own origin, whatever it calls itself', () => {
    expect(urlOf('/members?a=1')).toBe(`${origin}/members?a=1`)
    expect(urlOf('//evil.example/auth/logout')).toBe(`${origin}//evil.example/auth/logout`)
    expect(new URL(urlOf('http://evil.example/members')).pathname).toBe('/members')
    expect(urlOf('*')).toBe(`${origin}/*`)
  })

  test('keeps its headers, but for those that only HTTP/2 has', () => {
    const headers = { cookie: 'a=1; b=2', ':path': '/', 'x-list': ['1', '2'] as unknown as string }
    expect([...toRequest(origin, { method: 'GET', url: '/', headers }).headers]).toEqual([
      ['cookie', 'a=1; b=2'],
      ['x-list', '1, 2'],
    ])
  })

  test.each<[string, object]>([
    ['a stream', Readable.from([Buffer.from('a=1&b=%262')])],
    ['the fields that a parser made of it', { body: { a: '1', b: '&2' } }],
    ['the text that it was', { body: 'a=1&b=%262' }],
    ['its bytes', { body: Buffer.from('a=1&b=%262') }],
  ])('has the body that came as %s', async (_, body) => {
    const incoming = Object.assign(body, { method: 'POST', url: '/', headers: {} })
    expect(await toRequest(origin, incoming).text()).toBe('a=1&b=%262')
  })

  test('has the body that no parser has touched, though one left its mark', async () => {
    const unread = Object.assign(Readable.from([Buffer.from('a=1')]), {
      method: 'POST',
      url: '/',
      headers: {},
      body: {},
    })
    expect(await toRequest(origin, unread).text()).toBe('a=1')
  })
})
