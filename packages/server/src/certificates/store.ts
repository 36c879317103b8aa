// Certificates of the installation, shared by its nodes. Keys are sealed; who orders is settled here.
import { type Selectable, sql } from 'kysely'
import type { Sealer } from '../keys/seal.ts'
import type { Query } from '../storage/database.ts'
import type { Tables } from '../storage/tables.ts'
import type { Instant } from '../world.ts'

export type CertificateState = Omit<Selectable<Tables['certificate']>, 'private_key'>
/** A certificate that was had; `chain` and `key` are PEM. */
export type Certificate = { name: string; chain: string; key: string; notAfter: Instant; renewAt: Instant }

const sealedAs = (name: string) => `certificate ${name}`

/** The certificate that is held for a name, good or not, and how the last order for it went. */
export async function findCertificate(
  query: Query,
  sealer: Sealer,
  name: string,
): Promise<{ held: Certificate | undefined; retryAt: Instant | null } | undefined> {
  const row = await query.selectFrom('certificate').selectAll().where('name', '=', name).executeTakeFirst()
  if (row === undefined) return undefined
  const { chain, private_key, not_after: notAfter, renew_at: renewAt } = row
  const held =
    chain === null || private_key === null || notAfter === null || renewAt === null
      ? undefined
      : { name, chain, key: sealer.open(private_key, sealedAs(name)).toString(), notAfter, renewAt }
  return { held, retryAt: row.retry_at }
}

/** All of them, without their keys. */
export function listCertificates(query: Query): Promise<CertificateState[]> {
  return query
    .selectFrom('certificate')
    .select([
      'name',
      'chain',
      'not_after',
      'renew_at',
      'ordering_until',
      'failures',
      'retry_at',
      'last_error',
      'updated_at',
    ])
    .orderBy('name')
    .execute()
}

/**
 * Takes the one place of whoever orders for a name, until then. There is none while somebody else has it, while a pause
 * after a failure lasts, and while the certificate that is held need not be renewed.
 * @returns how many orders in a row have failed; undefined without the place.
 */
export async function claimOrder(
  query: Query,
  name: string,
  { now, until }: { now: Instant; until: Instant },
): Promise<number | undefined> {
  const { rows } = await sql<{ failures: number }>`
    insert into certificate as held (name, ordering_until, failures, updated_at)
    values (${name}, ${until}, 0, ${now})
    on conflict (name) do update set ordering_until = ${until}, updated_at = ${now}
      where (held.ordering_until is null or held.ordering_until <= ${now}::timestamptz)
        and (held.retry_at is null or held.retry_at <= ${now}::timestamptz)
        and (held.renew_at is null or held.renew_at <= ${now}::timestamptz)
    returning failures`.execute(query)
  return rows[0]?.failures
}

export async function saveCertificate(
  query: Query,
  sealer: Sealer,
  { name, chain, key, notAfter, renewAt }: Certificate,
  now: Instant,
): Promise<void> {
  await query
    .updateTable('certificate')
    .set({
      chain,
      private_key: sealer.seal(key, sealedAs(name)),
      not_after: notAfter,
      renew_at: renewAt,
      ordering_until: null,
      failures: 0,
      retry_at: null,
      last_error: null,
      updated_at: now,
    })
    .where('name', '=', name)
    .execute()
}

/** Notes why an order failed. A certificate that is held stays. */
export async function noteFailure(
  query: Query,
  name: string,
  { reason, retryAt, now }: { reason: string; retryAt: Instant; now: Instant },
): Promise<void> {
  await query
    .updateTable('certificate')
    .set({
      ordering_until: null,
      failures: sql`failures + 1`,
      retry_at: retryAt,
      last_error: reason,
      updated_at: now,
    })
    .where('name', '=', name)
    .execute()
}

/** Gives up places of orders that this node cannot bring to their end. */
export async function releaseOrders(query: Query, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  await query
    .updateTable('certificate')
    .set({ ordering_until: null })
    .where('name', 'in', [...names])
    .execute()
}

/** Names whose certificate is due for renewal, those that end first before the others. */
export async function dueForRenewal(query: Query, now: Instant, limit: number): Promise<string[]> {
  const rows = await query
    .selectFrom('certificate')
    .select('name')
    .where('renew_at', '<=', now)
    .where((row) => row.or([row('retry_at', 'is', null), row('retry_at', '<=', now)]))
    .where((row) => row.or([row('ordering_until', 'is', null), row('ordering_until', '<=', now)]))
    .orderBy('not_after')
    .limit(limit)
    .execute()
  return rows.map((row) => row.name)
}

export async function deleteCertificate(query: Query, name: string): Promise<void> {
  await query.deleteFrom('certificate').where('name', '=', name).execute()
}

/** The account at an authority; the first node to come makes its key. `url` is null until it is registered. */
export async function accountAt(
  query: Query,
  sealer: Sealer,
  directory: string,
  fresh: { key: () => Promise<string>; now: Instant },
): Promise<{ key: string; url: string | null }> {
  const find = () =>
    query
      .selectFrom('acme_account')
      .select(['private_key', 'url'])
      .where('directory', '=', directory)
      .executeTakeFirst()
  let row = await find()
  if (row === undefined) {
    const private_key = sealer.seal(await fresh.key(), `acme_account ${directory}`)
    await query
      .insertInto('acme_account')
      .values({ directory, private_key, url: null, created_at: fresh.now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    row = await find()
  }
  if (row === undefined) throw new Error('the account is gone')
  return { key: sealer.open(row.private_key, `acme_account ${directory}`).toString(), url: row.url }
}

export async function saveAccountUrl(query: Query, directory: string, url: string | null): Promise<void> {
  await query.updateTable('acme_account').set({ url }).where('directory', '=', directory).execute()
}

export async function insertChallenge(
  query: Query,
  challenge: { token: string; name: string; answer: string; expiresAt: Instant },
): Promise<void> {
  const { token, name, answer, expiresAt: expires_at } = challenge
  await query
    .insertInto('acme_challenge')
    .values({ token, name, answer, expires_at })
    .onConflict((conflict) => conflict.column('token').doUpdateSet({ answer, expires_at }))
    .execute()
}

export async function deleteChallenge(query: Query, token: string): Promise<void> {
  await query.deleteFrom('acme_challenge').where('token', '=', token).execute()
}

export async function answerTo(query: Query, token: string): Promise<string | undefined> {
  const row = await query.selectFrom('acme_challenge').select('answer').where('token', '=', token).executeTakeFirst()
  return row?.answer
}
