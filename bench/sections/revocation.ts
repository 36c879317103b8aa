// How long a session that was ended is still believed: from the acknowledgement to the refusal of the last of three nodes,
// while all of them answer for others.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Claim } from '../claim.ts'
import { startHeadgear } from '../headgear.ts'
import { headerOf, httpRequest, run, sendAll } from '../load.ts'
import { codeRequest, codes, refreshTokenOf } from '../provider.ts'
import type { Bench } from '../run.ts'

const promisedMs = 1000
const goalMs = 200
const perSecond = 2000
const trials = 150

export async function revocation(bench: Bench): Promise<Claim[]> {
  await using headgear = await startHeadgear(await bench.postgres())
  const ports = [headgear.port, await headgear.addNode(), await headgear.addNode()]
  const host = `localhost:${headgear.port}`
  const cookies = await headgear.signUp(Array.from({ length: 64 }, (_, index) => `user${index}`))
  const others = cookies.map((cookie) => httpRequest('GET /_resolver/resolve', { host, cookie }))
  const made = await codes(headgear, 'ES256', cookies, trials)
  const answers = await sendAll(
    headgear.port,
    made.map((code) => codeRequest(headgear, 'ES256', code)),
  )

  let over = false
  let turn = 0
  const connections = 8
  const everyMs = (1000 * ports.length * connections) / perSecond
  const load = Promise.all(
    ports.map((port) =>
      run({ port, connections, everyMs, next: () => (over ? undefined : others[turn++ % others.length]) }),
    ),
  )

  load.catch(() => {}) // Looked at when it is over.

  /** When this node said `true` for the last time. */
  const believedUntil = async (port: number, accessToken: string, isOver: () => boolean) => {
    const request = httpRequest('GET /_resolver/resolve', { host, authorization: `Bearer ${accessToken}` })
    let last = 0
    await run({
      port,
      connections: 1,
      everyMs: 2,
      next(_, answer) {
        if (answer === undefined) return request
        const valid = headerOf(answer, 'x-authgear-session-valid') === 'true'
        if (valid) last = performance.now()
        return valid || !isOver() ? request : undefined
      },
    })
    return last
  }

  const delays: number[] = []
  for (const [index, answer] of answers.entries()) {
    const accessToken = (JSON.parse(answer.body) as { access_token: string }).access_token
    let acknowledged = Number.POSITIVE_INFINITY
    const watched = ports.map((port) => believedUntil(port, accessToken, () => performance.now() > acknowledged))
    for (const watch of watched) watch.catch(() => {})
    await sleep(20 + (index % 10) * 7) // All nodes know it by heart, and the moment is any of their rounds.
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ token: refreshTokenOf(answer), client_id: 'ES256' }).toString()
    await sendAll(ports[index % ports.length] ?? 0, [httpRequest('POST /oauth2/revoke', headers, body)])
    acknowledged = performance.now()
    delays.push(Math.max(0, Math.max(...(await Promise.all(watched))) - acknowledged))
  }
  over = true
  const believed = await load

  delays.sort((a, b) => a - b)
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0
  const rate = believed.reduce((sum, { perSecond }) => sum + perSecond, 0)
  return [
    {
      what: 'from revocation to refusal, p99',
      unit: 'ms',
      ours: at(0.99),
      peer: 'the second that is promised',
      theirs: promisedMs,
      ratio: at(0.99) / promisedMs,
      goal: { of: 'ours', bound: 'at most', is: goalMs },
      details: [
        `three nodes, ${Math.round(rate)} other resolves/s; p50 ${at(0.5).toFixed(0)} ms, worst ${at(1).toFixed(0)} ms of ${trials}`,
        ...histogram(delays),
      ],
    },
  ]
}

function histogram(delays: readonly number[]): string[] {
  const bounds = [10, 25, 50, 75, 100, 150, 200, 500, 1000, Number.POSITIVE_INFINITY]
  return bounds.flatMap((bound, index) => {
    const from = bounds[index - 1] ?? 0
    const count = delays.filter((delay) => delay >= from && delay < bound).length
    return count === 0
      ? []
      : [`${`${from} to ${bound} ms`.padStart(16)} ${String(count).padStart(4)} ${'#'.repeat(Math.ceil(count / 3))}`]
  })
}
