// Recovery codes: made together, shown once, used once. The database keeps a MAC of each under a key of the user's own,
// which is sealed, so that a stolen database gives up none of them.
import { createHmac } from 'node:crypto'
import type { Sealer } from '../keys/seal.ts'
import { charge } from '../limits/rate.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant, Random } from '../world.ts'
import { invalidCredentials } from './password.ts'
import { findRecoverySet, insertRecoveryCodes, takeRecoveryCode } from './recovery_code_store.ts'
import { verifyBuckets } from './verify_limits.ts'

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Ten characters of Crockford's base32 each: 50 bits. */
export function newRecoveryCodes(count: number, random: Random): string[] {
  return Array.from({ length: count }, () => [...random(10)].map((byte) => crockford[byte & 31]).join(''))
}

/** As people read and write it down: `XXXXX-XXXXX`. */
export function legible(code: string): string {
  return `${code.slice(0, 5)}-${code.slice(5)}`
}

/** What was typed, with the letters that Crockford's base32 leaves out read as the digits they look like. */
export function tidyRecoveryCode(text: string): string {
  return text
    .replaceAll(/[\s\u2010-\u2015-]/g, '')
    .toUpperCase()
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
}

const context = (what: 'key' | 'list', projectId: string, userId: string) =>
  `recovery codes ${what} ${projectId} ${userId}`

function hashOf(key: Buffer, code: string): Buffer {
  return createHmac('sha256', key).update(code).digest()
}

/**
 * Gives a user these codes in place of any others, inside the caller's transaction.
 * @param set.listed they may be read again later, so they are kept, sealed.
 */
export async function writeRecoveryCodes(
  tx: Scope<Tx>,
  by: { sealer: Sealer; random: Random },
  set: { userId: string; codes: readonly string[]; listed: boolean },
  now: Instant,
): Promise<void> {
  const { userId, codes, listed } = set
  const key = by.random(32)
  await insertRecoveryCodes(
    tx,
    {
      userId,
      key: by.sealer.seal(key, context('key', tx.projectId, userId)),
      codes: listed ? by.sealer.seal(JSON.stringify(codes), context('list', tx.projectId, userId)) : null,
      hashes: codes.map((code) => hashOf(key, code)),
    },
    now,
  )
}

/** The codes of a user with which of them are used; undefined when they were not kept to be read again. */
export async function listedRecoveryCodes(
  scope: Scope,
  sealer: Sealer,
  userId: string,
): Promise<{ code: string; used: boolean }[] | undefined> {
  const set = await findRecoverySet(scope, userId)
  if (set === undefined || set.codes === null) return undefined
  const key = sealer.open(set.key, context('key', scope.projectId, userId))
  const codes = JSON.parse(sealer.open(set.codes, context('list', scope.projectId, userId)).toString()) as string[]
  return codes.map((code) => ({ code, used: !set.unused.some((hash) => hash.equals(hashOf(key, code))) }))
}

/**
 * Spends a recovery code. Whose flow spent it may bring it again.
 * @throws Refusal 401 `InvalidCredentials`; 429 `RateLimited`.
 */
export async function checkRecoveryCode(
  node: Node,
  project: Project,
  attempt: { userId: string; code: string; ip: string; spender: string | undefined },
): Promise<void> {
  const { world, sealer } = node
  const { userId, ip, spender } = attempt
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const charged = await charge(scope, verifyBuckets(project.config, 'recovery_code', { ip, userId }), now)
  const set = await findRecoverySet(scope, userId)
  const code = tidyRecoveryCode(attempt.code)
  if (set === undefined || !/^[0-9A-HJKMNP-TV-Z]{10}$/.test(code)) throw invalidCredentials('recovery_code')
  const hash = hashOf(sealer.open(set.key, context('key', project.id, userId)), code)
  if (!(await takeRecoveryCode(scope, { userId, hash, spender }, now))) throw invalidCredentials('recovery_code')
  await charged.giveBack()
}
