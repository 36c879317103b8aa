// The dialect of the endpoints that clients call themselves (RFC 6749 §5.2).
import { at, type Ctx } from '../http/context.ts'
import { Refusal } from '../refusal.ts'
import { databaseOutage } from '../storage/database.ts'
import { giveNonce } from './proof.ts'

/** Answers with what `work` gives, as JSON or empty; what it throws becomes `error` and `error_description`. */
export async function asJson(c: Ctx, work: () => Promise<Record<string, unknown> | undefined>): Promise<Response> {
  try {
    const body = await work()
    return body === undefined ? c.body(null, 200) : c.json(body)
  } catch (error) {
    const refusal = databaseOutage(error) ?? (error instanceof Refusal ? error : undefined)
    const trackingId = c.get('trackingId')
    const { log } = at(c).world
    if (refusal === undefined) {
      log.error({ err: error, tracking_id: trackingId, path: c.req.path }, 'unexpected error')
      return c.json({ error: 'server_error', error_description: `unexpected error, reference ${trackingId}` }, 500)
    }
    log.info({ error: refusal.oauth, reason: refusal.reason, detail: refusal.detail, path: c.req.path }, 'refused')
    const status =
      refusal.oauth === undefined && refusal.name === 'RequestEntityTooLarge'
        ? 413
        : refusal.name === 'TooManyRequest'
          ? 429
          : refusal.oauthStatus
    if (refusal.retryAfter !== undefined) c.header('retry-after', String(refusal.retryAfter))
    // Only a client that tried it is asked for Basic: a browser would put up a window of its own.
    if (status === 401 && refusal.oauth === 'invalid_client')
      c.header('www-authenticate', 'Basic realm="token", charset="UTF-8"')
    if (refusal.oauth === 'use_dpop_nonce') giveNonce(c)
    const code = refusal.oauth ?? (refusal.name === 'TooManyRequest' ? 'x_rate_limited' : 'invalid_request')
    return c.json({ error: code, error_description: refusal.message }, status)
  }
}
