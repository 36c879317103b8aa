// A warm answer of the resolver beside a server that says the same to everybody.
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { headerOf, httpRequest, run, sendAll } from '../load.ts'
import { peerFile, type Started, startNode } from '../processes.ts'
import { compare } from '../rounds.ts'
import type { Bench } from '../run.ts'

export const bareName = 'bare node:http'

/** A server that sends the headers of this live answer of the resolver, whatever it is asked. */
export async function bareResolver(port: number, request: Buffer): Promise<Started> {
  const [said] = await sendAll(port, [request])
  if (said === undefined || headerOf(said, 'x-authgear-session-valid') !== 'true') throw new Error('not a live session')
  const own = ['date', 'connection', 'keep-alive']
  const headers = said.head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(': ') as [string, string])
    .filter(([name]) => !own.includes(name.toLowerCase()))
  return startNode([peerFile('bare'), JSON.stringify(Object.fromEntries(headers))])
}

/** As many connections as a proxy keeps, asking for these people by turns. */
export const asking = (requests: readonly Buffer[], port: number) => () => {
  let turn = 0
  return run({ port, connections: 16, seconds: 1.5, next: () => requests[turn++ % requests.length] })
}

export async function resolve(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const cookies = await headgear.signUp(Array.from({ length: 64 }, (_, index) => `user${index}`))
  const host = `localhost:${headgear.port}`
  const requests = cookies.map((cookie) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  await using bare = await bareResolver(headgear.port, requests[0] as Buffer)
  const { ours, theirs, ratio } = await compare(
    asking(requests, headgear.port),
    asking(requests, Number(bare.ready.port)),
    7,
  )
  return [
    {
      what: 'warm resolve',
      unit: '/s',
      ours: ours.perSecond,
      peer: bareName,
      theirs: theirs.perSecond,
      ratio: ratio.perSecond,
      goal: { of: 'ratio', bound: 'at least', is: 0.8 },
    },
  ]
}
