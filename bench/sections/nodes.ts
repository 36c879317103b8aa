// Two nodes on one PostgreSQL beside one of them. The machine is shared by all, the load generator too, so that this shows
// what a second node costs rather than what it could bring.
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { httpRequest, type Load, type Result, run, sendAll } from '../load.ts'
import { codeRequest, codes, refreshing, refreshTokenOf } from '../provider.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

const connections = 16

export async function nodes(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const second = await headgear.addNode()
  const cookies = await headgear.signUp(Array.from({ length: 64 }, (_, index) => `user${index}`))
  const host = `localhost:${headgear.port}`

  const asked = cookies.map((cookie) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  let turn = 0
  const resolving = (): Load['next'] => () => asked[turn++ % asked.length]

  const made = await codes(headgear, 'ES256', cookies, cookies.length * 4)
  const answers = await sendAll(
    headgear.port,
    made.map((code) => codeRequest(headgear, 'ES256', code)),
  )
  const grants = answers.map((answer) => ({ refreshToken: refreshTokenOf(answer), host }))
  // Each side has grants of its own, and each node its part of them: a token is never in two hands.
  const third = Math.floor(grants.length / 3)
  const parts = [0, 1, 2].map((part) =>
    refreshing(headgear, 'ES256', connections, grants.slice(part * third, (part + 1) * third)),
  ) as [Load['next'], Load['next'], Load['next']]

  const load = (port: number, next: Load['next'], share: number) =>
    run({ port, connections: connections * share, seconds: 1.5, next })
  const both = async (first: Load['next'], other: Load['next']): Promise<Result> => {
    const [a, b] = await Promise.all([load(headgear.port, first, 0.5), load(second, other, 0.5)])
    const sum = a.answers + b.answers
    return { perSecond: a.perSecond + b.perSecond, p50: (a.p50 + b.p50) / 2, p99: Math.max(a.p99, b.p99), answers: sum }
  }
  const claim = (what: string, { ours, theirs, ratio }: Awaited<ReturnType<typeof compare>>): Claim => ({
    what,
    unit: '/s',
    ours: ours.perSecond,
    peer: 'one node',
    theirs: theirs.perSecond,
    ratio: ratio.perSecond,
    goal: { of: 'ratio', bound: 'at least', is: 0.8 },
  })
  return [
    claim(
      'warm resolve, two nodes',
      await compare(
        () => both(resolving(), resolving()),
        () => load(headgear.port, resolving(), 1),
      ),
    ),
    claim(
      'refresh with rotation, two nodes',
      await compare(
        () => both(parts[0], parts[1]),
        () => load(headgear.port, parts[2], 1),
      ),
    ),
  ]
}
