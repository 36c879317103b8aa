import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import { destinationOf } from './destination.ts'

const origin = 'https://identity.acme.com'
const parsed = parseConfig(`
id: acme
http: { public_origin: ${origin} }
oauth: { clients: [{ client_id: notes, name: Notes, redirect_uris: ["https://notes.acme.com/cb"] }, { client_id: guests, name: Guests, client_name: Guests, x_application_type: third_party_app, redirect_uris: ["https://guests.example/cb"] }] }
`)
if (!parsed.ok) throw new Error('the configuration does not parse')
const { config } = parsed

test.each([
  ['/settings/profile?x=1', '/settings/profile?x=1'],
  [`${origin}/settings/sessions`, '/settings/sessions'],
  ['https://notes.acme.com/cb', 'https://notes.acme.com/cb'],
  ['https://notes.acme.com/any/page?x=1', 'https://notes.acme.com/any/page?x=1'],
  ['http://notes.acme.com/', '/settings'],
  ['https://notes.acme.com:8443/', '/settings'],
  ['https://ann@notes.acme.com/', '/settings'],
  ['https://guests.example/cb', 'https://guests.example/cb'],
  ['https://guests.example/elsewhere', '/settings'],
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
