// A browser and an application against one project, with sign-in done beneath the pages: what a flow would leave behind
// is written directly, everything else goes over HTTP.
import { createHash, randomBytes } from 'node:crypto'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type { DevelopmentProject } from '../../src/dev/projects.ts'
import { digestOf } from '../../src/oauth/one_time.ts'
import { insertAuthenticationResult } from '../../src/oauth/results.ts'
import type { Project } from '../../src/projects/find.ts'
import { startBrowserSession } from '../../src/sessions/start.ts'
import { inTransaction } from '../../src/storage/database.ts'
import type { Headgear } from '../../src/testing.ts'
import { insertUser } from '../../src/users/store.ts'

export const fullAccess = 'https://authgear.com/scopes/full-access'
export const fullUserInfo = 'https://authgear.com/scopes/full-userinfo'
export const settingsAction = 'urn:authgear:params:oauth:response-type:settings-action'

export type Site = {
  server: Headgear
  made: DevelopmentProject
  /** Where requests go and who issues: the project's own localhost port. */
  origin: string
  project(): Promise<Project>
}

export async function openSite(server: Headgear, config: Record<string, unknown>, secrets?: string): Promise<Site> {
  const made = await server.project(config, secrets)
  return {
    server,
    made,
    origin: made.local_origin,
    async project() {
      const found = await server.node.directory.byId(made.id)
      if (found === undefined) throw new Error('the project is gone')
      return found
    },
  }
}

export type Params = Record<string, string | undefined>

export function query(params: Params): string {
  return new URLSearchParams(
    Object.entries(params).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ).toString()
}

/** A cookie jar for one host that never follows a redirect. */
export type Browser = {
  cookies: Map<string, string>
  get(url: string, headers?: Record<string, string>): Promise<Response>
  post(url: string, form: Params, headers?: Record<string, string>): Promise<Response>
}

export function openBrowser(site: Site): Browser {
  const cookies = new Map<string, string>()
  async function send(url: string, init: RequestInit): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(url, site.origin), {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(init.headers as Record<string, string>),
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/expires=thu, 01 jan 1970|max-age=0/i.test(line)) cookies.delete(pair.slice(0, at))
      else cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
  return {
    cookies,
    get: (url, headers = {}) => send(url, { headers }),
    post: (url, form, headers = {}) =>
      send(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: query(form),
      }),
  }
}

export const ana = {
  name: 'Ana Silva',
  given_name: 'Ana',
  family_name: 'Silva',
  email: 'ana@example.com',
  phone_number: '+886912345678',
  address: { country: 'TW' },
  birthdate: '1990-12-31',
}

export async function newUser(
  site: Site,
  standard: Record<string, unknown> = ana,
  custom: Record<string, unknown> = {},
): Promise<string> {
  const { world } = site.server.node
  const scope = { projectId: site.made.id, query: world.db.query }
  return inTransaction(scope, async (tx) => {
    const now = world.clock.now()
    const id = await insertUser(tx, { standardAttributes: standard, customAttributes: custom }, now)
    const claims = { email: standard.email }
    await tx.query
      .insertInto('identity')
      .values({
        project_id: tx.projectId,
        id: crypto.randomUUID(),
        user_id: id,
        type: 'login_id',
        unique_key: `email:${id}`,
        login_id_key: 'email',
        login_id_type: 'email',
        login_id: `${id}@example.com`,
        original_login_id: `${id}@example.com`,
        claims: JSON.stringify(claims),
        data: '{}',
        created_at: now,
        updated_at: now,
      } as never)
      .execute()
    return id
  })
}

export type SignedIn = { userId: string; idpSessionId: Buffer | null; authTime: Date; amr: string[] }

/** Signs a user in as a flow would: a browser session in the jar, or none when the request suppresses it. */
export async function signIn(
  site: Site,
  browser: Browser,
  options: { userId?: string; session?: boolean; amr?: string[] } = {},
): Promise<SignedIn> {
  const { world } = site.server.node
  const project = await site.project()
  const userId = options.userId ?? (await newUser(site))
  const amr = options.amr ?? ['pwd']
  const authTime = world.clock.now()
  if (options.session === false) return { userId, idpSessionId: null, authTime, amr }
  const origin = project.origins.find((candidate) => candidate.origin === site.origin) ?? project.origins[0]
  const started = await inTransaction({ projectId: project.id, query: world.db.query }, (tx) =>
    startBrowserSession(tx, world, project, {
      userId,
      origin,
      authTime,
      amr,
      caller: { ip: '127.0.0.1', userAgent: 'test' },
    }),
  )
  for (const line of started.cookies) {
    const [pair = ''] = line.split(';')
    const at = pair.indexOf('=')
    // The Strict twin tells a same-site navigation; tests add it where they mean one.
    if (!pair.includes('same_site_strict')) browser.cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return { userId, idpSessionId: started.id, authTime, amr }
}

/** What a finished flow does: leaves a result for the request that `entry` names. @returns the consent address. */
export async function finish(
  site: Site,
  entry: string,
  who: SignedIn,
  more: { grantId?: Buffer; boundTo?: string } = {},
): Promise<string> {
  const { world } = site.server.node
  const ref = new URL(entry).searchParams.get('x_ref') ?? ''
  const code = await insertAuthenticationResult(
    { projectId: site.made.id, query: world.db.query },
    {
      oauthRequestId: digestOf(ref),
      userId: who.userId,
      idpSessionId: who.idpSessionId,
      grantId: more.grantId ?? null,
      authTime: who.authTime,
      amr: who.amr,
      browser: more.boundTo === undefined ? null : createHash('sha256').update(more.boundTo).digest(),
      now: world.clock.now(),
      random: world.random,
    },
  )
  return `/oauth2/consent?code=${code}`
}

export type Pkce = { verifier: string; challenge: string }

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export function location(response: Response): URL {
  const text = response.headers.get('location')
  if (text === null) throw new Error(`no redirect but ${response.status}`)
  return new URL(text)
}

/** Parameters that came back to the application. */
export function answered(response: Response): Record<string, string> {
  return Object.fromEntries(location(response).searchParams)
}

export type Json = Record<string, unknown>

export async function tokenRequest(
  site: Site,
  form: Params,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Json; headers: Headers }> {
  const response = await fetch(`${site.origin}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: query(form),
  })
  return { status: response.status, body: (await response.json()) as Json, headers: response.headers }
}

export type App = {
  client_id: string
  redirect_uri: string
  scope: string
  secret?: string | undefined
  params?: Params
}

/** Authorizes and signs in with a new browser session unless told otherwise. */
export async function getCode(
  site: Site,
  app: App,
  options: {
    browser?: Browser
    who?: SignedIn
    proves?: boolean
    params?: Params
    consents?: boolean
    grantId?: Buffer
  } = {},
): Promise<{ code: string; pkce: Pkce; browser: Browser; who: SignedIn; answer: Record<string, string> }> {
  const browser = options.browser ?? openBrowser(site)
  const proof = pkce()
  const { secret: _, ...rest } = app
  const authorize = await browser.get(
    `/oauth2/authorize?${query({
      client_id: rest.client_id,
      redirect_uri: rest.redirect_uri,
      scope: rest.scope,
      response_type: 'code',
      state: 'st',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
      ...app.params,
      ...options.params,
    })}`,
  )
  const entry = location(authorize)
  if (entry.searchParams.get('x_ref') === null) throw new Error(`no sign-in but ${entry}`)
  const known = options.who ?? (await signIn(site, browser))
  // Whoever is asked to prove it again does so after the request has come.
  const who = options.proves ? { ...known, authTime: site.server.clock.now() } : known
  const consent = await finish(site, entry.href, who, options.grantId === undefined ? {} : { grantId: options.grantId })
  let response = await browser.get(consent)
  if (response.status === 200 && options.consents !== false)
    response = await browser.post(consent, { x_action: 'consent' })
  const answer = answered(response)
  return { code: answer.code ?? '', pkce: proof, browser, who, answer }
}

/** The whole way to tokens. */
export async function getTokens(site: Site, app: App, options: Parameters<typeof getCode>[2] = {}) {
  const got = await getCode(site, app, options)
  const { status, body } = await redeem(site, app, got)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return {
    ...got,
    body: body as {
      access_token: string
      id_token: string
      refresh_token: string
      expires_in: number
      token_type: string
    },
  }
}

export function redeem(
  site: Site,
  app: App,
  got: { code: string; pkce: Pkce },
  changed: Params = {},
  headers: Record<string, string> = {},
) {
  return tokenRequest(
    site,
    {
      grant_type: 'authorization_code',
      client_id: app.client_id,
      client_secret: app.secret,
      redirect_uri: app.redirect_uri,
      code: got.code,
      code_verifier: got.pkce.verifier,
      ...changed,
    },
    headers,
  )
}

export function refresh(
  site: Site,
  app: App,
  token: string,
  changed: Params = {},
  headers: Record<string, string> = {},
) {
  return tokenRequest(
    site,
    {
      grant_type: 'refresh_token',
      client_id: app.client_id,
      client_secret: app.secret,
      refresh_token: token,
      ...changed,
    },
    headers,
  )
}

/** Verifies against the published keys, as a stranger would. */
export async function verified(
  site: Site,
  jwt: string,
  options: { audience: string; typ?: string },
): Promise<{ claims: JWTPayload; header: Json }> {
  const keys = createRemoteJWKSet(new URL(`${site.origin}/oauth2/jwks`))
  const { payload, protectedHeader } = await jwtVerify(jwt, keys, {
    issuer: site.origin,
    audience: options.audience,
    currentDate: site.server.clock.now(),
    ...(options.typ === undefined ? {} : { typ: options.typ }),
  })
  return { claims: payload, header: protectedHeader as unknown as Json }
}

export async function userinfo(site: Site, token: string): Promise<{ status: number; body: Json; headers: Headers }> {
  const response = await fetch(`${site.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: (await response.json()) as Json, headers: response.headers }
}
