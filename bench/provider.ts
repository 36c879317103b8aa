// An OpenID provider as a client sees it, ours or a peer, and what both sides prepare in the same way.
import { createHash } from 'node:crypto'
import { type Answer, headerOf, httpRequest, type Next, sendAll } from './load.ts'

export const algorithms = ['ES256', 'RS256'] as const
/** Each is also the id of the client that has its tokens signed by it. */
export type Algorithm = (typeof algorithms)[number]

export type Provider = AsyncDisposable & {
  name: string
  port: number
  pid: number
  paths: { authorize: string; token: string }
  scope: string
  /** Signs people in for a client. @returns a Cookie header for each name. */
  signIn(client: Algorithm, names: readonly string[]): Promise<string[]>
}

export const redirectUri = 'http://localhost:3000/'
const verifier = 'a-verifier-of-forty-three-characters-at-least'

export function authorizePath({ paths, scope }: Provider, client: Algorithm, more: Record<string, string>): string {
  const code_challenge = createHash('sha256').update(verifier).digest('base64url')
  const query = { response_type: 'code', client_id: client, redirect_uri: redirectUri, scope, code_challenge }
  return `${paths.authorize}?${new URLSearchParams({ ...query, code_challenge_method: 'S256', ...more })}`
}

/** Codes for signed-in browsers, each in its turn, by `prompt=none`. */
export async function codes(provider: Provider, client: Algorithm, cookies: readonly string[], count: number) {
  const path = authorizePath(provider, client, { prompt: 'none' })
  const host = `localhost:${provider.port}`
  const requests = cookies.map((cookie) => httpRequest(`GET ${path}`, { host, cookie }))
  const turns = Array.from({ length: count }, (_, index) => requests[index % requests.length] as Buffer)
  const answers = await sendAll(provider.port, turns)
  return answers.map((answer) => {
    const code = new URL(headerOf(answer, 'location')).searchParams.get('code')
    if (code === null) throw new Error(`${provider.name} gave no code: ${answer.head}`)
    return code
  })
}

function tokenRequest(
  { port, paths }: Provider,
  parameters: Record<string, string>,
  host = `localhost:${port}`,
): Buffer {
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
  return httpRequest(`POST ${paths.token}`, headers, new URLSearchParams(parameters).toString())
}

export function codeRequest(provider: Provider, client: Algorithm, code: string): Buffer {
  const parameters = { grant_type: 'authorization_code', client_id: client, redirect_uri: redirectUri, code }
  return tokenRequest(provider, { ...parameters, code_verifier: verifier })
}

export function refreshTokenOf(answer: Answer): string {
  const token = /"refresh_token":"([^"]+)"/.exec(answer.body)?.[1]
  if (token === undefined) throw new Error(`no refresh token in ${answer.body}`)
  return token
}

/**
 * Refreshes without end: each connection walks over grants of its own and always holds their newest tokens. `host` is that
 * of the grant's project, on a server of several.
 */
export function refreshing(
  provider: Provider,
  client: Algorithm,
  connections: number,
  grants: readonly { refreshToken: string; host?: string }[],
): Next {
  const tokens = grants.map(({ refreshToken }) => refreshToken)
  const at = Array.from({ length: connections }, (_, index) => index)
  return (connection, answer) => {
    const before = at[connection] ?? 0
    if (answer !== undefined) tokens[before] = refreshTokenOf(answer)
    const now = before + connections < tokens.length ? before + connections : connection
    at[connection] = now
    const parameters = { grant_type: 'refresh_token', client_id: client, refresh_token: tokens[now] ?? '' }
    return tokenRequest(provider, parameters, grants[now]?.host)
  }
}

/** Both sides must do the same work. @throws Error unless there are two JWTs of this algorithm and a refresh token. */
export function assertSameWork(answer: Answer, algorithm: Algorithm): void {
  refreshTokenOf(answer)
  const tokens = JSON.parse(answer.body) as Record<string, string>
  for (const name of ['access_token', 'id_token']) {
    const header = Buffer.from(tokens[name]?.split('.')[0] ?? '', 'base64url').toString()
    if (!header.includes(`"alg":"${algorithm}"`))
      throw new Error(`the ${name} is not signed by ${algorithm}: ${header}`)
  }
}
