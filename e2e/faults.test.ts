// Bad days: the database goes away, processes are killed, clocks jump, files are wrong. Real processes, from outside.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  onServer,
  type PostgresServer,
  startPostgres,
  type TestDatabase,
} from '../packages/server/test/support/postgres.ts'
import {
  type Account,
  client,
  enter,
  password,
  projectConfig,
  Refused,
  refresh,
  resolve,
  revoke,
  secrets,
} from './support/account.ts'
import { freePort } from './support/free_port.ts'
import { runHeadgear, type Server, startServer } from './support/server.ts'
import { startSmtp } from './support/smtp.ts'

let dir: string
let postgres: PostgresServer
const running: Server[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgear-faults-'))
  postgres = await startPostgres({ durable: true })
})
afterEach(async () => {
  for (const server of running.splice(0)) {
    await server.stop()
    for (const secret of secrets) expect(server.output().includes(secret), 'a secret in the log').toBe(false)
  }
})
afterAll(async () => {
  await postgres?.remove()
  await rm(dir, { recursive: true, force: true })
})

const env = { HEADGEAR_MASTER_KEY: Buffer.alloc(32, 3).toString('base64') }
let serial = 0

type Site = {
  origin: string
  configFile: string
  /** Flags of a node that is the same but for its port. */
  common: string[]
  /** Starts the node, on the same port and data each time. */
  start(more?: { args?: string[]; env?: Record<string, string> }): Promise<Server>
}

/** A project in production, on the embedded database unless one is named. `more` is YAML for its configuration. */
async function site(options: { database?: TestDatabase; more?: string } = {}): Promise<Site> {
  const port = await freePort()
  const dataDir = join(dir, `data-${++serial}`)
  const configFile = join(dir, `authgear-${serial}.yaml`)
  const origin = `http://localhost:${port}`
  await writeFile(configFile, projectConfig(origin, options.more))
  const common = options.database ? ['--database-url', options.database.url] : []
  return {
    origin,
    configFile,
    common,
    async start(more = {}) {
      const args = ['--config', configFile, ...common, ...(more.args ?? [])]
      const server = await startServer({ port, dataDir, args, env: { ...env, ...more.env }, readyWithinMs: 120_000 })
      running.push(server)
      return server
    },
  }
}

/** Repeats until it holds. */
async function until(holds: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${holds}`)
    await sleep(50)
  }
}

type Asked = { at: number; took: number; said: string }

/** Asks the resolver again and again until told to stop. */
function watch(origin: string, who: Parameters<typeof resolve>[1], headers = {}) {
  const asked: Asked[] = []
  let over = false
  const done = (async () => {
    while (!over) {
      const at = performance.now()
      const said = await resolve(origin, who, headers).catch((error: Error) => `failed: ${error.message}`)
      asked.push({ at, took: performance.now() - at, said })
      await sleep(25)
    }
  })()
  return {
    asked,
    async stop() {
      over = true
      await done
      return asked
    },
  }
}

// ---- the database -------------------------------------------------------------------------------------------------

describe('while the database is away', () => {
  let node: Server
  let ann: Account
  let gone: Account

  /** Every door, and what it needs the database for. */
  const doors = (): Record<string, () => Promise<Response>> => {
    const ask =
      (path: string, init: RequestInit = {}) =>
      () =>
        fetch(node.origin + path, { redirect: 'manual', ...init })
    const form = (path: string, fields: Record<string, string>) =>
      ask(path, { method: 'POST', body: new URLSearchParams({ client_id: 'app', ...fields }) })
    const html = { accept: 'text/html' }
    return {
      'ready for traffic': ask('/readyz'),
      'resolver, cookie': ask('/_resolver/resolve', { headers: { cookie: ann.cookie } }),
      'resolver, bearer': ask('/_resolver/resolve?deny=401', {
        headers: { authorization: `Bearer ${ann.tokens.access_token}` },
      }),
      'resolver, ended': ask('/_resolver/resolve', {
        headers: { authorization: `Bearer ${gone.tokens.access_token}` },
      }),
      userinfo: ask('/oauth2/userinfo', { headers: { authorization: `Bearer ${ann.tokens.access_token}` } }),
      refresh: form('/oauth2/token', { grant_type: 'refresh_token', refresh_token: ann.tokens.refresh_token }),
      code: form('/oauth2/token', { grant_type: 'authorization_code', code: 'A'.repeat(32), code_verifier: 'x' }),
      revocation: form('/oauth2/revoke', { token: ann.tokens.refresh_token }),
      authorization: ask('/oauth2/authorize?client_id=app&response_type=code&scope=openid', { headers: html }),
      flow: ask('/api/v1/authentication_flows', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"type":"login","name":"default"}',
      }),
      page: ask('/login', { headers: html }),
      settings: ask('/settings', { headers: { ...html, cookie: ann.cookie } }),
      discovery: ask('/.well-known/openid-configuration'),
      feed: ask('/oauth2/revocations'),
    }
  }

  beforeAll(async () => {
    const database = await postgres.createDatabase()
    const place = await site({ database })
    node = await place.start()
    running.splice(0) // It lives through all of these.
    ann = await enter(node.origin, 'signup', 'ann')
    gone = await enter(node.origin, 'signup', 'gone')
    await revoke(node.origin, gone.tokens.refresh_token)
  })
  afterAll(() => node?.stop())

  test.each(['stop', 'kill', 'freeze'] as const)(
    'nobody is known, nobody is signed out, and it comes back by itself: %s',
    async (fault) => {
      await until(async () => (await resolve(node.origin, ann)) === 'true')
      const watched = [watch(node.origin, ann), watch(node.origin, ann), watch(node.origin, gone)]
      const [first, , ended] = watched
      await until(async () => (first?.asked.length ?? 0) > 3)
      await postgres[fault]()
      const away = performance.now()
      await until(async () => first?.asked.some(({ said }) => said.startsWith('503')) ?? false)

      const answers = await Promise.all(
        Object.entries(doors()).map(async ([door, open]) => {
          const response = await open()
          const text = await response.text()
          return [door, response.status, response.headers.get('retry-after'), text.length > 0]
        }),
      )
      expect(answers).toEqual(Object.keys(doors()).map((door) => [door, 503, '1', true]))
      expect((await fetch(`${node.origin}/healthz`)).status).toBe(200)
      // Begun while it is away, and not before it is back.
      const waiting = refresh(node.origin, ann.tokens.refresh_token).catch((error: unknown) => error)
      const back = performance.now()
      await (fault === 'freeze' ? postgres.thaw() : postgres.start())
      await until(async () => (await resolve(node.origin, ann)) === 'true')
      await until(async () => (await fetch(`${node.origin}/readyz`)).status === 200)

      for (const { stop } of watched) await stop()
      for (const { at, took, said } of watched.slice(0, 2).flatMap(({ asked }) => asked)) {
        expect(said).toMatch(/^(true|503 retry-after 1)$/)
        if (at > away + 1000 && at + took < back) expect(said).toBe('503 retry-after 1')
      }
      for (const { said } of ended?.asked ?? []) expect(said).toMatch(/^(false|503 retry-after 1)$/)

      const refreshed = await waiting
      if (refreshed instanceof Error) expect(refreshed).toMatchObject({ status: 503, retryAfter: '1' })
      else ann.tokens = refreshed as Account['tokens']
      ann.tokens = await refresh(node.origin, ann.tokens.refresh_token)
      expect(await resolve(node.origin, ann)).toBe('true')
      await enter(node.origin, 'login', 'ann')
    },
  )
})

// ---- the process --------------------------------------------------------------------------------------------------

/** What the people of a site have been told is done. */
type Promised = { refreshing: Account[]; signedUp: string[]; ended: Account[]; begun: string[] }

/** Works until the server is gone: refreshes, signs up and signs out, and notes what was acknowledged. */
async function work(origin: string, promised: Promised, workers: { refresh: number; signUp: number; end: number }) {
  const unlessGone = async (task: () => Promise<void>) => {
    try {
      for (;;) await task()
    } catch (error) {
      if (error instanceof Refused) throw error // It answered, and said no.
    }
  }
  const signUp = async () => {
    const name = `user${++serial}`
    promised.begun.push(name)
    const account = await enter(origin, 'signup', name)
    promised.signedUp.push(name)
    return account
  }
  const all = await Promise.allSettled([
    ...promised.refreshing.slice(0, workers.refresh).map((account) =>
      unlessGone(async () => {
        account.tokens = await refresh(origin, account.tokens.refresh_token)
      }),
    ),
    ...Array.from({ length: workers.signUp }, () => unlessGone(async () => void (await signUp()))),
    ...Array.from({ length: workers.end }, () =>
      unlessGone(async () => {
        const account = await signUp()
        await revoke(origin, account.tokens.refresh_token)
        promised.ended.push(account)
      }),
    ),
  ])
  const refused = all.find((one) => one.status === 'rejected')
  if (refused !== undefined) throw refused.reason
}

/** Everything that was acknowledged holds, and nothing is there by half. */
async function keepsItsWord(origin: string, promised: Promised): Promise<void> {
  await Promise.all(
    promised.refreshing.map(async (account) => {
      account.tokens = await refresh(origin, account.tokens.refresh_token)
      expect(await resolve(origin, account)).toBe('true')
    }),
  )
  for (const account of promised.ended.splice(0)) {
    expect(await resolve(origin, account)).toBe('false')
    await expect(refresh(origin, account.tokens.refresh_token)).rejects.toThrow(/400.*invalid_grant/)
  }
  const signedUp = new Set(promised.signedUp.splice(0))
  for (const name of promised.begun.splice(0)) {
    const known = await enter(origin, 'login', name).catch((error: Error) => error)
    if (!(known instanceof Error)) continue
    // Who was told nothing may have no account; then the name is free.
    expect([name, signedUp.has(name), known.message]).toEqual([name, false, expect.stringContaining('UserNotFound')])
    await enter(origin, 'signup', name)
  }
}

describe.each(['embedded', 'PostgreSQL'] as const)('a node on %s', (kind) => {
  const place = async () => site(kind === 'embedded' ? {} : { database: await postgres.createDatabase() })

  test('killed at any moment, keeps its word', async () => {
    const { origin, start } = await place()
    let node = await start()
    const refreshing = await Promise.all(Array.from({ length: 4 }, (_, index) => enter(origin, 'signup', `r${index}`)))
    const promised: Promised = { refreshing, signedUp: [], ended: [], begun: [] }
    for (const signedUp of [1, 3, 6]) {
      const [worked] = await Promise.allSettled([
        work(origin, promised, { refresh: 4, signUp: 2, end: 1 }),
        until(async () => promised.signedUp.length >= signedUp && promised.ended.length > 0, 90_000).then(node.kill),
      ])
      expect(worked).toMatchObject({ status: 'fulfilled' })
      node = await start()
      await keepsItsWord(origin, promised)
    }
  }, 300_000)

  test('told to stop under load, fails nothing that is in flight, and its exit code is 0', async () => {
    const { origin, start } = await place()
    const node = await start()
    const people = await Promise.all(Array.from({ length: 4 }, (_, index) => enter(origin, 'signup', `s${index}`)))
    let told = Number.POSITIVE_INFINITY
    const failed: string[] = []
    const succeeded = Array.from({ length: 4 + 32 }, () => 0)
    const working = succeeded.map(async (_, index) => {
      const account = people[index % people.length] as Account
      for (;;) {
        const at = performance.now()
        try {
          if (index < people.length) account.tokens = await refresh(origin, account.tokens.refresh_token)
          else expect(await resolve(origin, account)).toBe('true')
          succeeded[index] = (succeeded[index] ?? 0) + 1
        } catch (error) {
          if (at < told) failed.push(String((error as Error).cause ?? error))
          return
        }
        await sleep(index % 5) // Lines that are open and idle for a moment.
      }
    })
    await until(async () => succeeded.every((count) => count > 5))
    told = performance.now()
    const ended = await node.stop()
    await Promise.all(working)
    expect(failed).toEqual([])
    expect(ended).toEqual({ code: 0, signal: null })
    await start()
    for (const account of people) await refresh(origin, account.tokens.refresh_token)
  })
})

test('a database that is killed under load keeps what was acknowledged', async () => {
  const database = await postgres.createDatabase()
  const { origin, start } = await site({ database })
  await start()
  const refreshing = await Promise.all(Array.from({ length: 4 }, (_, index) => enter(origin, 'signup', `r${index}`)))
  const promised: Promised = { refreshing, signedUp: [], ended: [], begun: [] }
  const [worked] = await Promise.allSettled([
    work(origin, promised, { refresh: 4, signUp: 2, end: 1 }),
    sleep(500).then(postgres.kill),
  ])
  expect(worked).toMatchObject({ status: 'rejected', reason: { status: 503, retryAfter: '1' } })
  await postgres.start()
  await until(async () => (await fetch(`${origin}/readyz`)).status === 200)
  await keepsItsWord(origin, promised)
})

/** Whether the application may be answered there: 303 takes the refusal to it, 400 does not. */
async function goesBackTo(redirect_uri: string, origin: string, headers: Record<string, string> = {}): Promise<number> {
  const query = new URLSearchParams({ ...client, redirect_uri, response_type: 'code', scope: 'nonsense' })
  const response = await fetch(`${origin}/oauth2/authorize?${query}`, { headers, redirect: 'manual' })
  return response.status
}
const back = client.redirect_uri

// ---- several nodes ------------------------------------------------------------------------------------------------

test('what one node does, the other one does within a second', async () => {
  const database = await postgres.createDatabase()
  const { origin, configFile, common, start } = await site({ database })
  const first = await start()
  // The second one knows the project from the database alone, and stands behind a proxy.
  const second = await startServer({
    args: [...common, '--trust-proxy', '127.0.0.0/8'],
    env: { ...env, NO_PROXY: '*' },
    dataDir: join(dir, `data-${++serial}`),
  })
  running.push(second)
  const there = `http://localhost:${second.port}`
  const proxied = { 'x-forwarded-host': new URL(origin).host }

  const ann = await enter(origin, 'signup', 'ann')
  await until(async () => (await resolve(there, ann, proxied)) === 'true')
  const watched = watch(there, ann, proxied)
  await until(async () => watched.asked.length > 5)
  await revoke(origin, ann.tokens.refresh_token)
  const ended = performance.now()
  await until(async () => watched.asked.some(({ said }) => said === 'false'))
  await sleep(1100 - (performance.now() - ended))
  const answers = (await watched.stop()).filter(({ at }) => at > ended + 1000)
  for (const { said } of answers) expect(said).not.toBe('true')

  expect(await goesBackTo(`${back}/new`, there, proxied)).toBe(400)
  const config = await readFile(configFile, 'utf8')
  await writeFile(configFile, config.replace(`[${back}]`, `[${back}, ${back}/new]`))
  await first.logged((line) => line.msg === 'configuration changed')
  const live = performance.now()
  await sleep(1000 - (performance.now() - live))
  expect(await goesBackTo(`${back}/new`, there, proxied)).toBe(303)

  // The same by command, while both run.
  await writeFile(`${configFile}.old`, config)
  const saved = await runHeadgear(['project', 'create', 'faults', '--config', `${configFile}.old`, ...common], { env })
  expect([saved.code, saved.stdout]).toEqual([0, expect.stringContaining('saved as version 3')])
  await sleep(1000)
  expect(await goesBackTo(`${back}/new`, there, proxied)).toBe(400)
})

// ---- files and settings -------------------------------------------------------------------------------------------

describe('a wrong configuration', () => {
  /** Wrong in three places. */
  const spoil = (config: string) =>
    config
      .replace('identities: [login_id]', 'identities: [login_id, telepathy]')
      .replace('name: App', 'nmae: App')
      .replace(/public_origin: .*/, 'public_origin: nowhere')
  const faultsIn = (config: string) => {
    const line = (text: string) => config.split('\n').findIndex((one) => one.includes(text)) + 1
    return [
      [line('public_origin: nowhere'), '/http/public_origin'],
      [line('telepathy'), '/authentication/identities/1'],
      [line('nmae'), '/oauth/clients/0/nmae'],
    ] as const
  }

  test('names every fault by path and line, and starts nothing', async () => {
    const { configFile, start } = await site()
    const config = spoil(await readFile(configFile, 'utf8'))
    await writeFile(configFile, config)
    const told = await start().then(
      () => '',
      (error: Error) => error.message,
    )
    expect(told).toContain('"code":2')
    for (const [line, path] of faultsIn(config))
      expect(told).toMatch(new RegExp(`${configFile}:${line}:\\d+: ${path} `))
  })

  test.each(['embedded', 'PostgreSQL'] as const)('changes nothing in a node that runs, on %s', async (kind) => {
    const { origin, configFile, common, start } = await site(
      kind === 'embedded' ? {} : { database: await postgres.createDatabase() },
    )
    const node = await start()
    const ann = await enter(origin, 'signup', 'ann')
    const good = await readFile(configFile, 'utf8')
    const bad = spoil(good)
    await writeFile(configFile, bad)
    const { faults } = await node.logged((line) => line.msg === 'the changed configuration is not used')
    for (const [line, path] of faultsIn(bad))
      expect(faults).toContainEqual(expect.stringMatching(new RegExp(`^${configFile}:${line}:\\d+: ${path} `)))

    const place = kind === 'embedded' ? ['--data-dir', node.dataDir] : common
    const command = await runHeadgear(['project', 'create', 'faults', '--config', configFile, ...place], { env })
    expect(command.code).toBe(2)
    for (const [line, path] of faultsIn(bad)) expect(command.stderr).toMatch(new RegExp(`:${line}:\\d+: ${path} `))

    expect(await resolve(origin, ann)).toBe('true')
    ann.tokens = await refresh(origin, ann.tokens.refresh_token)
    await writeFile(configFile, good.replace('name: App', 'name: Other'))
    expect(await node.logged((line) => line.msg === 'configuration changed')).toMatchObject({ version: 2 })
    ann.tokens = await refresh(origin, ann.tokens.refresh_token)

    // By command, too: live at once where the command ran, and within a second elsewhere.
    await writeFile(`${configFile}.new`, good.replace(`[${back}]`, `[${back}, ${back}/new]`))
    expect(await goesBackTo(`${back}/new`, origin)).toBe(400)
    const create = ['project', 'create', 'faults', '--config', `${configFile}.new`, ...place]
    expect(await runHeadgear(create, { env })).toMatchObject({ code: 0, stdout: expect.stringContaining('version 3') })
    if (kind === 'PostgreSQL') await sleep(1000)
    expect(await goesBackTo(`${back}/new`, origin)).toBe(303)
    expect((await runHeadgear(create, { env })).stdout).toContain('unchanged')
    const misnamed = await runHeadgear(['project', 'create', 'other', '--config', `${configFile}.new`, ...place], {
      env,
    })
    expect([misnamed.code, misnamed.stderr]).toEqual([
      2,
      expect.stringContaining('/id is faults, but this is project other'),
    ])
  })
})

test('a start that cannot work says why, and whose move it is', async () => {
  const database = await postgres.createDatabase()
  const { configFile, common, start } = await site({ database })
  const node = await start()
  const serve = (...args: string[]) => ['serve', '--port', '0', '--data-dir', join(dir, 'nothing'), ...args]
  const other = { HEADGEAR_MASTER_KEY: Buffer.alloc(32, 4).toString('base64') }
  for (const [code, why, args, variables] of [
    [2, 'the master key is not the one that seals this database', serve(...common), other],
    [2, 'HEADGEAR_MASTER_KEY', serve(...common), { HEADGEAR_MASTER_KEY: 'short' }],
    [2, 'HEADGEAR_MASTER_KEY is not set', serve(...common), {}],
    [2, 'this database is a real one', serve(...common, '--dev'), env],
    [2, '--smtp-url', serve(...common, '--smtp-url', 'mail.example.com'), env],
    [2, 'no such file', serve(...common, '--config', join(dir, 'nowhere.yaml')), env],
    [
      1,
      'EADDRINUSE',
      ['serve', '--port', String(node.port), '--hostname', '127.0.0.1', '--data-dir', join(dir, 'nothing'), ...common],
      env,
    ],
    [1, 'ECONNREFUSED', serve('--database-url', 'postgres://nobody@127.0.0.1:1/nothing'), env],
  ] as const) {
    const ended = await runHeadgear(args, { env: variables })
    expect([why, ended.code, ended.stderr]).toEqual([why, code, expect.stringContaining(why)])
    expect(ended.stdout).not.toContain('"ready"')
  }
  expect((await fetch(`${node.origin}/readyz`)).status).toBe(200)
  await node.kill()
  await writeFile(configFile, projectConfig(node.origin))
  await start()
}, 240_000)

// ---- messages -----------------------------------------------------------------------------------------------------

test('while the mail server is down the page says so, and the message comes when it is back', async () => {
  const smtp = await startSmtp()
  await smtp.stop()
  const { origin, start } = await site()
  await start({ args: ['--smtp-url', `smtp://127.0.0.1:${smtp.port}`] })
  const jar = new Map<string, string>()
  const browse = async (path: string, form?: Record<string, string>): Promise<{ url: string; html: string }> => {
    const response = await fetch(new URL(path, origin), {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const to = response.headers.get('location')
    return to === null ? { url: path, html: await response.text() } : browse(to)
  }
  try {
    const signUp = await browse('/signup')
    const waiting = await browse(signUp.url, { x_action: 'login_id', x_login_id: 'ann@example.com' })
    await until(async () => (await browse(waiting.url)).html.includes('Our message hasn’t left yet'))
    await smtp.start()
    const mail = await smtp.next({ to: 'ann@example.com', timeoutMs: 60_000 })
    await until(async () => !(await browse(waiting.url)).html.includes('hasn’t left'))
    const code = /\b\d{6}\b/.exec(mail.text)?.[0] ?? ''
    const next = await browse(waiting.url, { x_action: 'submit', x_code: code })
    const last = await browse(next.url, { x_password: password, x_confirm_password: password })
    expect(last.url).toContain('/settings')
    expect(smtp.mails).toHaveLength(1)
  } finally {
    await smtp.stop()
  }
})

// ---- clocks -------------------------------------------------------------------------------------------------------

test('a clock of the database that jumps, forward or back, signs nobody out and locks nobody out', async () => {
  const database = await postgres.createDatabase()
  // The database's clock, in our hand: a function that is found before PostgreSQL's own.
  await onServer(
    database.url,
    `create schema set_clock;
    create schema kept;
    create table set_clock.offset (seconds int);
    insert into set_clock.offset values (0);
    create function set_clock.clock_timestamp() returns timestamptz language sql volatile
      as 'select pg_catalog.clock_timestamp() + make_interval(secs => seconds) from set_clock.offset';
    alter database ${new URL(database.url).pathname.slice(1)} set search_path = kept, set_clock, pg_catalog`,
  )
  const { origin, start } = await site({
    database,
    more: 'session: { idle_timeout_enabled: true, idle_timeout_seconds: 86400 }',
  })
  await start()
  const ann = await enter(origin, 'signup', 'ann')
  const claims = () => JSON.parse(Buffer.from(ann.tokens.id_token.split('.')[1] ?? '', 'base64url').toString())
  for (const seconds of [3600, -10_800, 0, 43_200, 0]) {
    await onServer(database.url, `update set_clock.offset set seconds = ${seconds}`)
    await until(async () => {
      ann.tokens = await refresh(origin, ann.tokens.refresh_token)
      return Math.abs(claims().iat - seconds - Date.now() / 1000) < 600
    })
    expect(await resolve(origin, ann)).toBe('true')
    const bob = await enter(origin, 'signup', `bob${seconds + serial}`)
    expect(await resolve(origin, bob)).toBe('true')
    for (let time = 0; time < 3; time++) await enter(origin, 'login', 'ann')
    await revoke(origin, bob.tokens.refresh_token)
    await until(async () => (await resolve(origin, bob)) === 'false')
    serial += 1
  }
})

test('a clock of the machine that jumps is noticed, and product time goes on by the database', async () => {
  const database = await postgres.createDatabase()
  const { origin, start } = await site({ database })
  const jump = `
    const real = Date.now; let ahead = 0
    Date.now = () => real() + ahead
    process.on('SIGUSR2', () => { ahead = ahead > 0 ? -7_200_000 : 7_200_000 })`
  const node = await start({ env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(jump)}` } })
  const ann = await enter(origin, 'signup', 'ann')
  const watched = watch(origin, ann)
  for (const _ of [1, 2, 3]) {
    process.kill(node.pid, 'SIGUSR2')
    ann.tokens = await refresh(origin, ann.tokens.refresh_token)
    const { iat } = JSON.parse(Buffer.from(ann.tokens.id_token.split('.')[1] ?? '', 'base64url').toString())
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(600)
    await enter(origin, 'login', 'ann')
  }
  for (const { said } of await watched.stop()) expect(said).toBe('true')
  await revoke(origin, ann.tokens.refresh_token)
  await until(async () => (await resolve(origin, ann)) === 'false')
})
