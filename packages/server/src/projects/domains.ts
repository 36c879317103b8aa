// Domains of a project's own: named, proved by a TXT record, then used as an origin.
import { sql } from 'kysely'
import { parse as parseName } from 'tldts'
import { isMap, isSeq, parseDocument } from 'yaml'
import type { Sealer } from '../keys/seal.ts'
import { Refusal } from '../refusal.ts'
import type { Scope } from '../storage/database.ts'
import type { World } from '../world.ts'
import { saveProject } from './save.ts'
import { findProject } from './store.ts'

export type Domain = { name: string; provedAt: Date | null; record: TxtRecord }
/** What the owner of a domain publishes. */
export type TxtRecord = { name: string; value: string }

/** The strings of each TXT record of a name; rejects when there are none, as `node:dns` does. */
export type ResolveTxt = (name: string) => Promise<string[][]>

const record = (name: string, token: string): TxtRecord => ({
  name: `_headgear.${name}`,
  value: `headgear-domain=${token}`,
})

/** @throws Refusal `Invalid` for what is no name in the public DNS, or somebody's whole registry. */
function checked(text: string): string {
  const name = text.trim().toLowerCase().replace(/\.$/, '')
  const { hostname, domain, isIp } = parseName(name, { allowPrivateDomains: true })
  if (hostname !== name || domain === null || isIp || name.length > 253 || !/^[a-z0-9.-]+$/.test(name))
    throw new Refusal({ name: 'Invalid', reason: 'InvalidDomain', message: `${text} is not a domain name` })
  return name
}

const notFound = (name: string) =>
  new Refusal({ name: 'NotFound', reason: 'DomainNotFound', message: `${name} was not added to this project` })

async function find(scope: Scope, name: string) {
  return scope.query
    .selectFrom('domain')
    .select(['name', 'token', 'proved_at'])
    .where('project_id', '=', scope.projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Names a domain; adding it again gives the same record. @throws Refusal `InvalidDomain`, `DomainTaken`. */
export async function addDomain(world: Pick<World, 'clock' | 'random'>, scope: Scope, text: string): Promise<Domain> {
  const name = checked(text)
  if (await isProvedElsewhere(scope, name)) throw taken(name)
  await scope.query
    .insertInto('domain')
    .values({
      project_id: scope.projectId,
      name,
      token: world.random(20).toString('base64url'),
      created_at: world.clock.now(),
      proved_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await find(scope, name)
  if (row === undefined) throw notFound(name)
  return { name, provedAt: row.proved_at, record: record(name, row.token) }
}

export async function listDomains(scope: Scope): Promise<Domain[]> {
  const rows = await scope.query
    .selectFrom('domain')
    .select(['name', 'token', 'proved_at'])
    .where('project_id', '=', scope.projectId)
    .orderBy('name')
    .execute()
  return rows.map(({ name, token, proved_at }) => ({ name, provedAt: proved_at, record: record(name, token) }))
}

/** Whether another project has proved the name. The one question here that is about all projects. */
async function isProvedElsewhere(scope: Scope, name: string): Promise<boolean> {
  const { rows } = await sql`select 1 from domain
    where name = ${name} and proved_at is not null and project_id <> ${scope.projectId}`.execute(scope.query)
  return rows.length > 0
}

const taken = (name: string) =>
  new Refusal({ name: 'AlreadyExists', reason: 'DomainTaken', message: `${name} belongs to another project` })

/**
 * Looks for the record, and remembers that it was there.
 * @throws Refusal `DomainNotProved` with what stands there instead, `DomainNotFound`, `DomainTaken`.
 */
export async function proveDomain(
  world: Pick<World, 'clock'>,
  scope: Scope,
  text: string,
  resolveTxt: ResolveTxt,
): Promise<Domain> {
  const name = checked(text)
  const row = await find(scope, name)
  if (row === undefined) throw notFound(name)
  const wanted = record(name, row.token)
  // A long value is published in pieces.
  const found = (await resolveTxt(wanted.name).catch(() => [])).map((pieces) => pieces.join(''))
  if (!found.includes(wanted.value))
    throw new Refusal({
      name: 'Invalid',
      reason: 'DomainNotProved',
      message: `the TXT record ${wanted.name} must be ${wanted.value}, but ${found.length === 0 ? 'there is none' : `it is ${found.slice(0, 5).join(', ').slice(0, 300)}`}`,
      info: { record: wanted, found: found.slice(0, 5) },
    })
  if (await isProvedElsewhere(scope, name)) throw taken(name)
  const proved = world.clock.now()
  const { rows } = await sql<{ proved_at: Date }>`update domain set proved_at = coalesce(proved_at, ${proved})
    where project_id = ${scope.projectId} and name = ${name}
      and not exists (select 1 from domain other
        where other.name = ${name} and other.proved_at is not null and other.project_id <> ${scope.projectId})
    returning proved_at`
    .execute(scope.query)
    .catch((error: { code?: string }) => {
      // Two projects at the same moment: one of them owns it.
      if (error.code === '23505') throw taken(name)
      throw error
    })
  if (rows[0] === undefined) throw taken(name)
  return { name, provedAt: rows[0].proved_at, record: wanted }
}

/**
 * Serves the project at `https://<name>`: as one more origin, or as the first (`primary`), the old first one then goes
 * on as an alternate. The configuration keeps its comments.
 * @throws Refusal `DomainNotProved`, and what saving a configuration throws.
 */
export async function useDomain(
  world: World,
  sealer: Sealer,
  scope: Scope,
  use: { name: string; primary: boolean },
): Promise<{ origin: string; version: number }> {
  const name = checked(use.name)
  const row = await find(scope, name)
  if (row === undefined) throw notFound(name)
  if (row.proved_at === null)
    throw new Refusal({ name: 'Invalid', reason: 'DomainNotProved', message: `${name} is not proved yet` })
  const stored = await findProject(world.db.query, scope.projectId)
  const document = parseDocument(stored?.config ?? '')
  const http = document.get('http')
  if (!isMap(http)) throw new Error(`the configuration of ${scope.projectId} has no http`)
  const origin = `https://${name}`
  const first = String(http.get('public_origin'))
  const list = http.get('alternate_origins')
  const others = isSeq(list) ? (list.toJSON() as string[]) : []
  const all = use.primary ? [origin, first, ...others] : [first, ...others, origin]
  const [primary, ...alternates] = [...new Set(all)]
  http.set('public_origin', primary)
  if (alternates.length > 0) http.set('alternate_origins', document.createNode(alternates))
  // A cookie domain that was meant for the old host would be refused by browsers at the new one; it is derived instead.
  if (primary !== first) http.delete('cookie_domain')
  const { version } = await saveProject(world, sealer, { id: scope.projectId, config: document.toString() })
  return { origin, version }
}
