import { type RawBuilder, type Selectable, sql } from 'kysely'
import type { Scope } from '../storage/database.ts'
import type { Tables } from '../storage/tables.ts'

export type UserRow = Omit<Selectable<Tables['end_user']>, 'project_id'>

const columns = sql.raw(
  `u.id, u.created_at, u.updated_at, u.last_login_at, u.is_disabled, u.disable_reason, u.is_deactivated,
   u.temporarily_disabled_from, u.temporarily_disabled_until, u.account_valid_from, u.account_valid_until, u.delete_at,
   u.delete_reason, u.anonymize_at, u.anonymized_at, u.mfa_grace_period_end_at, u.standard_attributes, u.custom_attributes`,
)

export async function usersById(scope: Scope, ids: readonly string[]): Promise<UserRow[]> {
  const { rows } = await sql<UserRow>`select ${columns} from end_user u
    where u.project_id = ${scope.projectId} and u.id = any (${ids}::uuid[])`.execute(scope.query)
  return rows
}

// ---- the list -----------------------------------------------------------------------------------------------------

export type UserOrder = { by: 'created_at' | 'last_login_at'; direction: 'asc' | 'desc' }

/** Where a user stands in the list: microseconds since 1970 of the key (null: never), and the id. */
export type UserPosition = { at: number | null; id: string }

export type UserListing = {
  order: UserOrder
  /** Words that all must fit; see `matching`. */
  keyword: string | undefined
  after: UserPosition | undefined
  before: UserPosition | undefined
}

/** Users that never signed in are the earliest. The index says the same. */
const keys = {
  created_at: sql`u.created_at`,
  last_login_at: sql`coalesce(u.last_login_at, '-infinity')`,
} as const

const moment = (at: number | null) =>
  sql`coalesce('epoch'::timestamptz + ${at}::float8 * interval '1 microsecond', '-infinity')`

function besides(
  order: UserOrder,
  position: UserPosition,
  side: 'after' | 'before',
  inclusive = false,
): RawBuilder<unknown> {
  const later = (side === 'after') === (order.direction === 'asc')
  const sign = sql.raw(`${later ? '>' : '<'}${inclusive ? '=' : ''}`)
  return sql`(${keys[order.by]}, u.id) ${sign} (${moment(position.at)}, ${position.id}::uuid)`
}

/**
 * Up to `limit` users from the list's start or end, in the list's order. Deep pages cost what the first one does: the
 * index is entered at the position.
 */
export async function listUsers(
  scope: Scope,
  listing: UserListing,
  page: { from: 'start' | 'end'; limit: number },
): Promise<(UserRow & { position: UserPosition })[]> {
  const { order, after, before } = listing
  const ascending = (order.direction === 'asc') === (page.from === 'start')
  const way = sql.raw(ascending ? 'asc' : 'desc')
  const key = keys[order.by]
  const { rows } = await sql<UserRow & { position_at: number | null }>`
    select ${columns}, (extract(epoch from u.${sql.ref(order.by)}) * 1000000)::float8 as position_at from end_user u
    where u.project_id = ${scope.projectId} and ${matching(scope, listing.keyword)}
      and ${after === undefined ? sql`true` : besides(order, after, 'after')}
      and ${before === undefined ? sql`true` : besides(order, before, 'before')}
    order by ${key} ${way}, u.id ${way} limit ${page.limit}`.execute(scope.query)
  const found = rows.map(({ position_at, ...row }) => ({ ...row, position: { at: position_at, id: row.id } }))
  return page.from === 'start' ? found : found.reverse()
}

/** Whether the list has anyone at the position or beyond it, on that side. */
export async function anyoneBeside(
  scope: Scope,
  listing: UserListing,
  position: UserPosition,
  side: 'after' | 'before',
): Promise<boolean> {
  const { order } = listing
  const way = sql.raw((side === 'after') === (order.direction === 'asc') ? 'asc' : 'desc')
  // Asking for the nearest keeps the planner on the index, whatever it thinks of how many there are.
  const { rows } = await sql`select 1 from end_user u
    where u.project_id = ${scope.projectId} and ${matching(scope, listing.keyword)}
      and ${besides(order, position, side, true)}
    order by ${keys[order.by]} ${way}, u.id ${way} limit 1`.execute(scope.query)
  return rows.length > 0
}

export async function countUsers(scope: Scope, keyword: string | undefined): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from end_user u
    where u.project_id = ${scope.projectId} and ${matching(scope, keyword)}`.execute(scope.query)
  return rows[0]?.count ?? 0
}

// ---- search -------------------------------------------------------------------------------------------------------

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Shorter words fit whole words only: a prefix of one or two letters is nearly everybody. */
const shortestPrefix = 3

/**
 * Users whom a keyword fits (management §2.3): the user's id, a login ID, or words of their names, addresses and other
 * profile data; from three characters on, also the beginning of a login ID or a word. Several words must all fit.
 */
function matching(scope: Scope, keyword: string | undefined): RawBuilder<unknown> {
  const text =
    keyword
      ?.replaceAll(/\p{C}+/gu, ' ')
      .trim()
      .slice(0, 256) ?? ''
  if (text === '') return sql`true`
  const beginning = (part: string) => [...part].length >= shortestPrefix
  const words = text.split(/\s+/).map((word) => {
    const quoted = `${scope.projectId} ${word}`.replaceAll(/['\\]/g, '$&$&')
    return `'${quoted}'${beginning(word) ? ':*' : ''}`
  })
  const lower = text.toLowerCase()
  // Case counts in login IDs where the project says so. Byte order, as in the index: the text, or all that begin with it.
  const loginIds = [...new Set([text, lower])].map((one) => {
    const last = beginning(one) ? sql`(${one}::text || chr(1114111))` : sql`${one}::text`
    return sql`union select i.user_id from identity i where i.project_id = ${scope.projectId}
      and i.login_id ~>=~ ${one}::text and i.login_id ~<=~ ${last}`
  })
  return sql`u.id in (
    select m.id from end_user m where m.project_id = ${scope.projectId}
      and user_words(m.project_id, m.standard_attributes) @@ lower(${words.join(' & ')}::text)::tsquery
    ${sql.join(loginIds, sql` `)}
    ${uuid.test(lower) ? sql`union select ${lower}::uuid` : sql``})`
}

// ---- exact --------------------------------------------------------------------------------------------------------

/** Attributes that a user can be found by, each with an index of its own. */
export const findableAttributes = ['email', 'phone_number', 'preferred_username'] as const
export type FindableAttribute = (typeof findableAttributes)[number]

/** Oldest first; at most a hundred. */
export async function usersByAttribute(
  scope: Scope,
  name: FindableAttribute,
  values: readonly string[],
): Promise<UserRow[]> {
  // Found first, ordered after: with both in one the planner may walk all users in order, hoping to meet them soon.
  const { rows } = await sql<UserRow>`with u as materialized (select * from end_user e
      where e.project_id = ${scope.projectId} and e.standard_attributes ->> ${sql.lit(name)} = any (${values}::text[]))
    select ${columns} from u order by u.created_at, u.id limit 100`.execute(scope.query)
  return rows
}
