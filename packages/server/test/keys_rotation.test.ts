// Keys that change over the months, while everything that they made goes on (jobs.ts runs `rotateKeys` each minute).
import { generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runCommand } from '../src/commands.ts'
import { rotateKeys } from '../src/jobs.ts'
import { renewKeys } from '../src/keys/renew.ts'
import type { Headgear } from '../src/testing.ts'
import {
  type App,
  getTokens,
  location,
  openBrowser,
  openSite,
  query,
  refresh,
  type Site,
  userinfo,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const app: App = { client_id: 'app', redirect_uri: 'https://app.test/', scope: 'openid offline_access' }
const day = 86_400_000

let server: Headgear
let site: Site

const client = (client_id: string, more: Record<string, unknown>) => ({
  client_id,
  name: client_id,
  x_application_type: 'spa',
  redirect_uris: ['https://app.test/'],
  refresh_token_idle_timeout_enabled: false,
  ...more,
})
const config = {
  session: { idle_timeout_enabled: false },
  oauth: { clients: [client('app', { issue_jwt_access_token: true })] },
}

beforeAll(async () => {
  server = await headgear()
})
beforeEach(async () => {
  site = await openSite(server, config)
})
afterAll(() => server.stop())

/** These days pass, one span after the other, and the job does what is due; to run it each day takes too long. */
async function live(...spans: number[]) {
  for (const days of spans) {
    await server.clock.advance(days * day)
    await renewKeys(server.node.world, server.node.sealer, await site.project())
    await server.node.log.poll()
  }
}
/** A new key of each kind and the day on which it takes over, so many times. */
const quarters = (count: number) => Array.from({ length: count }, () => [89, 1]).flat()

async function published(): Promise<string[]> {
  const { keys } = (await (await fetch(`${site.origin}/oauth2/jwks`)).json()) as {
    keys: { kid: string; alg: string }[]
  }
  return keys.filter((key) => key.alg === 'RS256').map((key) => key.kid)
}
const signedBy = async () => String(decodeProtectedHeader((await getTokens(site, app)).body.id_token).kid)
/** The number of the MAC key that stands in a credential. */
const keyOf = (credential: string) => Buffer.from(credential, 'base64url')[1]
const rotations = async () =>
  (
    await server.node.world.db.query
      .selectFrom('event')
      .select('payload')
      .where('project_id', '=', site.made.id)
      .where('kind', '=', 'project.keys.rotated')
      .execute()
  ).map((row) => row.payload.algorithms)

test('successors are made once by nodes that try at the same time', async () => {
  await server.clock.advance(91 * day)
  await Promise.all([1, 2, 3].map(() => rotateKeys(server.node)))
  await server.node.log.poll()
  expect((await rotations()).flat().sort()).toEqual(['ES256', 'MAC', 'RS256'])
  expect((await site.project()).ring.keys.size).toBe(2)
  expect(await published()).toHaveLength(2)
})

describe('a signing key', () => {
  test('is published two days before it signs, and a month after', async () => {
    const first = await signedBy()
    await live(87)
    expect(await published()).toEqual([first])
    await live(1)
    const [next, ...others] = (await published()).filter((kid) => kid !== first)
    expect([typeof next, others]).toEqual(['string', []])
    expect(await signedBy()).toBe(first)
    await live(2)
    expect(await signedBy()).toBe(next)
    await live(29)
    expect(await published()).toContain(first)
    await live(1)
    expect(await published()).toEqual([next])
  })

  test('is in the JWKS for as long as an access token under it may live', async () => {
    const lifetime = { access_token_lifetime_seconds: 50 * 86_400 }
    site = await openSite(server, {
      oauth: { clients: [client('app', { ...lifetime, issue_jwt_access_token: true })] },
    })
    const first = await signedBy()
    await live(89)
    const { body } = await getTokens(site, app)
    await live(49)
    expect(await published()).toContain(first)
    expect((await userinfo(site, body.access_token)).status).toBe(200)
    await live(4)
    expect(await published()).not.toContain(first)
  })

  test('of the secrets file is the operator’s to change', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'given', alg: 'RS256', use: 'sig' }
    site = await openSite(server, config, JSON.stringify({ secrets: [{ key: 'oauth', data: { keys: [jwk] } }] }))
    expect(await published()).toEqual(['given'])
    await live(0, 0)
    expect(await rotations()).toEqual([])
    await live(100)
    expect(await published()).toEqual(['given'])
    expect(await runCommand(server.node, { name: 'doctor' })).toContain('RS256 key given: from the secrets file')
  })
})

describe('what an old key made', () => {
  test('goes on for as long as it may live: cookie, refresh token, ID token as a hint', async () => {
    const browser = openBrowser(site)
    const first = await getTokens(site, app, { browser })
    const [name = '', cookie = ''] = [...browser.cookies].find(([key]) => key.endsWith('session')) ?? []
    expect([cookie, first.body.refresh_token].map(keyOf)).toEqual([1, 1])
    // The new MAC key is in the ring for a day before it makes anything.
    await live(89)
    expect((await site.project()).ring.keys.size).toBe(2)
    expect(keyOf((await getTokens(site, app)).body.refresh_token)).toBe(1)
    await live(1)
    expect(keyOf((await getTokens(site, app)).body.refresh_token)).toBe(2)

    const next = await refresh(site, app, first.body.refresh_token)
    expect([next.status, keyOf(String(next.body.refresh_token))]).toEqual([200, 2])
    expect((await refresh(site, app, first.body.refresh_token)).body.refresh_token).toBe(next.body.refresh_token)

    const asked = { client_id: 'app', redirect_uri: app.redirect_uri, response_type: 'none', scope: 'openid' }
    const hinted = { ...asked, prompt: 'none', state: 's', id_token_hint: first.body.id_token }
    const silent = async () => location(await browser.get(`/oauth2/authorize?${query(hinted)}`)).search
    const valid = async () => {
      const resolved = await fetch(`${site.origin}/_resolver/resolve`, { headers: { cookie: `${name}=${cookie}` } })
      return resolved.headers.get('x-authgear-session-valid')
    }
    await live(...quarters(3))
    expect([await valid(), await silent(), (await site.project()).ring.keys.size]).toEqual(['true', '?state=s', 5])
    await live(...quarters(2))
    expect([await valid(), (await silent()).slice(0, 22)]).toEqual(['false', '?error=invalid_request'])
    const { ring, signingKeys } = await site.project()
    expect([ring.keys.has(1), ring.keys.size, signingKeys.length]).toEqual([false, 6, 12])
  })
})

test('headgear doctor says which key makes what, and when the next one comes', async () => {
  const [id, now] = [await signedBy(), server.clock.now()]
  const lines = async () => {
    const text = await runCommand(server.node, { name: 'doctor' })
    return text
      .slice(text.indexOf(`project ${site.made.id} `))
      .split('\n')
      .slice(2, 5)
  }
  const on = (days: number) => new Date(now.getTime() + days * day).toISOString().slice(0, 10)
  const [rsa, , ring] = await lines()
  expect(rsa).toBe(`  RS256 key ${id}: the next is made on ${on(88)}`)
  expect(ring).toBe(`  MAC key 1 in a ring of 1: the next is made on ${on(89)}`)
  await live(89)
  const [then, , both] = await lines()
  const next = (await published()).find((kid) => kid !== id)
  expect(then).toMatch(new RegExp(`^  RS256 key ${id}: ${next} takes over on `))
  expect(both).toBe(`  MAC key 1 in a ring of 2: the next takes over on ${on(90)}`)
})
