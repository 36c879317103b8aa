import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse.ts'
import { canStillSignIn } from './login_id_rules.ts'

function configOf(primary: string) {
  const parsed = parseConfig(`
id: acme
http: { public_origin: https://identity.acme.com }
authentication: { identities: [login_id, anonymous], primary_authenticators: [${primary}] }
identity: { login_id: { keys: [{ type: email }, { type: username }] } }
`)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults))
  return parsed.config
}
const email = { type: 'login_id', login_id_type: 'email' }
const username = { type: 'login_id', login_id_type: 'username' }
const phone = { type: 'login_id', login_id_type: 'phone' }
const anonymous = { type: 'anonymous', login_id_type: null }
const password = { type: 'password', kind: 'primary' }

test.each([
  ['nothing is left', 'password', [], [password], false],
  ['an email and its password', 'password', [email], [password], true],
  ['a username and its password', 'password', [username], [password], true],
  ['an email without a password', 'password', [email], [], false],
  ['an email that codes go to', 'oob_otp_email', [email], [], true],
  ['a username where only codes count', 'oob_otp_email', [username], [password], false],
  ['a second password opens nothing', 'password', [email], [{ type: 'password', kind: 'secondary' }], false],
  ['a number that the project no longer takes', 'password', [phone], [password], false],
  ['a guest', 'password', [anonymous], [password], false],
] as const)('%s', (_, primary, identities, factors, expected) => {
  expect(canStillSignIn(identities, factors, configOf(primary))).toBe(expected)
})
