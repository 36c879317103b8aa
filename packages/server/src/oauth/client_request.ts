// What every endpoint that clients call themselves begins with: the form, and the client, authenticated.
import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx } from '../http/context.ts'
import { oauthRefusal, Refusal } from '../refusal.ts'
import { authenticateClient, type Form } from './client_auth.ts'
import { isPublic } from './clients.ts'
import { readForm } from './form.ts'

/**
 * With `secret: 'required'` a public client, which proves nothing, is refused, and every refusal is a 401 (RFC 7662 §2.3).
 * @throws Refusal `invalid_client`.
 */
export async function clientRequest(
  c: Ctx,
  { secret }: { secret?: 'required' } = {},
): Promise<{ form: Form; client: ClientConfig }> {
  const form = await readForm(c)
  const invalid = (why: string) => oauthRefusal('invalid_client', why, { name: 'Unauthorized', oauthStatus: 401 })
  try {
    const client = authenticateClient(at(c).project, form, c.req.header('authorization'))
    if (secret === 'required' && isPublic(client)) throw invalid('a client with a secret must ask')
    return { form, client }
  } catch (error) {
    if (secret === 'required' && error instanceof Refusal && error.oauth === 'invalid_client')
      throw invalid(error.message)
    throw error
  }
}
