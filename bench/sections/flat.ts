// The same work in a large installation and in a small one.
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { httpRequest, run, sendAll } from '../load.ts'
import { type Live, populate, type Size } from '../population.ts'
import { type Provider, refreshing } from '../provider.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

const live = 1000
const connections = 16

async function resolving({ port }: Provider, people: readonly Live[]) {
  const requests = people.map(({ host, cookie }) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  await sendAll(port, requests) // warm from here on, projects and sessions
  let turn = 0
  return () => run({ port, connections, seconds: 1.5, next: () => requests[turn++ % requests.length] })
}

export async function flat(bench: Bench): Promise<Claim[]> {
  const postgres = await bench.postgres()
  const open = async (size: Size) => {
    const headgear = await startHeadgear(postgres)
    const people = await populate(headgear, postgres, size, live)
    const next = refreshing(headgear, 'ES256', connections, people)
    const close = () => headgear[Symbol.asyncDispose]()
    return {
      resolve: await resolving(headgear, people),
      refresh: () => run({ port: headgear.port, connections, seconds: 2, next }),
      [Symbol.asyncDispose]: close,
    }
  }
  await using small = await open({ projects: 1, usersOfEach: 1000 })
  const claims: Claim[] = []
  for (const [name, size] of [
    [`${live} of 10,000 projects`, { projects: 10_000, usersOfEach: 1 }],
    ['1,000,000 users', { projects: 1, usersOfEach: 1_000_000 }],
  ] as const) {
    await using large = await open(size)
    for (const what of ['resolve', 'refresh'] as const) {
      const { ours, theirs, ratio } = await compare(large[what], small[what])
      claims.push({
        what: `${what} with ${name}`,
        unit: '/s',
        ours: ours.perSecond,
        peer: 'itself with one project, 1,000 users',
        theirs: theirs.perSecond,
        ratio: ratio.perSecond,
        goal: { of: 'ratio', bound: 'at least', is: 0.9 },
      })
    }
  }
  return claims
}
