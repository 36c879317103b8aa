// A backend that checks access tokens by itself: @headgear/node, which follows the revocation feed, beside bare jose.

import { verifier } from '@headgear/node'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { type Result, sendAll } from '../load.ts'
import { algorithms, codeRequest, codes } from '../provider.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

export async function local(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const issuer = `http://localhost:${headgear.port}`
  const keys = createLocalJWKSet((await (await fetch(`${issuer}/oauth2/jwks`)).json()) as JSONWebKeySet)
  await using following = verifier({ issuer })
  const cookies = await headgear.signUp(Array.from({ length: 32 }, (_, index) => `user${index}`))
  const claims: Claim[] = []
  for (const algorithm of algorithms) {
    const made = await codes(headgear, algorithm, cookies, cookies.length)
    const answers = await sendAll(
      headgear.port,
      made.map((code) => codeRequest(headgear, algorithm, code)),
    )
    const tokens = answers.map(({ body }) => (JSON.parse(body) as { access_token: string }).access_token)
    const { ours, theirs, ratio } = await compare(
      () => often(tokens, (token) => following.verify(`Bearer ${token}`)),
      () => often(tokens, (token) => jwtVerify(token, keys, { issuer, audience: issuer, typ: 'at+jwt' })),
      7,
    )
    claims.push({
      what: `local verification with the feed, ${algorithm}`,
      unit: '/s',
      ours: ours.perSecond,
      peer: 'bare jose',
      theirs: theirs.perSecond,
      ratio: ratio.perSecond,
      goal: { of: 'ratio', bound: 'at least', is: 0.9 },
    })
  }
  return claims
}

/** One after the other for a second and a half. */
async function often(tokens: readonly string[], verify: (token: string) => Promise<unknown>): Promise<Result> {
  const latencies: number[] = []
  const start = performance.now()
  let now = start
  while (now - start < 1500) {
    await verify(tokens[latencies.length % tokens.length] ?? '')
    const then = now
    now = performance.now()
    latencies.push(now - then)
  }
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0
  const answers = latencies.length
  return { perSecond: answers / ((now - start) / 1000), p50: at(0.5), p99: at(0.99), answers }
}
