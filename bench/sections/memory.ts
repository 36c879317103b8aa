// Resident memory of a process that rests after a thousand people signed in and took their tokens.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Claim } from '../claim.ts'
import { type Headgear, startHeadgear } from '../headgear.ts'
import { cookiesOf, sendAll } from '../load.ts'
import { oidcProvider } from '../oidc_provider.ts'
import { residentMB } from '../processes.ts'
import { codeRequest, codes, type Provider } from '../provider.ts'
import type { Bench } from '../run.ts'

const people = Array.from({ length: 100 }, (_, index) => `user${index}`)
const logins = Array.from({ length: 1000 }, (_, index) => people[index % people.length] as string)

async function rest(provider: Provider, cookies: readonly string[]): Promise<number> {
  const made = await codes(provider, 'ES256', cookies, cookies.length)
  await sendAll(
    provider.port,
    made.map((code) => codeRequest(provider, 'ES256', code)),
  )
  // What is garbage goes, what is buffered is written: after that it stands still.
  await sleep(5000)
  return residentMB(provider.pid)
}

async function ours(headgear: Headgear): Promise<number> {
  await headgear.signUp(people)
  const answers = await sendAll(
    headgear.port,
    logins.map((name) => headgear.loginRequest(name)),
  )
  return rest(headgear, answers.map(cookiesOf))
}

export async function memory(bench: Bench): Promise<Claim[]> {
  const measured = { postgres: 0, embedded: 0, theirs: 0 }
  {
    await using headgear = await startHeadgear(await bench.postgres())
    measured.postgres = await ours(headgear)
  }
  {
    await using headgear = await startHeadgear(undefined)
    measured.embedded = await ours(headgear)
  }
  {
    await using peer = await oidcProvider()
    measured.theirs = await rest(peer, await peer.signIn('ES256', logins))
  }
  const claim = (what: string, of: 'postgres' | 'embedded', goal: number): Claim => ({
    what,
    unit: 'MB',
    ours: measured[of],
    peer: 'oidc-provider, the same sign-ins',
    theirs: measured.theirs,
    ratio: measured[of] / measured.theirs,
    goal: { of: 'ours', bound: 'at most', is: goal },
  })
  return [
    claim('memory after 1,000 logins, on PostgreSQL', 'postgres', 150),
    claim('memory after 1,000 logins, embedded', 'embedded', 450),
  ]
}
