// Domains of a project's own, from the first word to the first request.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { opsApp } from '../src/ops.ts'
import { addDomain, listDomains, proveDomain, type ResolveTxt, useDomain } from '../src/projects/domains.ts'
import type { Headgear } from '../src/testing.ts'
import { fetchByName } from './support/by_name.ts'
import { headgear } from './support/store.ts'

let server: Headgear
const scopes: { projectId: string; query: Headgear['node']['world']['db']['query'] }[] = []
let txt: Map<string, string[][]>
const resolveTxt: ResolveTxt = async (name) => {
  const found = txt.get(name)
  if (found === undefined) throw Object.assign(new Error(`queryTxt ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
  return found
}

beforeAll(async () => {
  server = await headgear()
  for (const origin of ['http://one.localhost', 'http://two.localhost']) {
    const { id } = await server.project({ http: { public_origin: origin } })
    scopes.push({ projectId: id, query: server.node.world.db.query })
  }
})
beforeEach(() => {
  txt = new Map()
})
afterAll(() => server.stop())

const one = () => scopes[0] as (typeof scopes)[number]
const two = () => scopes[1] as (typeof scopes)[number]
const add = (name: string, scope = one()) => addDomain(server.node.world, scope, name)
const prove = (name: string, scope = one()) => proveDomain(server.node.world, scope, name, resolveTxt)
const use = (name: string, primary = false, scope = one()) =>
  useDomain(server.node.world, server.node.sealer, scope, { name, primary })
const reason = (reason: string) => expect.objectContaining({ reason })

async function proved(name: string, scope = one()): Promise<void> {
  const { record } = await add(name, scope)
  txt.set(record.name, [['something else'], [record.value.slice(0, 20), record.value.slice(20)]])
  await prove(name, scope)
}

describe('a domain', () => {
  test('is proved by the TXT record that the project was given, and by no other', async () => {
    const { record, provedAt } = await add('Identity.Example.COM.')
    expect([record.name, provedAt]).toEqual(['_headgear.identity.example.com', null])
    expect(record.value).toMatch(/^headgear-domain=[\w-]{27}$/)
    expect((await add('identity.example.com')).record).toEqual(record)
    await expect(prove('identity.example.com')).rejects.toEqual(reason('DomainNotProved'))
    const other = await add('identity.example.com', two())
    expect(other.record.value).not.toBe(record.value)
    txt.set(record.name, [[other.record.value]])
    await expect(prove('identity.example.com')).rejects.toThrow(other.record.value)
    txt.set(record.name, [[`${record.value}x`]])
    await expect(prove('identity.example.com')).rejects.toEqual(reason('DomainNotProved'))
    txt.set(record.name, [['v=spf1 -all'], [record.value.slice(0, 9), record.value.slice(9)]])
    expect((await prove('identity.example.com')).provedAt).toEqual(expect.any(Date))
    expect(await listDomains(one())).toEqual([expect.objectContaining({ name: 'identity.example.com' })])
  })

  test('belongs to one project alone', async () => {
    await proved('login.example.org')
    await expect(add('login.example.org', two())).rejects.toEqual(reason('DomainTaken'))
    // Both had named it before either proved it, and both records stand.
    const mine = await add('both.example.org')
    const theirs = await add('both.example.org', two())
    txt.set(mine.record.name, [[mine.record.value], [theirs.record.value]])
    const ends = await Promise.allSettled([prove('both.example.org'), prove('both.example.org', two())])
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = ends.find((end) => end.status === 'rejected')
    expect(refused?.reason).toEqual(reason('DomainTaken'))
  })

  test.each([
    '',
    'localhost',
    'com',
    'co.uk',
    '127.0.0.1',
    '[::1]',
    'a b.example.com',
    'example.com:443',
    'https://example.com',
    '*.example.com',
    "x'.example.com",
    `${'a.'.repeat(130)}com`,
  ])('is not %j', async (name) => {
    await expect(add(name)).rejects.toEqual(reason('InvalidDomain'))
  })

  test('serves nothing before it is proved', async () => {
    await add('early.example.net')
    await expect(use('early.example.net')).rejects.toEqual(reason('DomainNotProved'))
    await expect(use('never.example.net')).rejects.toEqual(reason('DomainNotFound'))
    await expect(prove('never.example.net')).rejects.toEqual(reason('DomainNotFound'))
  })
})

describe('a domain in use', () => {
  const issuerAt = async (name: string) => {
    const url = new URL(`https://${name}/.well-known/openid-configuration`)
    const answer = await fetchByName(server.origin, url)
    return answer.ok ? ((await answer.json()) as { issuer: string }).issuer : answer.status
  }

  test('S14: is an issuer with cookies for its own siblings, beside the old address', async () => {
    await proved('identity.shop.example')
    expect(await issuerAt('identity.shop.example')).toBe(404)
    await use('identity.shop.example')
    await server.node.log.poll()
    expect(await issuerAt('identity.shop.example')).toBe('https://identity.shop.example')
    const project = await server.node.directory.byId(one().projectId)
    expect(project?.origins[0].origin).toBe('http://one.localhost')
    expect(project?.origins.find(({ origin }) => origin === 'https://identity.shop.example')).toMatchObject({
      cookieDomain: 'shop.example',
      secure: true,
      carries: true,
    })
  })

  test('may become the first, and the old one goes on', async () => {
    await proved('id.main.example', two())
    await use('id.main.example', true, two())
    await server.node.log.poll()
    const project = await server.node.directory.byId(two().projectId)
    expect(project?.config.http).toMatchObject({
      public_origin: 'https://id.main.example',
      alternate_origins: ['http://two.localhost'],
    })
    expect(await issuerAt('two.localhost')).toBe('http://two.localhost')
  })

  test('gets a certificate, and no other name does', async () => {
    const ops = opsApp(server.node)
    const asked = async (domain: string) => (await ops.request(`/tls/ask?domain=${encodeURIComponent(domain)}`)).status
    expect(await asked('identity.shop.example')).toBe(200)
    expect(await asked('ID.main.example')).toBe(200)
    for (const name of ['', 'early.example.net', 'login.example.org', 'sub.identity.shop.example', 'x y', "a'b"])
      expect([name, await asked(name)]).toEqual([name, 404])
    expect((await ops.request('/tls/ask')).status).toBe(404)
  })
})
