// A warm answer of the resolver beside a server that says the same to everybody.
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { headerOf, httpRequest, run, sendAll } from '../load.ts'
import { peerFile, startNode } from '../processes.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

export async function resolve(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const cookies = await headgear.signUp(Array.from({ length: 64 }, (_, index) => `user${index}`))
  const host = `localhost:${headgear.port}`
  const requests = cookies.map((cookie) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  const [said] = await sendAll(headgear.port, requests.slice(0, 1))
  if (said === undefined || headerOf(said, 'x-authgear-session-valid') !== 'true') throw new Error('not a live session')
  const own = ['date', 'connection', 'keep-alive']
  const headers = said.head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(': ') as [string, string])
    .filter(([name]) => !own.includes(name.toLowerCase()))
  await using bare = await startNode([peerFile('bare'), JSON.stringify(Object.fromEntries(headers))])

  const load = (port: number) => () =>
    run({
      port,
      connections: 16,
      seconds: 1.5,
      next: (() => {
        let turn = 0
        return () => requests[turn++ % requests.length]
      })(),
    })
  const { ours, theirs, ratio } = await compare(load(headgear.port), load(Number(bare.ready.port)), 7)
  return [
    {
      what: 'warm resolve',
      unit: '/s',
      ours: ours.perSecond,
      peer: 'bare node:http',
      theirs: theirs.perSecond,
      ratio: ratio.perSecond,
      goal: { of: 'ratio', bound: 'at least', is: 0.8 },
    },
  ]
}
