// Which client calls, and whether it is who it says (RFC 6749 §2.3; wire contract §2.5).
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClientConfig } from '../config/schema.ts'
import type { Project } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import { isPublic } from './clients.ts'

export type Form = ReadonlyMap<string, string>

type Claimed = { id: string; secret: string | undefined; basic: boolean }

/**
 * Reads the credentials. A secret in the body counts before HTTP Basic; an id alone in the body may stand beside Basic of
 * the same client, as libraries have it (RFC 6749 §3.2.1).
 */
export function claimedClient(form: Form, authorization: string | undefined): Claimed | undefined {
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  if (secret !== undefined) return id === undefined ? undefined : { id, secret, basic: false }
  const basic = basicCredentials(authorization)
  if (id === undefined || basic?.id === id) return basic
  return { id, secret: undefined, basic: false }
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
function basicCredentials(authorization: string | undefined): Claimed | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(authorization ?? '')?.[1]
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  if (id === undefined || secret === undefined) return undefined
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
  try {
    return { id: decode(id), secret: decode(secret), basic: true }
  } catch {
    return undefined
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

function secretHolds(project: Project, clientId: string, secret: string): boolean {
  const item = project.secrets['oauth.client_secrets']?.items.find((candidate) => candidate.client_id === clientId)
  const given = digest(secret)
  // Every listed key is compared, so that the time says nothing of which one held.
  const held = (item?.keys ?? []).map((key) =>
    timingSafeEqual(given, digest(Buffer.from(key.k, 'base64url').toString())),
  )
  return held.includes(true)
}

const invalidClient = (message: string, claimed: Claimed | undefined) =>
  oauthRefusal('invalid_client', message, { name: 'Unauthorized', oauthStatus: claimed?.basic ? 401 : 400 })

/**
 * The client of this request, authenticated: confidential clients by their secret, public ones by nothing.
 * @throws Refusal `invalid_client`: 401 when HTTP Basic was used, 400 else.
 */
export function authenticateClient(project: Project, form: Form, authorization: string | undefined): ClientConfig {
  const claimed = claimedClient(form, authorization)
  const client = claimed && project.clients.get(claimed.id)
  if (claimed === undefined || client === undefined) throw invalidClient('unknown client', claimed)
  if (isPublic(client)) return client
  if (claimed.secret === undefined || claimed.secret === '')
    throw invalidClient('the client secret is missing', claimed)
  if (!secretHolds(project, client.client_id, claimed.secret))
    throw invalidClient('the client secret is wrong', claimed)
  return client
}
