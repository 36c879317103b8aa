// What every endpoint that clients call themselves begins with: the form, and the client, authenticated.
import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx } from '../http/context.ts'
import { countFailures, type FailureBucket } from '../limits/failures.ts'
import { addressKey } from '../limits/rate.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal, Refusal } from '../refusal.ts'
import { authenticateClient, claimedClient, type Form } from './client_auth.ts'
import { isPublic } from './clients.ts'
import { readForm } from './form.ts'

/**
 * 120 failures a minute from one address (wire contract §2.5). What succeeds is not counted: a thousand people may sign
 * in through one app server. Nor are tokens that their MAC or signature refuses at no cost.
 */
export function perAddress(name: 'OAuthClient' | 'OAuthToken', ip: string, ...of: string[]): FailureBucket {
  return {
    name: `${name}PerIP`,
    group: name === 'OAuthToken' ? 'oauth.token' : 'oauth.client',
    per: 'per_ip',
    of: [addressKey(ip), ...of],
    limit: { enabled: true, period: 60, burst: 120 },
  }
}

const isInvalidClient = (error: unknown): error is Refusal =>
  error instanceof Refusal && error.oauth === 'invalid_client'

type Demand = { secret?: 'required' }

/** The form of this request, and its client as `clientOf` gives it. */
export async function clientRequest(c: Ctx, demand: Demand = {}): Promise<{ form: Form; client: ClientConfig }> {
  const form = await readForm(c)
  return { form, client: await clientOf(c, form, demand) }
}

/**
 * The client, authenticated. With `secret: 'required'` a public one, which proves nothing, is refused, and every refusal
 * is a 401 (RFC 7662 §2.3).
 * @throws Refusal `invalid_client`, or 429 after too many of them from one address for one client.
 */
export async function clientOf(c: Ctx, form: Form, { secret }: Demand = {}): Promise<ClientConfig> {
  const { world, project, caller } = at(c)
  const authorization = c.req.header('authorization')
  const claimed = claimedClient(form, authorization)?.id ?? ''
  const bucket = perAddress('OAuthClient', caller.ip, project.clients.has(claimed) ? claimed : '')
  const counted = { bucket, now: world.clock.now(), isFailure: isInvalidClient }
  try {
    const client = await countFailures(scopeOf(world.db, project), counted, () =>
      authenticateClient(project, form, authorization),
    )
    if (secret !== 'required' || !isPublic(client)) return client
  } catch (error) {
    if (secret !== 'required' || !isInvalidClient(error)) throw error
  }
  throw oauthRefusal('invalid_client', 'a client with a secret must ask', { name: 'Unauthorized', oauthStatus: 401 })
}
