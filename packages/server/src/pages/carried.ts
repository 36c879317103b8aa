// What a POST leaves for the page that it redirects to: a problem, the text that was typed, or good news. Sealed in a
// cookie, since it holds what people typed; for one address, so that two tabs never show each other's; for one minute.
import { at, type Ctx } from '../http/context.ts'
import type { Vars } from '../localization/words.ts'
import { cookie, keep } from './browser.ts'
import type { Problem } from './errors.ts'

export type News = { k: string; vars?: Vars }

export type Carried = {
  problem?: Problem
  /** Text to keep in the fields, by name. Never a password or a code. */
  typed?: Readonly<Record<string, string>>
  news?: News
}

const name = 'web_error_token'
const lifeMs = 60_000
/** Browsers drop a cookie over 4096 bytes, its name and attributes included. */
const most = 3600

function contextOf(c: Ctx): string {
  return `page ${at(c).project.id}`
}

/** Leaves something for `address`, a path with its query on this host. */
export function carry(c: Ctx, address: string, carried: Carried): void {
  const { node, world } = at(c)
  const seal = (what: Carried) =>
    node.sealer.seal(JSON.stringify({ address, until: world.clock.now().getTime() + lifeMs, ...what }), contextOf(c))
  const { info: _, ...bare } = carried.problem ?? { reason: '' }
  const { typed: __, ...withoutTyped } = carried
  const fits = [carried, withoutTyped, { ...withoutTyped, problem: bare }].map(seal).find((text) => text.length <= most)
  if (fits !== undefined) keep(c, name, fits, { sameSite: 'Lax' })
}

/** What was left for the page of this request. Taken once: a reload shows the page as it is without. */
export function takeCarried(c: Ctx): Carried {
  const sealed = c.req.method === 'GET' ? cookie(c, name) : undefined
  if (sealed === undefined || sealed === '') return {}
  const { node, world } = at(c)
  const url = new URL(c.req.url)
  try {
    const { address, until, ...carried } = JSON.parse(node.sealer.open(sealed, contextOf(c)).toString()) as Carried & {
      address: string
      until: number
    }
    if (address !== url.pathname + url.search) return {}
    keep(c, name, '', { sameSite: 'Lax', maxAgeSeconds: 0 })
    return until < world.clock.now().getTime() ? {} : carried
  } catch {
    return {} // Anybody's text, or sealed under a key that is gone.
  }
}
