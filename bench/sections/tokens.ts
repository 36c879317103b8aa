// The token endpoint: refresh with rotation, and the exchange of codes. Each answer brings a JWT access token, an ID token
// and a refresh token, on both sides.
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { run, sendAll } from '../load.ts'
import { oidcProvider, peerName } from '../oidc_provider.ts'
import {
  type Algorithm,
  algorithms,
  assertSameWork,
  codeRequest,
  codes,
  type Provider,
  refreshing,
  refreshTokenOf,
} from '../provider.ts'
import { type Compared, compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

const connections = 16
const people = Array.from({ length: 64 }, (_, index) => `user${index}`)

type Measure = (provider: Provider, algorithm: Algorithm) => Promise<() => ReturnType<typeof run>>

async function measure(bench: Bench, what: string, prepare: Measure): Promise<Claim[]> {
  const claims: Claim[] = []
  for (const algorithm of algorithms) {
    await using ours = await startHeadgear(await bench.postgres())
    await using theirs = await oidcProvider()
    const compared = await compare(await prepare(ours, algorithm), await prepare(theirs, algorithm))
    claims.push(...claimsOf(`${what}, ${algorithm}`, algorithm, compared))
  }
  return claims
}

function claimsOf(what: string, algorithm: Algorithm, { ours, theirs, ratio }: Compared): Claim[] {
  const throughput: Claim = {
    what,
    unit: '/s',
    ours: ours.perSecond,
    peer: peerName,
    theirs: theirs.perSecond,
    ratio: ratio.perSecond,
    goal: { of: 'ratio', bound: 'at least', is: algorithm === 'ES256' ? 3 : 1.5 },
  }
  if (algorithm === 'RS256') return [throughput]
  const p99: Claim = {
    what: `${what}, p99`,
    unit: 'ms',
    ours: ours.p99,
    peer: peerName,
    theirs: theirs.p99,
    ratio: ratio.p99,
    goal: { of: 'ratio', bound: 'at most', is: 0.33 },
  }
  return [throughput, p99]
}

export const refresh = (bench: Bench) =>
  measure(bench, 'refresh with rotation', async (provider, algorithm) => {
    const cookies = await provider.signIn(algorithm, people)
    const made = await codes(provider, algorithm, cookies, people.length * 4)
    const answers = await sendAll(
      provider.port,
      made.map((code) => codeRequest(provider, algorithm, code)),
    )
    for (const answer of answers.slice(0, 1)) assertSameWork(answer, algorithm)
    const next = refreshing(
      provider,
      algorithm,
      connections,
      answers.map((answer) => ({ refreshToken: refreshTokenOf(answer) })),
    )
    return async () => run({ port: provider.port, connections, seconds: 2, next })
  })

export const code = (bench: Bench) =>
  measure(bench, 'code exchange', async (provider, algorithm) => {
    const cookies = await provider.signIn(algorithm, people)
    return async () => {
      const made = await codes(provider, algorithm, cookies, 1500)
      const requests = made.map((code) => codeRequest(provider, algorithm, code))
      let turn = 0
      return run({ port: provider.port, connections, next: () => requests[turn++] })
    }
  })
