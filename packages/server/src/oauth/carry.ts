// Who signed in on one origin of a project is signed in on all of them (D15). The session travels by top-level redirects
// through the hub, with a ticket that works once, within a minute, and only in the browser that the receiving origin has
// marked beforehand. No frames, no third-party cookies.
//
//   alternate ── asks ──▶ hub/give ── ticket, and the hub's own mark ──▶ alternate/take ──▶ where the person was going
//   after a sign-in there:  alternate ── ticket ──▶ hub/take ──▶ where the person was going
import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import { at, type Ctx, type Env } from '../http/context.ts'
import { clearedCookie, setCookie } from '../http/cookies.ts'
import { currentSession } from '../http/current.ts'
import { scopeOf } from '../projects/find.ts'
import { mintCookie } from '../sessions/credential.ts'
import { endSession } from '../sessions/end.ts'
import { sessionCookies } from '../sessions/start.ts'
import { findIdpSession, insertSessionCookie } from '../sessions/store.ts'
import { insertOneTimeToken, takeOneTimeToken } from './one_time.ts'

const givePath = '/_internals/carry/give'
const takePath = '/_internals/carry/take'
/** The receiving origin's mark in the browser; a ticket names its digest. */
const mark = 'carry_mark'
/** On an alternate: the digest of the mark that the hub has set. */
const hubMark = 'carry_hub_mark'
const ticketLifetime = 60
/** As long as a person may take to sign in. */
const markLifetime = 3600

const digest = (text: string) => createHash('sha256').update(text).digest('base64url')

function keep(c: Ctx, name: string, value: string): void {
  const { origin } = at(c)
  const cookie = { name: origin.cookiePrefix + name, value, sameSite: 'Lax' as const, maxAgeSeconds: markLifetime }
  c.header('set-cookie', setCookie(cookie, origin), { append: true })
}

function drop(c: Ctx, name: string): void {
  const { origin } = at(c)
  c.header('set-cookie', clearedCookie(origin.cookiePrefix + name, origin, { shared: false }), { append: true })
}

const kept = (c: Ctx, name: string) => getCookie(c, at(c).origin.cookiePrefix + name)

/** Marks this browser. @returns the digest for the other side. */
function marked(c: Ctx): string {
  const value = at(c).world.random(24).toString('base64url')
  keep(c, mark, value)
  return digest(value)
}

function go(c: Ctx, to: string, query: Record<string, string | undefined>): Response {
  const url = new URL(to)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
  return c.redirect(url.href, 302)
}

/** Asks the hub whether this browser is signed in there. Comes back to `next`, a path here, either way. */
export function throughHub(c: Ctx, next: string): Response {
  const { project, origin } = at(c)
  return go(c, project.origins[0].origin + givePath, { to: origin.origin, mark: marked(c), next })
}

/**
 * Takes a browser session that was just started on this origin to the hub, and then goes on to `next`, a path here.
 * @returns undefined when the hub has not asked for it: it has the session already.
 */
export async function toHub(c: Ctx, idpSessionId: Buffer, next: string): Promise<Response | undefined> {
  const { project, origin } = at(c)
  const wanted = origin.carries ? kept(c, hubMark) : undefined
  if (wanted === undefined) return undefined
  drop(c, hubMark)
  const hub = project.origins[0].origin
  const ticket = await makeTicket(c, { idpSessionId, to: hub, mark: wanted })
  return go(c, hub + takePath, { ticket, from: origin.origin, next })
}

async function makeTicket(c: Ctx, about: { idpSessionId: Buffer; to: string; mark: string }): Promise<string> {
  const { world, project } = at(c)
  const data = { session: about.idpSessionId.toString('base64url'), to: about.to, mark: about.mark }
  const chance = { random: world.random, now: world.clock.now(), lifetime: ticketLifetime }
  return (await insertOneTimeToken(scopeOf(world.db, project), 'carry', data, chance)).token
}

/** A path of an origin, which cannot be read as another host. */
function isPath(text: string, origin: string): boolean {
  return text.startsWith('/') && URL.canParse(text, origin) && new URL(text, origin).origin === origin
}

export const carryDoor = new Hono<Env>()

carryDoor.get(givePath, async (c) => {
  const { project, origin } = at(c)
  const [to, theirs, next] = [c.req.query('to') ?? '', c.req.query('mark') ?? '', c.req.query('next') ?? '']
  const known = project.origins.some((one) => one.carries && one.origin === to)
  if (origin !== project.origins[0] || !known || !/^[\w-]{43}$/.test(theirs) || !isPath(next, to)) return refused(c)
  const session = await currentSession(c, 'browser')
  const ticket =
    session?.kind === 'idp' ? await makeTicket(c, { idpSessionId: session.session.id, to, mark: theirs }) : undefined
  return go(c, to + takePath, { ticket, hub_mark: marked(c), next })
})

carryDoor.get(takePath, async (c) => {
  const { project, origin } = at(c)
  const from = c.req.query('from') ?? origin.origin
  const next = c.req.query('next') ?? ''
  if (!project.origins.some((one) => one.origin === from) || !isPath(next, from)) return refused(c)
  const theirs = c.req.query('hub_mark') ?? ''
  if (origin.carries && /^[\w-]{43}$/.test(theirs)) keep(c, hubMark, theirs)
  const [own, ticket] = [kept(c, mark), c.req.query('ticket')]
  drop(c, mark)
  if (own !== undefined && ticket !== undefined) await receive(c, ticket, own)
  return go(c, from + next, {})
})

/** A ticket that does not hold changes nothing: the person is asked to sign in. */
async function receive(c: Ctx, ticket: string, own: string): Promise<void> {
  const { world, project, origin } = at(c)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const data = await takeOneTimeToken(scope, 'carry', ticket, now)
  if (data?.to !== origin.origin || data.mark !== digest(own) || typeof data.session !== 'string') return
  const found = await findIdpSession(scope, Buffer.from(data.session, 'base64url'))
  if (found === undefined || found.session.ended_at !== null) return
  const before = await currentSession(c, 'browser')
  if (before?.kind === 'idp') {
    if (before.session.id.equals(found.session.id)) return
    // One browser holds one session.
    const reason = 'replaced by a new sign-in'
    await endSession(world, project, { kind: 'idp', id: before.session.id }, { event: 'user.signed_out', reason })
  }
  const { token, id } = mintCookie('session', { ring: project.ring, projectId: project.id, random: world.random })
  await insertSessionCookie(scope, { id, idpSessionId: found.session.id, origin: origin.origin, now })
  for (const cookie of sessionCookies(project, origin, token)) c.header('set-cookie', cookie, { append: true })
}

function refused(c: Context<Env>): Response | Promise<Response> {
  return c.get('views').protocolError(c, { error: 'invalid_request', description: 'this link leads nowhere' })
}
