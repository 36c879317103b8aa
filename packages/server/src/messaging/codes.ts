// One-time codes and links (authentication §4.1): one live code for a purpose and target, its guesses counted on its own
// row, its text kept only as a MAC under the project's keys, so that a stolen database gives up no six digits.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Config } from '../config/schema.ts'
import type { RateLimit } from '../limits/config.ts'
import { addressKey, type Bucket, charge, cooldown, readyAt } from '../limits/rate.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { Refusal } from '../refusal.ts'
import type { MacRing } from '../sessions/credential.ts'
import type { Scope } from '../storage/database.ts'
import { after, type Instant, type Random } from '../world.ts'
import { send } from './send.ts'
import type { MessageKind } from './templates.tsx'

export type Channel = 'email' | 'sms' | 'whatsapp'
export type OtpForm = 'code' | 'link'
export type OtpPurpose = 'oob-otp' | 'verification' | 'forgot-password'

/** A code that is sent, or would be: a recovery for nobody looks the same. */
export type Sending = {
  purpose: OtpPurpose
  target: string
  channel: Channel
  form: OtpForm
  /** Whom the code lets in; absent at sign-up, and when a recovery found nobody. */
  userId?: string
  message: MessageKind
}

/**
 * Wrong guesses after which a code of six digits is withdrawn where the configuration names no number. The reference
 * then allows any number; two parties guessing on would find one in a few hours.
 */
const usualGuesses = 20

/** The page that asks for a code is held back this long at most, to say how its delivery began. */
const firstImpressionMs = 300

type Settings = {
  triggerPerIp: RateLimit
  triggerPerUser: RateLimit
  cooldown: number
  validatePerIp: RateLimit
  validatePerUserPerIp: RateLimit
  guesses: number | undefined
  validFor: number
  /** Prefix of bucket names, and the group of the limits. */
  bucket: string
  group: string
}

const off: RateLimit = { enabled: false }
const words = { email: 'Email', sms: 'SMS', whatsapp: 'Whatsapp' } as const

function settingsOf(config: Config, purpose: OtpPurpose, channel: Channel, form: OtpForm): Settings {
  const kind = channel === 'email' ? 'email' : 'sms'
  if (purpose === 'verification') {
    const limits = config.verification.rate_limits[kind]
    return {
      triggerPerIp: limits.trigger_per_ip,
      triggerPerUser: limits.trigger_per_user,
      cooldown: limits.trigger_cooldown,
      validatePerIp: limits.validate_per_ip,
      validatePerUserPerIp: off,
      guesses: limits.max_failed_attempts_revoke_otp,
      validFor: config.verification.code_valid_period,
      bucket: 'Verification',
      group: `verification.${kind}`,
    }
  }
  if (purpose === 'forgot-password') {
    const limits = config.forgot_password.rate_limits[kind]
    return {
      triggerPerIp: limits.trigger_per_ip,
      triggerPerUser: off,
      cooldown: limits.trigger_cooldown,
      validatePerIp: limits.validate_per_ip,
      validatePerUserPerIp: off,
      guesses: undefined,
      validFor: config.forgot_password.valid_periods[form],
      bucket: 'ForgotPassword',
      group: `forgot_password.${kind}`,
    }
  }
  const limits = config.authentication.rate_limits.oob_otp[kind]
  return {
    triggerPerIp: limits.trigger_per_ip,
    triggerPerUser: limits.trigger_per_user,
    cooldown: limits.trigger_cooldown,
    validatePerIp: limits.validate_per_ip,
    validatePerUserPerIp: limits.validate_per_user_per_ip,
    guesses: limits.max_failed_attempts_revoke_otp,
    validFor: config.authenticator.oob_otp[kind].valid_periods[form],
    bucket: 'OOBOTP',
    group: `authentication.oob_otp.${kind}`,
  }
}

// ---- making -------------------------------------------------------------------------------------------------------

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Six digits, or 32 characters of Crockford's base32 for a link. */
export function newCode(form: OtpForm, random: Random): string {
  if (form === 'link') return [...random(32)].map((byte) => crockford[byte & 31]).join('')
  // Of four bytes the highest values are drawn again: each code is equally likely.
  for (;;) {
    const drawn = random(4).readUInt32BE()
    if (drawn < 4_294_000_000) return String(drawn % 1_000_000).padStart(6, '0')
  }
}

/** The code that the project's test mode fixes for a target, if it does: the first matching rule decides. */
export function fixedCode(config: Config['test_mode']['oob_otp'], target: string): string | undefined {
  return config.enabled ? config.rules.find((rule) => rule.regex.test(target))?.fixed_code : undefined
}

function suppressed(config: Config['test_mode'], channel: 'email' | 'sms', target: string): boolean {
  const { enabled, rules } = config[channel]
  return enabled && (rules.find((rule) => rule.regex.test(target))?.suppressed ?? false)
}

/** What a person types, without what they typed for legibility. */
export function tidyCode(text: string, form: OtpForm): string {
  const bare = text.replaceAll(/[\s-]/g, '')
  return form === 'link' ? bare.toUpperCase() : bare
}

function codeHash(key: Buffer, projectId: string, purpose: OtpPurpose, target: string, code: string): Buffer {
  return createHmac('sha256', key).update(`otp\0${projectId}\0${purpose}\0${target}\0${code}`).digest()
}

/** Under every key of the ring: a key may have been added since the code was made. */
function codeHashes(ring: MacRing, projectId: string, purpose: OtpPurpose, target: string, code: string): Buffer[] {
  return [...ring.keys.values()].map((key) => codeHash(key, projectId, purpose, target, code))
}

function matches(hashes: readonly Buffer[], held: Buffer): boolean {
  let found = false
  for (const hash of hashes) if (timingSafeEqual(hash, held)) found = true
  return found
}

// ---- sending ------------------------------------------------------------------------------------------------------

/** Who asks, for limits and for the words of the message. */
export type Asker = {
  ip: string
  userAgent: string
  origin: Origin
  uiLocales?: string | undefined
  acceptLanguage?: string | undefined
}

function cooldownOf(settings: Settings, sending: Sending): Bucket {
  const name = `${settings.bucket}Cooldown${words[sending.channel]}`
  return cooldown(name, `${settings.group}.trigger`, [sending.target], settings.cooldown)
}

/** Where a link leads; its page asks before anything happens. */
function linkOf(origin: Origin, purpose: OtpPurpose, code: string): string {
  const path = purpose === 'forgot-password' ? '/authflow/v2/reset_password' : '/authflow/v2/verify_login_link'
  return `${origin.origin}${path}?code=${code}`
}

/**
 * Makes a code, which replaces the one that was out, and sends it.
 * @param options.data kept with the code; for links that another device opens.
 * @throws Refusal 429 `RateLimited` (the cooldown's bucket first), 400 `NoAvailableWhatsappClient`.
 */
export async function sendCode(
  node: Node,
  project: Project,
  sending: Sending,
  asker: Asker,
  options: { data?: Record<string, unknown>; discard?: boolean } = {},
): Promise<void> {
  const { world } = node
  const { config } = project
  if (sending.channel === 'whatsapp')
    throw new Refusal({
      name: 'BadRequest',
      reason: 'NoAvailableWhatsappClient',
      message: 'WhatsApp is not available here; choose another channel',
    })
  const { channel } = sending
  const settings = settingsOf(config, sending.purpose, channel, sending.form)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const address = addressKey(asker.ip)
  const silent = suppressed(config.test_mode, channel, sending.target)

  // The pause is asked for by itself and first: what it refuses must not be charged to anyone.
  const pause = await charge(scope, [cooldownOf(settings, sending)], now)
  const trigger = `${settings.group}.trigger`
  const medium = channel === 'email' ? 'Email' : 'SMS'
  const limits = config.messaging.rate_limits
  const group = `messaging.${channel}`
  const buckets: Bucket[] = [
    {
      name: `${settings.bucket}Trigger${words[channel]}PerIP`,
      group: trigger,
      per: 'per_ip',
      of: [address],
      limit: settings.triggerPerIp,
    },
    ...(sending.userId === undefined
      ? []
      : [
          {
            name: `${settings.bucket}Trigger${words[channel]}PerUser`,
            group: trigger,
            per: 'per_user' as const,
            of: [sending.userId],
            limit: settings.triggerPerUser,
          },
        ]),
    ...(silent
      ? []
      : [
          { name: `Messaging${medium}`, group, per: 'per_project' as const, of: [], limit: limits[channel] },
          {
            name: `Messaging${medium}PerIP`,
            group,
            per: 'per_ip' as const,
            of: [address],
            limit: limits[`${channel}_per_ip`],
          },
          {
            name: `Messaging${medium}PerTarget`,
            group,
            per: 'per_target' as const,
            of: [sending.target],
            limit: limits[`${channel}_per_target`],
          },
        ]),
  ]
  const charged = await charge(scope, buckets, now).catch(async (error: Error) => {
    await pause.giveBack()
    throw error
  })
  try {
    const code =
      (sending.form === 'code' ? fixedCode(config.test_mode.oob_otp, sending.target) : undefined) ??
      newCode(sending.form, world.random)
    const key = project.ring.keys.get(project.ring.current)
    if (key === undefined) throw new Error('the ring lacks its current key')
    const id = world.random(16)
    const until = after(now, settings.validFor)
    const row = {
      id,
      form: sending.form,
      code_hash: codeHash(key, project.id, sending.purpose, sending.form === 'link' ? '' : sending.target, code),
      channel,
      user_id: sending.userId ?? null,
      data: JSON.stringify({ ...options.data, asked: { ip: asker.ip, user_agent: asker.userAgent } }),
      failed_attempts: 0,
      sent_at: now,
      expires_at: until,
      used_at: null,
      delivery: silent ? 'sent' : 'sending',
      delivery_error: null,
    }
    await scope.query
      .insertInto('otp_code')
      .values({ project_id: project.id, purpose: sending.purpose, target: sending.target, ...row })
      .onConflict((conflict) => conflict.columns(['project_id', 'purpose', 'target']).doUpdateSet(row))
      .execute()
    if (silent) return
    const { attempted } = await send(node, project, {
      kind: sending.message,
      channel,
      to: sending.target,
      secret: sending.form === 'link' ? { link: linkOf(asker.origin, sending.purpose, code) } : { code },
      validFor: settings.validFor,
      until,
      asked: { userAgent: asker.userAgent, uiLocales: asker.uiLocales, acceptLanguage: asker.acceptLanguage },
      host: asker.origin.host,
      codeId: id,
      ...(options.discard ? { discard: true } : {}),
    })
    // In development the inbox is read the moment the page is there. Elsewhere a mail server that is down shows at once;
    // a recovery waits for nothing, since how long that takes would tell whether there was anyone to deliver to.
    if (node.development) await attempted
    else if (sending.purpose !== 'forgot-password') await Promise.race([attempted, sleep(firstImpressionMs)])
  } catch (error) {
    await charged.giveBack()
    await pause.giveBack()
    throw error
  }
}

// ---- checking -----------------------------------------------------------------------------------------------------

/** `wrong` is also a code that is missing or has run out; `used` one that worked before; `revoked` after too many guesses. */
export type CodeVerdict = 'good' | 'wrong' | 'used' | 'revoked'

export function guessLimitRefusal(): Refusal {
  return new Refusal({
    name: 'TooManyRequest',
    reason: 'RateLimited',
    message: 'too many wrong codes; this one no longer counts',
    info: { bucket_name: 'TrackFailedOTPAttemptBucket' },
  })
}

type Place = Pick<Sending, 'purpose' | 'target' | 'channel' | 'form' | 'userId'>

/** Who tries a code. The spender who consumed one may bring it again, such as by a second click; nobody else may. */
export type Guesser = { ip: string; spender?: string | undefined }

/**
 * Spends a guess at the code that is out for this purpose and target; a right one is consumed.
 * @throws Refusal 429 `RateLimited` when this address or user has guessed wrong too often.
 */
export async function checkCode(
  node: Node,
  project: Project,
  place: Place,
  text: string,
  { ip, spender }: Guesser,
): Promise<CodeVerdict> {
  const { clock, db } = node.world
  const now = clock.now()
  const scope = scopeOf(db, project)
  const settings = settingsOf(project.config, place.purpose, place.channel, place.form)
  const address = addressKey(ip)
  const validate = `${settings.group}.validate`
  const charged = await charge(
    scope,
    [
      {
        name: `${settings.bucket}Validate${words[place.channel]}PerIP`,
        group: validate,
        per: 'per_ip',
        of: [address],
        limit: settings.validatePerIp,
      },
      ...(place.userId === undefined
        ? []
        : [
            {
              name: `${settings.bucket}Validate${words[place.channel]}PerUserPerIP`,
              group: validate,
              per: 'per_user_per_ip' as const,
              of: [place.userId, address],
              limit: settings.validatePerUserPerIp,
            },
          ]),
    ],
    now,
  )
  const most = guessesOf(settings, place.form)
  // The guess is counted before it is compared: of many at once, no more than `most` are ever looked at.
  const { rows } = await sql<{ id: Buffer; code_hash: Buffer; failed_attempts: number; user_id: string | null }>`
    update otp_code set failed_attempts = failed_attempts + 1
    where project_id = ${project.id} and purpose = ${place.purpose} and target = ${place.target} and form = ${place.form}
      and used_at is null and expires_at > ${now} and failed_attempts < ${most}
    returning id, code_hash, failed_attempts, user_id`.execute(db.query)
  const row = rows[0]
  const hashes = codeHashes(
    project.ring,
    project.id,
    place.purpose,
    place.form === 'link' ? '' : place.target,
    tidyCode(text, place.form),
  )
  if (row === undefined) {
    const verdict = await whyNone(scope, place, { hashes, most, now, spender })
    if (verdict === 'good') await charged.giveBack()
    return verdict
  }
  const right = matches(hashes, row.code_hash) && (place.purpose !== 'forgot-password' || row.user_id !== null)
  if (!right) return row.failed_attempts >= most ? 'revoked' : 'wrong'
  // Of two at once, one spends it; the other may be the same person's second click.
  const verdict = (await spend(scope, row.id, now, spender))
    ? 'good'
    : await whyNone(scope, place, { hashes, most, now, spender })
  if (verdict === 'good') await charged.giveBack()
  return verdict
}

function guessesOf(settings: Settings, form: OtpForm): number {
  return form === 'link' ? 1_000_000 : (settings.guesses ?? usualGuesses)
}

async function spend(scope: Scope, id: Buffer, now: Instant, spender?: string): Promise<boolean> {
  const { numUpdatedRows } = await scope.query
    .updateTable('otp_code')
    .set({
      used_at: now,
      ...(spender === undefined ? {} : { data: sql`data || jsonb_build_object('spent_by', ${spender}::text)` }),
    })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return Number(numUpdatedRows) === 1
}

async function whyNone(
  scope: Scope,
  place: Place,
  about: { hashes: readonly Buffer[]; most: number; now: Instant; spender: string | undefined },
): Promise<CodeVerdict> {
  const { hashes, most, now, spender } = about
  const row = await findRow(scope, place)
  if (row === undefined || row.expires_at <= now) return 'wrong'
  if (row.used_at !== null) {
    if (!matches(hashes, row.code_hash)) return 'wrong'
    return isSpentBy(row, spender) ? 'good' : 'used'
  }
  return row.failed_attempts >= most ? 'revoked' : 'wrong'
}

function isSpentBy(row: { data: unknown }, spender: string | undefined): boolean {
  return spender !== undefined && (row.data as { spent_by?: unknown }).spent_by === spender
}

function findRow(scope: Scope, place: Pick<Place, 'purpose' | 'target'>) {
  return scope.query
    .selectFrom('otp_code')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .where('purpose', '=', place.purpose)
    .where('target', '=', place.target)
    .executeTakeFirst()
}

// ---- links --------------------------------------------------------------------------------------------------------

export type OpenedLink = {
  id: Buffer
  target: string
  channel: Channel
  userId: string | undefined
  data: Record<string, unknown>
  expiresAt: Instant
  /** `open` can still be used; `approved` was, for a sign-in that goes on elsewhere. */
  state: 'open' | 'approved' | 'used' | 'expired'
}

/** What the code of a link belongs to, from whichever device. Looking changes nothing. */
export async function findLink(
  node: Node,
  project: Project,
  purpose: OtpPurpose,
  text: string,
): Promise<OpenedLink | undefined> {
  const code = tidyCode(text, 'link')
  if (!/^[0-9A-HJKMNP-TV-Z]{32}$/.test(code)) return undefined
  const scope = scopeOf(node.world.db, project)
  const row = await scope.query
    .selectFrom('otp_code')
    .selectAll()
    .where('project_id', '=', project.id)
    .where('code_hash', 'in', codeHashes(project.ring, project.id, purpose, '', code))
    .where('form', '=', 'link')
    .where('purpose', '=', purpose)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const data = row.data as Record<string, unknown>
  const state =
    row.used_at !== null
      ? 'used'
      : row.expires_at <= node.world.clock.now()
        ? 'expired'
        : data.approved === true
          ? 'approved'
          : 'open'
  return {
    id: row.id,
    target: row.target,
    channel: row.channel as Channel,
    userId: row.user_id ?? undefined,
    data,
    expiresAt: row.expires_at,
    state,
  }
}

/**
 * Approves the sign-in that a mailed link belongs to: the device that waits may go on.
 * @returns false when the link was used, has run out, or never was.
 */
export async function approveLink(node: Node, project: Project, text: string): Promise<boolean> {
  const link = await findLink(node, project, 'oob-otp', text)
  if (link === undefined || (link.state !== 'open' && link.state !== 'approved')) return false
  await node.world.db.query
    .updateTable('otp_code')
    .set({ data: JSON.stringify({ ...link.data, approved: true }) })
    .where('project_id', '=', project.id)
    .where('id', '=', link.id)
    .where('used_at', 'is', null)
    .execute()
  return true
}

/** Whoever got the link says that it was not them: nobody signs in with it any more. */
export async function denyLink(node: Node, project: Project, text: string): Promise<void> {
  const link = await findLink(node, project, 'oob-otp', text)
  if (link !== undefined) await spend(scopeOf(node.world.db, project), link.id, node.world.clock.now())
}

/** Consumes a link that was approved elsewhere. */
export async function checkApproved(
  node: Node,
  project: Project,
  place: Pick<Place, 'purpose' | 'target'>,
  spender: string | undefined,
): Promise<CodeVerdict> {
  const scope = scopeOf(node.world.db, project)
  const now = node.world.clock.now()
  const row = await findRow(scope, place)
  if (row === undefined || row.form !== 'link' || row.expires_at <= now) return 'wrong'
  if (row.used_at !== null) return isSpentBy(row, spender) ? 'good' : 'used'
  if ((row.data as { approved?: unknown }).approved !== true) return 'wrong'
  if (await spend(scope, row.id, now, spender)) return 'good'
  const after = await findRow(scope, place)
  return after !== undefined && isSpentBy(after, spender) ? 'good' : 'used'
}

// ---- showing ------------------------------------------------------------------------------------------------------

export type CodeShown = {
  canResendAt: Instant
  /** The code was withdrawn after too many guesses. */
  exceeded: boolean
  approved: boolean
  delivery: 'sending' | 'sent' | 'failed'
  /** The message did not leave at the first attempt; it will be tried again. */
  delayed: boolean
  deliveryError: string | undefined
}

/** How the code that a question waits for stands now. */
export async function codeShown(node: Node, project: Project, sending: Sending): Promise<CodeShown> {
  const scope = scopeOf(node.world.db, project)
  const settings = settingsOf(project.config, sending.purpose, sending.channel, sending.form)
  const now = node.world.clock.now()
  const row = await findRow(scope, sending)
  const live = row !== undefined && row.form === sending.form
  return {
    canResendAt: await readyAt(scope, cooldownOf(settings, sending), now),
    exceeded:
      live && row.used_at === null && row.expires_at > now && row.failed_attempts >= guessesOf(settings, sending.form),
    approved:
      live && row.used_at === null && row.expires_at > now && (row.data as { approved?: unknown }).approved === true,
    delivery: live ? (row.delivery as CodeShown['delivery']) : 'sent',
    delayed: live && row.delivery === 'sending' && row.delivery_error !== null,
    deliveryError: live && row.delivery === 'failed' ? (row.delivery_error ?? undefined) : undefined,
  }
}
