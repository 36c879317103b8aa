// The DPoP proof of a request to an endpoint of ours. A bad one fails only where a binding is made or looked at: SDKs
// send a proof with everything (wire contract §3.7).

import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx } from '../http/context.ts'
import { oauthRefusal, type Refusal } from '../refusal.ts'
import { checkProof, nonceHolds } from './dpop.ts'

export type ProofState =
  | { kind: 'none' }
  | { kind: 'good'; jkt: string; jti: string }
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
  if (verdict.ok) return { kind: 'good', jkt: verdict.proof.jkt, jti: verdict.proof.jti }
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
