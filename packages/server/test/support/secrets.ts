// Every secret that tests send, are given or are mailed, gathered from their own traffic; and a look for them in a log.
import type { Headgear } from '../../src/testing.ts'

/** By secret, where it was seen first. One file's tests share one process. */
const gathered = new Map<string, string>()

const secretNames =
  /password|^(x_)?code(_verifier)?$|^(x_)?otp$|_token$|^token$|_token_hint$|secret$|^(client_assertion|actor_token|subject_token|jwt|request)$/

/** What is too short, or is a plain word, says nothing when it turns up. */
function gather(value: unknown, where: string): void {
  if (typeof value !== 'string') return
  const telling = /password/.test(where) ? value.length >= 8 && /[^a-z_]/.test(value) : value.length >= 20
  if ((telling || /^\d{6}$/.test(value)) && !gathered.has(value)) gathered.set(value, where)
}

function gatherMembers(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'string' && secretNames.test(name)) gather(member, `${where} ${name}`)
    else gatherMembers(member, where)
  }
}

function gatherQuery(parameters: URLSearchParams, where: string): void {
  gatherMembers(Object.fromEntries(parameters), where)
}

function gatherJson(text: string, where: string): void {
  try {
    gatherMembers(JSON.parse(text), where)
  } catch {
    // Not every body is what it claims to be.
  }
}

function gatherUrl(text: string, where: string): void {
  if (!URL.canParse(text, 'http://localhost')) return
  const url = new URL(text, 'http://localhost')
  gatherQuery(url.searchParams, where)
  gatherQuery(new URLSearchParams(url.hash.slice(1)), where)
}

function gatherRequest(url: string, headers: Headers, body: unknown): void {
  gatherUrl(url, 'request')
  if (typeof body === 'string' || body instanceof URLSearchParams) {
    gatherQuery(new URLSearchParams(String(body)), 'form')
    gatherJson(String(body), 'JSON')
  }
  const authorization = headers.get('authorization') ?? ''
  gather(/^(?:bearer|dpop) +(\S+)/i.exec(authorization)?.[1], 'authorization')
  const basic = /^basic +(\S+)/i.exec(authorization)?.[1]
  if (basic !== undefined) gather(Buffer.from(basic, 'base64').toString().split(':')[1], 'authorization')
  gather(headers.get('dpop'), 'dpop')
  for (const pair of (headers.get('cookie') ?? '').split('; ')) gather(pair.slice(pair.indexOf('=') + 1), 'cookie')
}

async function gatherResponse(response: Response): Promise<void> {
  for (const line of response.headers.getSetCookie())
    gather((line.split(';')[0] ?? '').slice(line.indexOf('=') + 1), 'set-cookie')
  gatherUrl(response.headers.get('location') ?? '', 'location')
  if (/json/.test(response.headers.get('content-type') ?? '')) gatherJson(await response.clone().text(), 'answer')
}

const plainFetch = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : String(input)
  gatherRequest(url, new Headers(init?.headers ?? (input instanceof Request ? input.headers : {})), init?.body)
  const response = await plainFetch(input, init)
  await gatherResponse(response)
  return response
}

/** The keys of every project, and what was mailed: what stands behind the secrets that went over the wire. */
export async function gatherKept({ node, outbox }: Headgear): Promise<void> {
  for (const { subject, text } of outbox) {
    for (const [code] of `${subject} ${text}`.matchAll(/\b\d{6}\b/g)) gather(code, 'message')
    for (const [, code] of text.matchAll(/[?&]code=([^&\s]+)/g)) gather(code, 'message')
  }
  const rows = await node.world.db.query.selectFrom('project').select('id').execute()
  for (const { id } of rows) {
    const project = await node.directory.byId(id)
    for (const key of project?.ring.keys.values() ?? [])
      for (const form of ['base64', 'base64url', 'hex'] as const) gather(key.toString(form), 'MAC key')
    for (const { privateKey } of project?.signingKeys ?? [])
      for (const part of ['d', 'p', 'q'] as const) gather(privateKey.export({ format: 'jwk' })[part], 'signing key')
    for (const key of project?.secrets['admin-api.auth']?.keys ?? [])
      for (const part of ['d', 'p', 'q'] as const) gather((key as Record<string, unknown>)[part], 'admin key')
    for (const item of project?.secrets['oauth.client_secrets']?.items ?? [])
      for (const { k } of item.keys) gather(Buffer.from(k, 'base64url').toString(), 'client secret')
  }
}

/** Which secrets stand in these lines: what each was, and the line without it. */
export function secretsIn(lines: readonly string[], also: readonly string[] = []): string[] {
  for (const secret of also) gather(secret, 'master key')
  const text = lines.join('')
  const numbers = new Set([...text.matchAll(/(?<![\w.-])\d{6}(?![\w.-])/g)].map(([digits]) => digits))
  const found = [...gathered].filter(([secret]) =>
    /^\d{6}$/.test(secret) ? numbers.has(secret) : text.includes(secret),
  )
  return found.map(([secret, where]) => {
    const line = lines.find((one) => one.includes(secret)) ?? ''
    return `${where}: ${line.replaceAll(secret, '<secret>').trimEnd()}`
  })
}
