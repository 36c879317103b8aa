// Two nodes on one PostgreSQL behind nginx, which gives every request to the other one than the last: nothing may lean on
// coming back to the same process. Then the bad days of such a pair.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plainBrowser } from '../packages/server/test/support/browser.ts'
import { fetchByName } from '../packages/server/test/support/by_name.ts'
import { type PostgresServer, startPostgres } from '../packages/server/test/support/postgres.ts'
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
import { type Nginx, startNginx } from './support/nginx.ts'
import { type Server, startServer } from './support/server.ts'

let dir: string
let postgres: PostgresServer
let nginx: Nginx
let accessLog: string
const nodes: Server[] = []
/** Both origins of the project, which nginx serves. */
let hub: string
let second: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgear-nodes-'))
  accessLog = join(dir, 'access.log')
  postgres = await startPostgres({ durable: true })
  const database = await postgres.createDatabase()
  const ports = [await freePort(), await freePort()]
  nginx = await startNginx(
    ({ port }) => `
      log_format who '$upstream_addr $uri';
      upstream nodes {
        ${ports.map((one) => `server 127.0.0.1:${one} max_fails=0;`).join('\n')}
      }
      server {
        listen 127.0.0.1:${port};
        access_log ${accessLog} who;
        location / {
          proxy_pass http://nodes;
          proxy_next_upstream off;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-For $remote_addr;
        }
      }`,
  )
  hub = `http://localhost:${nginx.port}`
  second = `http://identity.second.localhost:${nginx.port}`
  const config = join(dir, 'authgear.yaml')
  const origins = `public_origin: ${hub}\n  alternate_origins: ['${second}']`
  await writeFile(config, projectConfig(hub).replace(/public_origin: .*/, origins))
  const args = ['--config', config, '--database-url', database.url, '--trust-proxy', '127.0.0.1']
  const env = { HEADGEAR_MASTER_KEY: Buffer.alloc(32, 3).toString('base64') }
  for (const port of ports) nodes.push(await startServer({ port, args, env, dataDir: join(dir, String(port)) }))
})
afterAll(async () => {
  await nginx?.stop()
  for (const node of nodes) {
    await node.stop()
    for (const secret of secrets) expect(node.output().includes(secret), 'a secret in the log').toBe(false)
  }
  await postgres?.remove()
  await rm(dir, { recursive: true, force: true })
})

/** How many requests for a path each node has answered. */
async function answered(path: string): Promise<number[]> {
  const lines = (await readFile(accessLog, 'utf8')).split('\n')
  return nodes.map(({ port }) => lines.filter((line) => line === `127.0.0.1:${port} ${path}`).length)
}

/** Repeats until it holds. */
async function until(holds: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${holds}`)
    await sleep(20)
  }
}

/** What the resolver says to a few questions in a row, each answered by the other node than the one before. */
async function said(who: Account, times = 4): Promise<Set<string>> {
  const answers = new Set<string>()
  for (let time = 0; time < times; time++) answers.add(await resolve(hub, who))
  return answers
}
const aSecond = () => sleep(1000)

describe('requests that alternate between two nodes', () => {
  test('sign up, sign in, exchange, refresh, resolve and sign out', async () => {
    // An odd number of requests each, so that either node had every step.
    for (const name of ['ann', 'bob']) {
      await enter(hub, 'signup', name)
      const account = await enter(hub, 'login', name)
      expect(await said(account)).toEqual(new Set(['true']))
      for (let time = 0; time < 4; time++) account.tokens = await refresh(hub, account.tokens.refresh_token)
      await revoke(hub, account.tokens.refresh_token)
      await aSecond()
      expect(await said(account)).toEqual(new Set(['false']))
      await expect(refresh(hub, account.tokens.refresh_token)).rejects.toThrow('invalid_grant')
      await expect(refresh(hub, account.tokens.refresh_token)).rejects.toThrow('invalid_grant')
    }
    for (const path of [
      '/oauth2/authorize',
      '/api/v1/authentication_flows',
      '/api/v1/authentication_flows/states/input',
      '/oauth2/consent',
      '/oauth2/token',
      '/_resolver/resolve',
    ])
      expect([path, Math.min(...(await answered(path)))]).toEqual([
        path,
        expect.toSatisfy((count: number) => count > 0),
      ])
  })

  test('give racing refreshes one successor', async () => {
    const account = await enter(hub, 'signup', 'cid')
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(Array.from({ length: 6 }, () => refresh(hub, account.tokens.refresh_token)))
      expect(new Set(all.map(({ refresh_token }) => refresh_token)).size).toBe(1)
      account.tokens = all[0] as Account['tokens']
      expect(await said(account)).toEqual(new Set(['true']))
    }
  })

  const verifier = randomBytes(32).toString('base64url')
  const authorize = (origin: string, more: Record<string, string>) =>
    `${origin}/oauth2/authorize?${new URLSearchParams({
      ...client,
      response_type: 'code',
      scope: 'openid offline_access',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    })}`
  const exchange = (code: string) =>
    fetch(`${hub}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...client, grant_type: 'authorization_code', code, code_verifier: verifier }),
    })
  const open = () => plainBrowser({ local_origin: hub }, { names: { origins: [hub, second], at: nginx.origin } })
  const cookieOf = (browser: ReturnType<typeof open>, origin: string) =>
    [...browser.cookiesOf(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  const knows = async (browser: ReturnType<typeof open>, origin: string) => {
    const headers = { cookie: cookieOf(browser, origin) }
    const answer = await fetchByName(nginx.origin, new URL('/_resolver/resolve', origin), { headers })
    return answer.headers.get('x-authgear-user-id')
  }
  async function signUp(browser: ReturnType<typeof open>, name: string): Promise<void> {
    await browser.send({ x_login_id: name })
    await browser.send({ x_password: password, x_confirm_password: password })
  }

  test('walk through the pages, and from one origin to the other', async () => {
    const browser = open()
    await browser.open(authorize(second, { prompt: 'create' }))
    await signUp(browser, 'dot')
    expect(browser.page.url.href).toMatch(`${client.redirect_uri}?code=`)
    expect((await exchange(browser.page.url.searchParams.get('code') ?? '')).status).toBe(200)
    const user = await knows(browser, second)
    expect(user).toMatch(/^[0-9a-f-]{36}$/)
    for (const origin of [hub, second, hub, second]) expect(await knows(browser, origin)).toBe(user)
    await browser.open(`${second}/logout`)
    await browser.send({}, { form: { action: 'logout' } })
    await aSecond()
    for (const origin of [hub, hub, second, second]) expect(await knows(browser, origin)).toBeNull()
  })

  test('take a code or a ticket once, though both nodes are asked at the same moment', async () => {
    const browser = open()
    await browser.open(`${hub}/signup`)
    await signUp(browser, 'eli')
    for (let round = 0; round < 3; round++) {
      await browser.open(authorize(hub, { prompt: 'none' }))
      const code = browser.page.url.searchParams.get('code') ?? ''
      const statuses = (await Promise.all([1, 2, 3, 4].map(() => exchange(code)))).map(({ status }) => status)
      expect(statuses.sort()).toEqual([200, 400, 400, 400])
    }
    const step = (url: string, cookie: string) => fetchByName(nginx.origin, new URL(url), { headers: { cookie } })
    for (let round = 0; round < 3; round++) {
      const asked = await step(`${second}/`, '')
      const mark = /carry_mark=[^;]+/.exec(asked.headers.getSetCookie().join('\n'))?.[0] ?? ''
      const given = await step(asked.headers.get('location') ?? '', cookieOf(browser, hub))
      const ticket = given.headers.get('location') ?? ''
      expect(new URL(ticket).origin).toBe(second)
      const taken = await Promise.all([1, 2, 3, 4].map(() => step(ticket, mark)))
      const sessions = taken.filter(({ headers }) => headers.getSetCookie().some((line) => line.startsWith('session=')))
      expect(sessions).toHaveLength(1)
    }
  })
})

test('PostgreSQL restarted under load: nobody is signed out, and nobody who was comes back', async () => {
  const people: Account[] = []
  for (let each = 0; each < 8; each++) people.push(await enter(hub, 'signup', `worker${each}`))
  const [staying, leaving] = [people.slice(0, 4), people.slice(4)]
  const faults: string[] = []
  const ended = new Map<Account, number>()
  const worked = new Map<Account, number>()
  let over = false
  /** Does it again and again; the one failure that is none of ours is 503. */
  const again = async (task: () => Promise<void>) => {
    while (!over) {
      await task().catch((error: Error) => {
        if (!(error instanceof Refused) || error.status !== 503) faults.push(String(error.cause ?? error))
      })
      await sleep(10)
    }
  }
  const working = [
    ...staying.map((who) =>
      again(async () => {
        who.tokens = await refresh(hub, who.tokens.refresh_token)
        worked.set(who, (worked.get(who) ?? 0) + 1)
      }),
    ),
    ...people.map((who) =>
      again(async () => {
        const at = performance.now()
        const answer = await resolve(hub, who)
        const gone = ended.get(who)
        if (answer.startsWith('503')) return
        if (gone !== undefined && at > gone + 1000 && answer !== 'false') faults.push(`${answer} for one who has left`)
        if (staying.includes(who) && answer !== 'true') faults.push(`${answer} for one who stays`)
      }),
    ),
  ]
  /** As a client does: until it is acknowledged. */
  const leave = async (who: Account | undefined) => {
    if (who === undefined) return
    await until(() =>
      revoke(hub, who.tokens.refresh_token).then(
        () => true,
        () => false,
      ),
    )
    ended.set(who, performance.now())
  }
  try {
    await until(() => staying.every((who) => (worked.get(who) ?? 0) > 3))
    await leave(leaving[0])
    for (const round of [1, 2]) {
      await postgres.stop()
      const next = leave(leaving[round])
      await postgres.start()
      await next
      worked.clear()
      await until(() => staying.every((who) => (worked.get(who) ?? 0) > 3))
    }
    await leave(leaving[3])
    await aSecond()
    for (const who of leaving) expect(await said(who)).toEqual(new Set(['false']))
  } finally {
    over = true
    await Promise.all(working)
  }
  expect(faults).toEqual([])
  for (const who of staying) expect(await said(who)).toEqual(new Set(['true']))
})

test('a node that slept longer than it may answer from memory forgets what ended meanwhile', async () => {
  const [first, sleeper] = nodes as [Server, Server]
  const at = { 'x-forwarded-host': new URL(hub).host }
  const ask = (who: Account) => resolve(`http://localhost:${sleeper.port}`, who, at)
  const people: Account[] = []
  for (let each = 0; each < 3; each++) people.push(await enter(hub, 'signup', `sleeper${each}`))
  for (const [index, who] of people.entries()) {
    const others = people.slice(index + 1)
    // Warm, and polled a moment ago.
    for (let time = 0; time < 5; time++) expect(await ask(who)).toBe('true')
    process.kill(sleeper.pid, 'SIGSTOP')
    let waiting: Promise<string[]>
    try {
      await fetch(`http://localhost:${first.port}/oauth2/revoke`, {
        method: 'POST',
        headers: at,
        body: new URLSearchParams({ token: who.tokens.refresh_token }),
      })
      await aSecond()
      // Its memory is whole, and these are what it finds first when it wakes.
      waiting = Promise.all(Array.from({ length: 20 }, () => ask(who)))
    } finally {
      process.kill(sleeper.pid, 'SIGCONT')
    }
    expect(new Set(await waiting)).toEqual(new Set(['false']))
    for (const other of others) expect(await ask(other)).toBe('true')
  }
})
