// What the READMEs of examples/ tell people to type, typed.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { createServer } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchChromium } from './support/chromium.ts'
import { type Demo, freeRow, run, startDemo } from './support/demo.ts'
import { freePort } from './support/free_port.ts'
import { answerPages } from './support/person.ts'
import { startServer } from './support/server.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

let demo: Demo
let browser: Browser

beforeAll(async () => {
  demo = await startDemo({ nginx: true })
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await demo?.stop()
})

/** The shell blocks of a README, with the ports of this run. */
async function commands(example: string, ports: Readonly<Record<string, number>> = {}): Promise<string[]> {
  const text = await readFile(new URL(`../examples/${example}/README.md`, import.meta.url), 'utf8')
  const moved: Record<string, number> = { 4000: demo.port, 4001: demo.port + 1, 4002: demo.port + 2, ...ports }
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block.replace(/\b400\d\b/g, (port) => String(moved[port] ?? port)),
  )
}

async function type(command: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-ec', command], { cwd: root })).stdout
}

test('S8: nginx', async () => {
  const [start, asNobody, asGuest, asTheBoss, asMember, ...more] = (await commands('nginx')) as [
    string,
    string,
    string,
    string,
    string,
  ]
  expect(start).toBe('node examples/nginx/start.js\n') // which startDemo ran
  expect(more).toEqual([])
  expect(await type(asNobody)).toMatch(/^HTTP\/1.1 401 [\s\S]*"sign in first"/)
  expect(await type(asGuest)).toMatch(/^HTTP\/1.1 200 [\s\S]*"anonymous":true/)
  expect(await type(asTheBoss)).toMatch(/^HTTP\/1.1 401 [\s\S]*"sign in first"/)
  expect(await type(asMember)).toMatch(/^HTTP\/1.1 401 /)
})

test('S6, S9: a backend that checks JWTs', async () => {
  const port = await freePort()
  const [start = '', asNobody = '', asGuest = '', ...more] = await commands('jwt-backend', { 4004: port })
  expect(more).toEqual([])
  const [, script = ''] = /^node (\S+)\n$/.exec(start) ?? []
  const backend = run([script], 'backend on', { PORT: String(port), ISSUER: demo.headgear })
  try {
    await backend.ready
    expect(await type(asNobody)).toMatch(/^HTTP\/1.1 401 [\s\S]*"there is no access token"/)
    expect(await type(asGuest)).toMatch(/^HTTP\/1.1 200 [\s\S]*"client_id":"demo"/)

    const ask = async (token: string) => {
      const response = await fetch(`http://localhost:${port}`, { headers: { authorization: `Bearer ${token}` } })
      return [response.status, await response.json()] as const
    }
    expect(await ask('garbage')).toEqual([401, { error: 'invalid_token', reason: 'Invalid Compact JWS' }])
    // Signed by nobody, and by the wrong one.
    const { privateKey } = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign'],
    )
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = part({ iss: demo.headgear, aud: [demo.headgear], sub: 'boss', exp: 4_000_000_000 })
    expect((await ask(`${part({ alg: 'none', typ: 'at+jwt' })}.${claims}.`))[0]).toBe(401)
    const { keys } = (await (await fetch(`${demo.headgear}/oauth2/jwks`)).json()) as {
      keys: { alg: string; kid: string }[]
    }
    const kid = keys.find(({ alg }) => alg === 'RS256')?.kid
    const input = `${part({ alg: 'RS256', typ: 'at+jwt', kid })}.${claims}`
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(input))
    const forged = await ask(`${input}.${Buffer.from(signature).toString('base64url')}`)
    expect(forged).toEqual([401, { error: 'invalid_token', reason: 'signature verification failed' }])
  } finally {
    await backend.stop()
  }
})

test('a backend that cannot get the keys blames nobody', async () => {
  const [port, nobody] = [await freePort(), await freePort()]
  const backend = run(['examples/jwt-backend/server.js'], 'backend on', {
    PORT: String(port),
    ISSUER: `http://localhost:${nobody}`,
  })
  try {
    await backend.ready
    const response = await fetch(`http://localhost:${port}`, { headers: { authorization: 'Bearer a.b.c' } })
    expect(response.status).toBe(503)
  } finally {
    await backend.stop()
  }
})

test('an app in one file', async () => {
  const first = await freeRow(2)
  const headgear = `http://localhost:${first}`
  const app = `http://localhost:${first + 1}` // where the client may return to: in the place of the demo
  await using server = await startServer({ port: first, args: ['--dev'] })
  expect(server.origin).toBe(headgear)
  const written = 'http://localhost:4000'
  let replaced = 0
  const vite = await createServer({
    root: `${root}examples/spa`,
    configFile: false,
    logLevel: 'warn',
    server: { host: '127.0.0.1', port: first + 1, strictPort: true },
    plugins: [
      {
        name: 'the ports of this run',
        transformIndexHtml: {
          order: 'pre',
          handler(html) {
            replaced += html.split(written).length - 1
            return html.replaceAll(written, headgear)
          },
        },
      },
    ],
  })
  const page = await (await browser.newContext()).newPage()
  try {
    await vite.listen()
    await page.goto(app)
    expect(replaced).toBeGreaterThan(0)
    await page.getByText('Nobody is signed in.').waitFor()
    await page.getByRole('button', { name: 'Sign in' }).click()
    const who = { email: `spa-${first}@example.com`, password: 'correct horse battery staple' }
    await page.waitForURL((url) => url.origin === headgear)
    await answerPages(page, who, { headgear, until: app })
    await page.getByText(`Signed in as ${who.email}`).waitFor()
    expect(page.url()).toBe(`${app}/`)
    await page.reload()
    await page.getByText(`Signed in as ${who.email}`).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('Nobody is signed in.').waitFor()
  } finally {
    await page.context().close()
    await vite.close()
  }
})
