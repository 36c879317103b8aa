// What every endpoint that clients call themselves begins with: the form, and the client, authenticated.
import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx } from '../http/context.ts'
import { authenticateClient, type Form } from './client_auth.ts'
import { readForm } from './form.ts'

/** @throws Refusal `invalid_client`. */
export async function clientRequest(c: Ctx): Promise<{ form: Form; client: ClientConfig }> {
  const form = await readForm(c)
  return { form, client: authenticateClient(at(c).project, form, c.req.header('authorization')) }
}
