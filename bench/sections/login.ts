// Password logins beside nothing but the hashing, and what they cost the resolver.
import { availableParallelism } from 'node:os'
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { httpRequest, type Result, run } from '../load.ts'
import { peerFile, startNode } from '../processes.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

const names = Array.from({ length: 64 }, (_, index) => `user${index}`)

export async function login(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const { port } = headgear
  const cookies = await headgear.signUp(names)

  // As many as `authenticators/hashing.ts` starts; twice as many people and some wait at the door.
  const threads = Math.max(1, availableParallelism() - 1)
  await using bare = await startNode([peerFile('argon2'), String(threads)])
  const requests = names.map((name) => headgear.loginRequest(name))
  let turn = 0
  const logins = (seconds: number) =>
    run({ port, connections: 2 * threads + 6, seconds, next: () => requests[turn++ % requests.length] })
  const rates = await compare(
    () => logins(2),
    async () => ({ ...((await bare.ask('2')) as Pick<Result, 'perSecond'>), p50: 0, p99: 0, answers: 0 }),
  )

  const host = `localhost:${port}`
  const asked = cookies.map((cookie) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  // A steady load, far from what the resolver can bear, so that the time is its own and not a queue's.
  const resolver = () =>
    run({ port, connections: 8, seconds: 2, everyMs: 10, next: () => asked[turn++ % asked.length] })
  const waits = await compare(async () => {
    const [, answers] = await Promise.all([logins(2.2), resolver()])
    return answers
  }, resolver)

  return [
    {
      what: 'password login',
      unit: '/s',
      ours: rates.ours.perSecond,
      peer: `bare argon2id on ${threads} thread${threads === 1 ? '' : 's'}`,
      theirs: rates.theirs.perSecond,
      ratio: rates.ratio.perSecond,
      goal: { of: 'ratio', bound: 'at least', is: 0.9 },
    },
    {
      what: 'resolver while logins queue, p99',
      unit: 'ms',
      ours: waits.ours.p99,
      peer: 'itself without logins',
      theirs: waits.theirs.p99,
      ratio: waits.ratio.p99,
      goal: { of: 'ratio', bound: 'at most', is: 2 },
    },
  ]
}
