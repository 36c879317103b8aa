// The DPoP proof of a request to an endpoint of ours. A bad one fails only where a binding is made or looked at: SDKs
// send a proof with everything (wire contract §3.7). Clients that bind their access tokens (RFC 9449 §5.2,
// `dpop_bound_access_tokens`) have asked for the whole of it: a nonce of ours, and no proof twice.

import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx } from '../http/context.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal, type Refusal } from '../refusal.ts'
import { after } from '../world.ts'
import { athOf, checkProof, makeNonce, nonceHolds, type Proof, proofSkew } from './dpop.ts'
import { isFirstUse } from './one_time.ts'

export type ProofState =
  | { kind: 'none' }
  | ({ kind: 'good' } & Proof)
  | { kind: 'bad'; error: 'invalid_dpop_proof' | 'use_dpop_nonce'; why: string }

/** Reads and checks the header; `x_dpop_disabled` ignores it. */
export function readProof(c: Ctx, client: ClientConfig | undefined): ProofState {
  const text = c.req.header('dpop')
  if (text === undefined || client?.x_dpop_disabled) return { kind: 'none' }
  if (text.includes(',')) return { kind: 'bad', error: 'invalid_dpop_proof', why: 'more than one DPoP header' }
  const { world, project } = at(c)
  const now = world.clock.now()
  const expected = {
    method: c.req.method,
    uris: project.origins.map((origin) => `${origin.origin}${c.req.path}`),
    nonceHolds: (nonce: string) => nonceHolds(nonce, project.ring, project.id, now),
  }
  const verdict = checkProof(text, expected, now)
  if (verdict.ok) return { kind: 'good', ...verdict.proof }
  return { kind: 'bad', error: verdict.stale ? 'use_dpop_nonce' : 'invalid_dpop_proof', why: verdict.why }
}

/** `use_dpop_nonce` for a clock that is off, which is no final verdict (D6); else `invalid_dpop_proof`. */
export function proofRefusal(proof: Extract<ProofState, { kind: 'bad' }>): Refusal {
  return oauthRefusal(proof.error, proof.why)
}

/** Thumbprint of the proven key; null without a proof. @throws Refusal when the proof is bad. */
export function boundKey(proof: ProofState): string | null {
  if (proof.kind === 'bad') throw proofRefusal(proof)
  return proof.kind === 'good' ? proof.jkt : null
}

/** Thumbprint of the key that stands behind this access token here: the proof must be over the token, too. */
export function provenKey(proof: ProofState, token: string): string | undefined {
  return proof.kind === 'good' && proof.ath === athOf(token) ? proof.jkt : undefined
}

/**
 * Insists on a proof that is good, under a nonce of ours, and used for the first time; and hands out the next nonce.
 * @throws Refusal `use_dpop_nonce` when only the nonce is missing, else `invalid_dpop_proof`.
 */
export async function demandProof(c: Ctx, proof: ProofState): Promise<void> {
  if (proof.kind === 'none') throw oauthRefusal('invalid_dpop_proof', 'a DPoP proof is required')
  if (proof.kind === 'bad') throw proofRefusal(proof)
  if (!proof.vouched) throw oauthRefusal('use_dpop_nonce', 'the DPoP proof needs a nonce of this server')
  const { world, project } = at(c)
  const until = after(world.clock.now(), proofSkew + 1)
  if (!(await isFirstUse(scopeOf(world.db, project), ['dpop', proof.jkt, proof.jti], until)))
    throw oauthRefusal('invalid_dpop_proof', 'this DPoP proof was used before')
  giveNonce(c)
}

/** A fresh nonce for the client's next proof (RFC 9449 §8.2). */
export function giveNonce(c: Ctx): void {
  const { world, project } = at(c)
  c.header('dpop-nonce', makeNonce(project.ring, project.id, world.clock.now()))
}
