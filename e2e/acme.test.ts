// `headgear serve --acme` and a certificate authority, seen by clients that check what they are shown.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as plainRequest } from 'node:http'
import { globalAgent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { saveProject } from '../packages/server/src/projects/save.ts'
import { type Running, serve } from '../packages/server/src/serve.ts'
import { advanceClock } from '../packages/server/src/storage/instance.ts'
import { findPostgres, startPostgres } from '../packages/server/test/support/postgres.ts'
import { freePort } from './support/free_port.ts'
import { type Pebble, startPebble } from './support/pebble.ts'
import { runHeadgear, type Server, type ServerOptions, startServer } from './support/server.ts'

let authority: Pebble
beforeAll(async () => {
  authority = await startPebble()
})
afterAll(() => authority?.[Symbol.asyncDispose]())

type Answer = { status: number; text: string; certificate: PeerCertificate }

/** Asks as a browser does: by the name, and only if the certificate is good for it. */
function ask(port: number, name: string, path = '/.well-known/openid-configuration'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        servername: name,
        headers: { host: name },
        ca: authority.root,
        agent: false,
      },
      async (response) => {
        const certificate = (response.socket as TLSSocket).getPeerCertificate()
        const parts: Buffer[] = []
        for await (const part of response) parts.push(part as Buffer)
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString(), certificate })
      },
    )
    // A refusal comes at once; what only ends because nobody waits any longer is none.
    const tooLong = setTimeout(() => asked.destroy(new Error('no answer')), 15_000)
    asked
      .on('error', reject)
      .on('close', () => clearTimeout(tooLong))
      .end()
  })
}

describe('a server with its own TLS', () => {
  let ports: { https: number; http: number }
  let server: Server
  let options: ServerOptions

  const config = (...others: string[]) =>
    `id: shop\nhttp:\n  public_origin: https://id.example.test\n  alternate_origins: [${others.join(', ')}]\n`

  beforeAll(async () => {
    ports = { https: await freePort(), http: authority.httpPort }
    const dataDir = await mkdtemp(join(tmpdir(), 'headgear-acme-'))
    await writeFile(join(dataDir, 'authgear.yaml'), config('https://lost.example.test'))
    options = {
      dataDir,
      args: [
        ...['--hostname', '127.0.0.1', '--config', join(dataDir, 'authgear.yaml')],
        ...['--acme', 'ops@example.test', '--acme-directory', authority.directory],
        ...['--https-port', String(ports.https), '--http-port', String(ports.http)],
      ],
      env: { NODE_EXTRA_CA_CERTS: authority.caFile },
    }
    server = await startServer(options)
  })
  afterAll(async () => {
    await server?.stop()
    await rm(options.dataDir as string, { recursive: true, force: true })
  })

  test('gets its certificate at the first handshake, once for all who come meanwhile', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(ports.https, 'id.example.test')))
    for (const { status, text, certificate } of answers) {
      expect([status, JSON.parse(text).issuer]).toEqual([200, 'https://id.example.test'])
      expect(certificate.subjectaltname).toBe('DNS:id.example.test')
      expect(certificate.serialNumber).toBe(answers[0]?.certificate.serialNumber)
    }
    expect(authority.orders()).toBe(1)
    await server.logged((line) => line.msg === 'a certificate was issued' && line.domain === 'id.example.test')
  })

  test('refuses names that no project has at once, and orders nothing for them', async () => {
    const before = authority.orders()
    for (const name of ['other.example.test', 'example.test', 'localhost', `${'a'.repeat(60)}.example.test`])
      await expect(ask(ports.https, name)).rejects.toThrow(/handshake|disconnected|reset/i)
    expect(authority.orders()).toBe(before)
    expect((await ask(ports.https, 'ID.EXAMPLE.TEST')).status).toBe(200)
  })

  test('leads from HTTP to HTTPS, and only the hosts that it has', async () => {
    const plain = (path: string, host: string) =>
      new Promise<[number, string | undefined]>((resolve, reject) => {
        plainRequest({ host: '127.0.0.1', port: ports.http, path, headers: { host } }, (response) => {
          response.resume()
          resolve([response.statusCode ?? 0, response.headers.location])
        })
          .on('error', reject)
          .end()
      })
    expect(await plain('/login?a=b', 'id.example.test')).toEqual([308, 'https://id.example.test/login?a=b'])
    expect(await plain('//evil.example', 'id.example.test:80')).toEqual([308, 'https://id.example.test//evil.example'])
    expect(await plain('/', 'evil.example')).toEqual([404, undefined])
    expect(await plain('/.well-known/acme-challenge/nobody-asked-for-this', 'id.example.test')).toEqual([
      404,
      undefined,
    ])
  })

  test('says why there is no certificate, waits before it tries again, and goes on with the others', async () => {
    await authority.lead('lost.example.test', '127.0.0.2')
    await expect(ask(ports.https, 'lost.example.test')).rejects.toThrow()
    const line = await server.logged(({ msg }) => msg === 'no certificate could be had')
    expect(line).toMatchObject({ level: 'error', domain: 'lost.example.test', project: 'shop' })
    expect(line.reason).toMatch(/127\.0\.0\.2.*refused|connection refused/i)
    const orders = authority.orders()
    await expect(ask(ports.https, 'lost.example.test')).rejects.toThrow(/handshake|disconnected|reset/i)
    expect(authority.orders()).toBe(orders)
    expect((await ask(ports.https, 'id.example.test')).status).toBe(200)
    const { stdout } = await runHeadgear(['doctor', '--data-dir', server.dataDir])
    expect(stdout).toMatch(/^certificate of id\.example\.test until \d{4}-/m)
    expect(stdout).toMatch(
      /^no certificate for lost\.example\.test; the last order failed: .*refused.*; again from \d{4}-/m,
    )
  })

  test('a host that is added later has its certificate with the first handshake, without a restart', async () => {
    await writeFile(join(server.dataDir, 'authgear.yaml'), config('https://new.example.test'))
    await server.logged(({ msg }) => msg === 'configuration changed')
    expect((await ask(ports.https, 'new.example.test')).certificate.subjectaltname).toBe('DNS:new.example.test')
  })

  test('keeps its certificates through a restart, and their keys sealed', async () => {
    const { certificate } = await ask(ports.https, 'id.example.test')
    const orders = authority.orders()
    await server.stop()
    server = await startServer(options)
    expect((await ask(ports.https, 'id.example.test')).certificate.serialNumber).toBe(certificate.serialNumber)
    expect(authority.orders()).toBe(orders)
    expect(server.output()).not.toMatch(/PRIVATE KEY/)
  })
})

test('what does not go together is refused before anything is served', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await runHeadgear(['serve', ...args])
    return [code, stderr.trim()]
  }
  expect(await refused('--acme', 'nobody')).toEqual([2, '--acme: nobody is not an email address'])
  expect(await refused('--https-port', '8443')).toEqual([2, '--https-port goes with --acme EMAIL'])
  expect(await refused('--acme', 'a@b.test', '--acme-directory', 'http://ca.test/')).toEqual([
    2,
    '--acme-directory: http://ca.test/ is not an https URL',
  ])
  expect(await refused('--acme', 'a@b.test', '--dev')).toEqual([
    2,
    '--acme is for a name that others know, not for --dev',
  ])
})

describe.runIf(findPostgres() !== undefined)('two nodes on one database', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>
  let nodes: [Running, Running]
  const lines: string[] = []
  const domain = 'two.example.test'

  beforeAll(async () => {
    globalAgent.options.ca = authority.ca
    postgres = await startPostgres()
    const { url } = await postgres.createDatabase()
    const node = async (httpPort: number) =>
      serve({
        port: undefined,
        hostname: '127.0.0.1',
        databaseUrl: url,
        masterKey: Buffer.alloc(32, 7).toString('base64'),
        trustProxy: [],
        allowOutbound: [],
        development: true, // so that the clock may be turned
        logLevel: 'info',
        logSink: { write: (line) => lines.push(line) },
        acme: { email: 'ops@example.test', directory: authority.directory, httpsPort: await freePort(), httpPort },
      })
    // The authority asks the first for answers, whichever of them ordered.
    nodes = [await node(authority.httpPort), await node(await freePort())]
    const [{ node: first }] = nodes
    await saveProject(first.world, first.sealer, {
      id: 'two',
      config: `id: two\nhttp:\n  public_origin: https://${domain}\n`,
    })
    await Promise.all(nodes.map((one) => one.node.log.poll()))
  })
  afterAll(async () => {
    await Promise.all(nodes?.map((one) => one.stop()) ?? [])
    await postgres?.[Symbol.asyncDispose]()
    delete globalAgent.options.ca
  })

  const serials = () => Promise.all(nodes.map(async ({ port }) => (await ask(port, domain)).certificate.serialNumber))
  const advance = async (ms: number) => {
    await advanceClock(nodes[0].node.world.db.query, Math.round(ms))
    await Promise.all(nodes.map((one) => one.node.log.poll()))
  }

  test('one orders, any answers the challenge, both serve it', async () => {
    const orders = authority.orders()
    const { certificate } = await ask(nodes[1].port, domain)
    expect(await serials()).toEqual([certificate.serialNumber, certificate.serialNumber])
    expect(authority.orders()).toBe(orders + 1)
  })

  const renew = () => Promise.all(nodes.map((one) => one.node.certificates?.renewDue()))
  async function lifetime(): Promise<number> {
    const { certificate } = await ask(nodes[0].port, domain)
    return Date.parse(certificate.valid_to) - Date.parse(certificate.valid_from)
  }

  test('a renewal that fails leaves the certificate in use, and is tried again after a pause', async () => {
    const [before = ''] = await serials()
    await authority.lead(domain, '127.0.0.2')
    const orders = authority.orders()
    await advance((await lifetime()) * 0.6)
    await renew()
    expect(authority.orders()).toBe(orders)
    await advance((await lifetime()) * 0.07)
    await renew()
    await renew()
    expect(authority.orders()).toBe(orders + 1)
    await advance(61_000)
    await renew()
    await renew()
    expect(authority.orders()).toBe(orders + 2)
    expect(await serials()).toEqual([before, before])
    expect(lines.filter((line) => line.includes('no certificate could be had'))).toHaveLength(2)
  })

  test('one renews in time, and the other follows', async () => {
    const [before = ''] = await serials()
    await authority.lead(domain, '127.0.0.1')
    const orders = authority.orders()
    await advance(121_000)
    await renew()
    expect(authority.orders()).toBe(orders + 1)
    await expect.poll(async () => new Set(await serials())).not.toContain(before)
    expect(new Set(await serials()).size).toBe(1)
  })

  test('a host that nobody has any more is renewed no more', async () => {
    const [{ node }] = nodes
    await saveProject(node.world, node.sealer, {
      id: 'two',
      config: 'id: two\nhttp:\n  public_origin: https://moved.example.test\n',
    })
    const orders = authority.orders()
    await advance(100 * 365 * 86_400_000)
    await renew()
    expect(authority.orders()).toBe(orders)
    await expect(ask(nodes[0].port, domain)).rejects.toThrow()
  })
})
