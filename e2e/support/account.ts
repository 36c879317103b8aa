// An application and its people, without a browser: authorize, sign up or in through the flow API, redeem the code.
import { createHash, randomBytes } from 'node:crypto'

export const client = { client_id: 'app', redirect_uri: 'http://localhost:9/back' }
export const password = 'Vexing, quartz jolt'

/** Every secret so far: none of them may stand in a log. */
export const secrets = new Set([password])

export type Tokens = { access_token: string; refresh_token: string; id_token: string; expires_in: number }
export type Account = { username: string; tokens: Tokens; cookie: string }

/** `authgear.yaml` of a project with that application; `more` is YAML that comes after it. */
export function projectConfig(origin: string, more = ''): string {
  return `id: faults
http:
  public_origin: ${origin}
authentication:
  identities: [login_id]
  primary_authenticators: [password]
  rate_limits:
    signup: { per_ip: { enabled: false } }
    password: { per_ip: { enabled: false } }
    account_enumeration: { per_ip: { enabled: false } }
authentication_flow:
  rate_limits: { per_ip: { enabled: false } }
identity:
  login_id:
    keys:
      - type: username
      - type: email
oauth:
  clients:
    - client_id: ${client.client_id}
      name: App
      x_application_type: spa
      redirect_uris: [${client.redirect_uri}]
${more}`
}

/** An answer that is not the one that was hoped for. */
export class Refused extends Error {
  readonly status: number
  readonly retryAfter: string | null
  constructor(what: string, response: Response, text: string) {
    super(`${what}: ${response.status} ${text.slice(0, 500)}`)
    this.status = response.status
    this.retryAfter = response.headers.get('retry-after')
  }
}

async function json(what: string, response: Response): Promise<Record<string, unknown>> {
  const text = await response.text()
  if (!response.ok) throw new Refused(what, response, text)
  return JSON.parse(text) as Record<string, unknown>
}

async function redirected(what: string, response: Response): Promise<URL> {
  const to = response.headers.get('location')
  const text = await response.text()
  if (to === null) throw new Refused(what, response, text)
  return new URL(to)
}

async function flow(origin: string, path: string, body: object) {
  const response = await fetch(`${origin}/api/v1/authentication_flows${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const cookies = response.headers.getSetCookie().map((line) => line.split(';')[0])
  const { result } = (await json('flow', response)) as { result: { state_token: string; action: { data: unknown } } }
  return { token: result.state_token, data: result.action.data as { finish_redirect_uri?: string }, cookies }
}

/** Goes from an authorization request to tokens. @throws Refused by whichever step. */
export async function enter(origin: string, type: 'signup' | 'login', username: string): Promise<Account> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    ...client,
    response_type: 'code',
    scope: 'openid offline_access https://authgear.com/scopes/full-access',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const entry = await redirected(
    'authorize',
    await fetch(`${origin}/oauth2/authorize?${query}`, { redirect: 'manual' }),
  )
  const begun = await flow(origin, '', {
    type,
    name: 'default',
    url_query: entry.search,
    batch_input: [{ identification: 'username', login_id: username }],
  })
  const done = await flow(origin, '/states/input', {
    state_token: begun.token,
    input: {
      authentication: 'primary_password',
      ...(type === 'signup' ? { new_password: password } : { password }),
    },
  })
  const back = await redirected('consent', await fetch(done.data.finish_redirect_uri ?? '', { redirect: 'manual' }))
  const tokens = await token(origin, {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: client.redirect_uri,
    code_verifier: verifier,
  })
  const cookie = done.cookies.find((pair) => pair?.startsWith('session=')) ?? ''
  secrets.add(cookie.slice('session='.length))
  return { username, tokens, cookie }
}

async function token(origin: string, form: Record<string, string>): Promise<Tokens> {
  const body = new URLSearchParams({ client_id: client.client_id, ...form })
  const tokens = (await json('token', await fetch(`${origin}/oauth2/token`, { method: 'POST', body }))) as Tokens
  for (const secret of [tokens.access_token, tokens.refresh_token, tokens.id_token, form.code])
    if (secret) secrets.add(secret)
  return tokens
}

/** @throws Refused. */
export function refresh(origin: string, refresh_token: string): Promise<Tokens> {
  return token(origin, { grant_type: 'refresh_token', refresh_token })
}

/** Ends the grant. @throws Refused. */
export async function revoke(origin: string, text: string): Promise<void> {
  const response = await fetch(`${origin}/oauth2/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: text }),
  })
  const answer = await response.text()
  if (!response.ok) throw new Refused('revoke', response, answer)
}

/** What the resolver says: `true`, `false`, nothing, or the status when it says nothing at all. */
export async function resolve(
  origin: string,
  { tokens }: Pick<Account, 'tokens'>,
  headers: Record<string, string> = {},
): Promise<string> {
  const bearer = { authorization: `Bearer ${tokens.access_token}` }
  const response = await fetch(`${origin}/_resolver/resolve`, { headers: { ...headers, ...bearer } })
  await response.arrayBuffer()
  if (response.status !== 200) return `${response.status} retry-after ${response.headers.get('retry-after')}`
  return response.headers.get('x-authgear-session-valid') ?? 'nobody'
}
