import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import { destinationOf } from './destination.ts'

const origin = 'https://identity.acme.com'
const parsed = parseConfig(`
id: acme
http: { public_origin: ${origin} }
oauth: { clients: [{ client_id: notes, name: Notes, redirect_uris: ["https://notes.acme.com/cb"] }] }
`)
if (!parsed.ok) throw new Error('the configuration does not parse')
const { config } = parsed

test.each([
  ['/settings/profile?x=1', '/settings/profile?x=1'],
  [`${origin}/settings/sessions`, '/settings/sessions'],
  ['https://notes.acme.com/cb', 'https://notes.acme.com/cb'],
  ['https://notes.acme.com/cb?next=https://evil.example', '/settings'],
  ['https://evil.example/', '/settings'],
  ['//evil.example/', '/settings'],
  ['/\\evil.example/', '/settings'],
  [`${origin}//evil.example/`, '/settings'],
  ['https://identity.acme.com@evil.example/', '/settings'],
  ['https://user:pass@identity.acme.com/settings/profile', '/settings'],
  ['javascript:alert(1)', '/settings'],
  ['/login?redirect_uri=/login', '/settings'],
  ['', '/settings'],
  [null, '/settings'],
])('%j leads to %s', (asked, to) => {
  expect(destinationOf(config, origin, asked)).toBe(to)
})

test('the project names where people go by default', () => {
  const named = { ...config, ui: { ...config.ui, default_redirect_uri: 'https://acme.com/' } }
  expect(destinationOf(named, origin, 'https://evil.example/')).toBe('https://acme.com/')
  expect(destinationOf(named, origin, '/settings')).toBe('/settings')
})
