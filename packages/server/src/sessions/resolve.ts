// Who presents this credential? From the cache while the log is fresh, else from the database in one statement.
import type { LogPoll } from '../events/poll.ts'
import { verifyOwnJwt } from '../keys/verify.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { UserFacts } from '../users/facts.ts'
import { barred } from '../users/status.ts'
import { after, type Instant, type World } from '../world.ts'
import { type SessionCache, sessionCache, tags } from './cache.ts'
import { readCredential, readTokenId } from './credential.ts'
import { type LastAccess, lastAccess } from './last_access.ts'
import { accessSlack, browserLifetimes, grantLifetimes, isAlive } from './session.ts'
import {
  type FoundGrant,
  type FoundIdpSession,
  findGrant,
  findGrantOfAppSession,
  findIdpSession,
  type Grant,
  type IdpSession,
} from './store.ts'

/** A live session, by whichever credential. What begins with `token` is set when an access token was presented. */
export type Session = {
  user: UserFacts
  tokenExpiresAt?: Instant
  tokenId?: string
  /** Thumbprint of the key that the access token is bound to. */
  tokenJkt?: string
} & ({ kind: 'idp'; session: IdpSession } | { kind: 'offline_grant'; grant: Grant })

/** Which credential a text is taken for: a cookie of one kind never serves in the place of another. */
export type Presented =
  | { as: 'bearer'; text: string }
  /** By the DPoP scheme: `jkt` is the key that a proof over this token has proved, if one has. */
  | { as: 'dpop'; text: string; jkt: string | undefined }
  /** By a client that only asks about a token. */
  | { as: 'introspected'; text: string }
  | { as: 'app_session'; text: string }
  | { as: 'app_access_token'; text: string }
  | { as: 'session'; text: string }

type Held =
  | ({ kind: 'idp'; session: IdpSession; answer: Session } & FoundIdpSession)
  | ({ kind: 'offline_grant'; generation: number; tokenExpiresAt?: Instant; answer: Session } & FoundGrant)

export type Where = { ip: string }

export type Sessions = {
  /**
   * The live session behind a credential, or undefined when it is garbage, forged, expired, ended, or its user is barred.
   * @throws Refusal 503 when neither a fresh cache nor the database can say.
   */
  resolve(project: Project, presented: Presented, where: Where): Promise<Session | undefined>
  /** The same from memory alone, at once: undefined means «ask `resolve`», not «refused». */
  warm(project: Project, presented: Presented, where: Where): Session | undefined
  access: LastAccess
  cache: SessionCache<Held>
}

/** Judges what the database said by today's configuration and clock. */
export function judge(held: Held, project: Project, now: Instant): boolean {
  if (barred(held.user, now) !== undefined) return false
  if (held.kind === 'idp') return isAlive(held.session, browserLifetimes(project.config.session), now)
  const client = project.clients.get(held.grant.client_id)
  if (client === undefined || held.tokenRevoked) return false
  if (held.tokenExpiresAt !== undefined && now >= held.tokenExpiresAt) return false
  if (!isAlive(held.grant, grantLifetimes(client, held.grant.has_refresh_token), now)) return false
  if (!held.grant.sso) return true
  return held.parent !== null && isAlive(held.parent, browserLifetimes(project.config.session), now)
}

export function sessionsOf(world: World, log: LogPoll, options: { cacheBytes?: number } = {}): Sessions {
  const cache = sessionCache<Held>({
    maxBytes: options.cacheBytes ?? 64 * 1024 * 1024,
    monotonic: world.clock.monotonic,
  })
  const access = lastAccess(world.db.query, world.log)
  log.listen(cache)

  /** Whose credential is this? Decided without the database; undefined refuses. */
  function read(project: Project, presented: Presented): (() => Promise<Held | undefined>) | undefined {
    const scope = scopeOf(world.db, project)
    const isAccessToken = presented.as !== 'session' && presented.as !== 'app_session'
    if (isAccessToken && presented.text.includes('.')) {
      const token = readJwtAccessToken(project, presented.text)
      return token && (async () => held(await findGrant(scope, token.grantId, token.tokenId), token.generation, token))
    }
    const credential = readCredential(presented.text, { ring: project.ring, projectId: project.id })
    if (credential === undefined) return undefined
    if (isAccessToken && credential.kind === 'access_token') {
      const { id, generation, tokenId, expiresAt } = credential
      return async () => held(await findGrant(scope, id, tokenId), generation, { tokenId, expiresAt })
    }
    if (presented.as === 'app_session' && credential.kind === 'app_session')
      return async () => held(await findGrantOfAppSession(scope, credential.id), 0)
    if (presented.as === 'session' && credential.kind === 'session')
      return async () => {
        const found = await findIdpSession(scope, credential.id)
        return found && { kind: 'idp', ...found, answer: { kind: 'idp', ...found } }
      }
    return undefined
  }

  function held(
    found: FoundGrant | undefined,
    generation: number,
    token?: { tokenId: string; expiresAt: Instant; jkt?: string },
  ): Held | undefined {
    if (found === undefined) return undefined
    const { grant, user } = found
    const expiry = token ? { tokenExpiresAt: token.expiresAt } : {}
    const answer: Session = {
      kind: 'offline_grant',
      grant,
      user,
      ...expiry,
      ...(token ? { tokenId: token.tokenId } : {}),
      ...(token?.jkt !== undefined ? { tokenJkt: token.jkt } : {}),
    }
    return { kind: 'offline_grant', generation, ...found, ...expiry, answer }
  }

  function tagsOf(project: Project, entry: Held): string[] {
    const common = [tags.user(project.id, entry.user.id)]
    if (entry.kind === 'idp') return [...common, tags.session(project.id, entry.session.id)]
    return [
      ...common,
      tags.session(project.id, entry.grant.id),
      ...(entry.grant.idp_session_id ? [tags.session(project.id, entry.grant.idp_session_id)] : []),
    ]
  }

  function noteAccess(project: Project, entry: Held, now: Instant, where: Where) {
    const browser = browserLifetimes(project.config.session)
    if (entry.kind === 'idp') {
      noteOne(
        'idp_session',
        project,
        { times: entry.session, id: entry.session.id, idle: browser.idle, seen: 0 },
        now,
        where,
      )
      return
    }
    const client = project.clients.get(entry.grant.client_id)
    if (client === undefined) return
    const { idle } = grantLifetimes(client, entry.grant.has_refresh_token)
    const unseen = entry.generation > entry.grant.seen_generation
    if (unseen) entry.grant.seen_generation = entry.generation
    noteOne(
      'offline_grant',
      project,
      { times: entry.grant, id: entry.grant.id, idle, seen: entry.generation, force: unseen },
      now,
      where,
    )
    if (entry.grant.sso && entry.parent !== null && entry.grant.idp_session_id !== null)
      noteOne(
        'idp_session',
        project,
        { times: entry.parent, id: entry.grant.idp_session_id, idle: browser.idle, seen: 0 },
        now,
        where,
      )
  }

  function noteOne(
    table: 'idp_session' | 'offline_grant',
    project: Project,
    node: { times: { last_access_at: Date }; id: Buffer; idle: number | undefined; seen: number; force?: boolean },
    now: Instant,
    where: Where,
  ) {
    const slack = accessSlack(node.idle)
    if (!node.force && now.getTime() - node.times.last_access_at.getTime() < slack * 1000) return
    node.times.last_access_at = now
    const aliveAfter = node.idle === undefined ? new Date(0) : after(now, -(node.idle + slack))
    access.note(table, {
      projectId: project.id,
      id: node.id,
      at: now,
      ip: where.ip,
      seenGeneration: node.seen,
      aliveAfter,
    })
  }

  const keyOf = (project: Project, presented: Presented) => `${presented.as} ${project.id} ${presented.text}`

  function fromMemory(project: Project, presented: Presented, where: Where): Session | undefined {
    const entry = log.fresh() ? cache.get(keyOf(project, presented))?.value : undefined
    if (entry === undefined) return undefined
    const now = world.clock.now()
    if (!bindingHolds(entry.answer, presented) || !judge(entry, project, now)) return undefined
    noteAccess(project, entry, now, where)
    return entry.answer
  }

  return {
    access,
    cache,
    warm: fromMemory,
    async resolve(project, presented, where) {
      const warm = fromMemory(project, presented, where)
      if (warm !== undefined) return warm
      const load = read(project, presented)
      if (load === undefined) return undefined
      const fill = cache.begin()
      const readAt = world.clock.monotonic()
      const entry = await load()
      const now = world.clock.now()
      if (entry === undefined || !bindingHolds(entry.answer, presented) || !judge(entry, project, now)) return undefined
      fill.keep(keyOf(project, presented), { value: entry, readAt, tags: tagsOf(project, entry), bytes: 2000 })
      noteAccess(project, entry, now, where)
      return entry.answer
    },
  }
}

/** RFC 9449 §7: a bound token is worth nothing without its key, and what is not bound does not go by the DPoP scheme. */
function bindingHolds({ tokenJkt }: Session, presented: Presented): boolean {
  if (presented.as === 'introspected') return true
  return tokenJkt === (presented.as === 'dpop' ? (presented.jkt ?? '') : undefined)
}

/** A JWT access token that we signed for this project's own audience; expiry is judged later, by the same clock. */
function readJwtAccessToken(project: Project, text: string) {
  const jwt = verifyOwnJwt(text, project.signingKeys)
  if (jwt === undefined || jwt.header.typ !== 'at+jwt') return undefined
  const { aud, jti, exp, cnf } = jwt.claims
  const audiences = Array.isArray(aud) ? aud : [aud]
  if (!project.origins.some((origin) => audiences.includes(origin.origin))) return undefined
  const token = typeof jti === 'string' ? readTokenId(jti) : undefined
  if (token === undefined || typeof exp !== 'number') return undefined
  const jkt = (cnf as { jkt?: unknown } | undefined)?.jkt
  return {
    grantId: token.id,
    generation: token.generation,
    tokenId: jti as string,
    expiresAt: new Date(exp * 1000),
    ...(typeof jkt === 'string' ? { jkt } : {}),
  }
}
