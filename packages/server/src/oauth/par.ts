// Pushed authorization requests (RFC 9126): what the browser would carry, handed over by the client itself beforehand.
import { Hono } from 'hono'
import { at, type Env } from '../http/context.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import { asJson } from './as_json.ts'
import { checkAuthorize } from './authorize.ts'
import { clientRequest } from './client_request.ts'
import { boundKey, demandProof, readProof } from './proof.ts'
import { pushedLifetime } from './request.ts'
import { savePushed } from './requests.ts'

/** Characters that a request may have altogether: it is stored before anybody has signed in. */
const largest = 65_536

export const parDoor = new Hono<Env>()

parDoor.post('/oauth2/par', (c) =>
  asJson(c, async () => {
    const { world, project, origin } = at(c)
    const { form, client } = await clientRequest(c)
    if (form.has('request_uri')) throw oauthRefusal('invalid_request', 'a request_uri cannot be pushed')
    const params: Record<string, string> = { ...Object.fromEntries(form), client_id: client.client_id }
    delete params.client_secret

    const proof = readProof(c, client)
    if (client.dpop_bound_access_tokens && proof.kind !== 'none') await demandProof(c, proof)
    const jkt = boundKey(proof)
    // The proof says what `dpop_jkt` would (RFC 9449 §10.1).
    const named = params.dpop_jkt ?? jkt
    if (jkt !== null && named !== jkt) throw oauthRefusal('invalid_dpop_proof', 'dpop_jkt is not the key of the proof')
    if (named !== null) params.dpop_jkt = named

    const checked = checkAuthorize(new Map(Object.entries(params)), project, origin, true)
    if (checked.kind === 'page' || checked.kind === 'error') throw oauthRefusal(checked.error, checked.description)
    if (checked.kind !== 'request') throw oauthRefusal('invalid_request', 'one-time tokens cannot be pushed')
    if (JSON.stringify(params).length > largest) throw oauthRefusal('invalid_request', 'the request is too long')
    const request_uri = await savePushed(scopeOf(world.db, project), {
      params,
      clientId: client.client_id,
      origin: origin.origin,
      now: world.clock.now(),
      random: world.random,
    })
    c.status(201)
    return { request_uri, expires_in: pushedLifetime }
  }),
)
