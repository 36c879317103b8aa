// What a stock library is pointed at: `headgear serve` by its files, applications that receive the answers, and a person
// in Chromium who deals with the pages.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { freePort } from '../support/free_port.ts'
import { answerPages, type Person } from '../support/person.ts'
import { startServer } from '../support/server.ts'

export type ClientKind = 'public' | 'basic' | 'post' | 'third' | 'bound'
export type Algorithm = 'RS256' | 'ES256'

/** Everything in it needs escaping somewhere: in a form, in HTTP Basic, or in YAML. */
export const secret = 'ä +&=%:/?#"secret"'

/** There is each kind of client once for each algorithm that signs ID tokens. */
export const clientId = (kind: ClientKind, alg: Algorithm) => `${kind}-${alg}`

const types: Readonly<Record<ClientKind, string>> = {
  public: 'spa',
  basic: 'confidential',
  post: 'confidential',
  third: 'third_party_app',
  bound: 'native',
}

/** What came back to an application: a request for its redirect URI, of either method, as a library takes it. */
export type Receiver = AsyncDisposable & {
  origin: string
  /** The next request for `path`, asked for before it is made. */
  next(path: string): Promise<Request>
}

async function startReceiver(): Promise<Receiver> {
  const waiting = new Map<string, (request: Request) => void>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', origin)
    const came = new Request(url, {
      method: request.method ?? 'GET',
      headers: { 'content-type': request.headers['content-type'] ?? 'text/plain' },
      ...(request.method === 'POST' ? { body: Buffer.concat(chunks) } : {}),
    })
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>app</title>Back.')
    waiting.get(url.pathname)?.(came)
    waiting.delete(url.pathname)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  return {
    origin,
    next: (path) => new Promise((resolve) => waiting.set(path, resolve)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Provider = AsyncDisposable & {
  issuer: string
  app: Receiver
  redirectUri: string
  postLogoutUri: string
  browser: Browser
  /** A browser of its own, and somebody without an account yet. */
  visitor(): Promise<Visitor>
}

export type Visitor = {
  who: Person
  page: Page
  context: BrowserContext
  /** Opens an address of the server, answers page after page, and gives what then reaches the application. */
  visit(url: URL | string, path?: string): Promise<Request>
  /** The same where no page may be shown: fails when one is. */
  pass(url: URL | string, path?: string): Promise<Request>
}

/**
 * `spa` are origins of apps that run in the browser: they are answered at `/`, and left at `/bye`. `clients` and `config`
 * come on top of what every library here needs.
 */
export async function startProvider(
  more: { spa?: readonly string[]; clients?: readonly object[]; config?: Record<string, unknown> } = {},
): Promise<Provider> {
  const { spa = [], clients: others = [] } = more
  const app = await startReceiver()
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const dir = await mkdtemp(join(tmpdir(), 'headgear-interop-'))
  const [config, secrets] = [join(dir, 'authgear.yaml'), join(dir, 'authgear.secrets.yaml')]
  const redirectUri = `${app.origin}/cb`
  const postLogoutUri = `${app.origin}/bye`
  const kinds = Object.keys(types) as ClientKind[]
  const each = kinds.flatMap((kind) => (['RS256', 'ES256'] as const).map((alg) => ({ kind, alg })))
  const clients = each.map(({ kind, alg }) => ({
    client_id: clientId(kind, alg),
    name: kind,
    client_name: kind,
    x_application_type: types[kind],
    redirect_uris: [redirectUri, ...spa.map((origin) => `${origin}/`)],
    post_logout_redirect_uris: [postLogoutUri, ...spa.map((origin) => `${origin}/bye`)],
    issue_jwt_access_token: true,
    id_token_signed_response_alg: alg,
    dpop_bound_access_tokens: kind === 'bound',
  }))
  const items = each
    .filter(({ kind }) => !['spa', 'native'].includes(types[kind]))
    .map(({ kind, alg }) => ({
      client_id: clientId(kind, alg),
      keys: [{ kty: 'oct', kid: 'one', k: Buffer.from(secret).toString('base64url') }],
    }))
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      id: 'interop',
      http: { public_origin: issuer },
      ...more.config,
      oauth: { clients: [...clients, ...others] },
    }),
  )
  await writeFile(secrets, JSON.stringify({ secrets: [{ key: 'oauth.client_secrets', data: { items } }] }))
  const server = await startServer({ port, args: ['--dev', '--config', config, '--secrets', secrets] })
  const browser = await launchChromium()

  let serial = 0
  async function visitor(): Promise<Visitor> {
    const context = await browser.newContext()
    const page = await context.newPage()
    serial += 1
    const who = { email: `person${serial}@example.com`, password: 'correct horse battery staple' }
    return {
      who,
      page,
      context,
      async visit(url, path = '/cb') {
        const back = app.next(path)
        await page.goto(String(url))
        await answerPages(page, who, { headgear: issuer, until: app.origin })
        return back
      },
      async pass(url, path = '/cb') {
        const back = app.next(path)
        await page.goto(String(url))
        await page.waitForURL((at) => at.origin === app.origin)
        return back
      },
    }
  }
  return {
    issuer,
    app,
    redirectUri,
    postLogoutUri,
    browser,
    visitor,
    async [Symbol.asyncDispose]() {
      await browser.close()
      await server.stop()
      await app[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
