// A message on its way: put into the queue with everything it needs, rendered when it leaves.

import type { Body } from '../delivery/queue.ts'
import { negotiate } from '../localization/negotiate.ts'
import { type Words, wordsFor } from '../localization/words.ts'
import type { Node } from '../node.ts'
import type { Directory, Project } from '../projects/find.ts'
import { projectName } from '../projects/name.ts'
import { Refusal } from '../refusal.ts'
import type { World } from '../world.ts'
import type { SmsGateway } from './channels.ts'
import { type MessageFacts, type MessageKind, renderEmail, renderSms, templateName } from './templates.tsx'

export type Message = {
  kind: MessageKind
  channel: 'email' | 'sms'
  to: string
  secret: { code: string } | { link: string }
  /** Seconds. */
  validFor: number
  until: Date
  asked: { uiLocales?: string | undefined; acceptLanguage?: string | undefined; userAgent: string }
  /** Host of the page that waits for the code. */
  host: string
  /** The code's row, which tells how its delivery goes. */
  codeId: Buffer
  /** Goes through the same motions and is thrown away at the end: a recovery for nobody takes as long. */
  discard?: boolean
}

type Job = Body &
  Omit<Message, 'until' | 'codeId' | 'asked'> & { until: string; codeId: string; language: string; device?: string }

/**
 * Takes charge of a message: once this settles it will be delivered, or its code's row says why not. The first attempt
 * is under way already; `attempted` settles with it.
 */
export async function send(node: Node, project: Project, message: Message): Promise<{ attempted: Promise<void> }> {
  const { asked, codeId, until, ...rest } = message
  const language = negotiate(asked, project.config.localization)
  const device = await deviceName(asked.userAgent, await wordsFor(language))
  const job: Job = {
    ...rest,
    projectId: project.id,
    until: until.toISOString(),
    codeId: codeId.toString('base64url'),
    language,
    ...(device === undefined ? {} : { device }),
  }
  return node.queue.add('message', job)
}

/** Such as `Chrome on macOS`, in English unless given words; undefined for what no person would recognise. */
export async function deviceName(userAgent: string, words?: Words): Promise<string | undefined> {
  if (userAgent === '') return undefined
  const { default: bowser } = await import('bowser')
  const { browser, os } = bowser.parse(userAgent)
  if (!browser.name || !os.name) return undefined
  return words?.('devices.name', { browser: browser.name, system: os.name }) ?? `${browser.name} on ${os.name}`
}

/** Delivers a job of the queue. @returns whether it is done, worth another try, or hopeless. */
export async function deliver(
  node: { world: World; directory: Pick<Directory, 'byId'> },
  body: Body,
  attempt: { last: boolean },
): Promise<'done' | 'again' | 'never'> {
  const job = body as Job
  const { world } = node
  const project = await node.directory.byId(job.projectId)
  if (project === undefined || world.clock.now() >= new Date(job.until)) return 'never'
  try {
    await hand(world, project, job)
    await note(world, job, 'sent', null)
    return 'done'
  } catch (error) {
    const hopeless = isHopeless(error)
    const detail = error instanceof Refusal ? error.detail : undefined
    world.log.warn(
      { err: error, detail, project: project.id, channel: job.channel, last: attempt.last },
      'a message was not taken',
    )
    const again = !hopeless && !attempt.last
    const reason = error instanceof Refusal ? error.reason : 'OTPDeliveryUnexpectedError'
    await note(world, job, again ? 'sending' : 'failed', reason)
    return again ? 'again' : 'never'
  }
}

async function hand(world: World, project: Project, job: Job): Promise<void> {
  const words = await wordsFor(job.language)
  const facts: MessageFacts = {
    kind: job.kind,
    words,
    brand: { name: projectName(project) },
    secret: job.secret,
    validFor: job.validFor,
  }
  if (job.channel === 'email') {
    const rendered = renderEmail({
      ...facts,
      to: job.to,
      until: new Date(job.until),
      ...(job.device ? { device: job.device } : {}),
    })
    const server = project.secrets['mail.smtp']
    if (!job.discard) await world.mailer({ to: job.to, ...rendered }, server)
    return
  }
  const rendered = renderSms({ ...facts, host: job.host })
  const form = 'link' in job.secret ? 'link' : 'code'
  const sms = {
    to: job.to,
    body: rendered,
    projectId: project.id,
    template: `${templateName(job.kind, form, 'sms')}.txt`,
    language: words.lang,
    variables: { ...job.secret },
  }
  if (!job.discard) await world.sms(sms, gatewayOf(project))
}

/** The project's own gateway, when that is the one its configuration names. */
function gatewayOf(project: Project): SmsGateway | undefined {
  const configured = project.config.messaging.sms_gateway
  const own =
    configured === undefined ||
    (configured.use_config_from === 'authgear.secrets.yaml' && configured.provider === 'custom')
  const secret = project.secrets['sms.custom']
  return own && secret !== undefined ? { url: secret.url, timeoutSeconds: secret.timeout ?? 30 } : undefined
}

const hopelessReasons = new Set([
  'NoAvailableSMTPConfiguration',
  'NoAvailableSMSClient',
  'SMSGatewayInvalidPhoneNumber',
  'SMSGatewayUnsupportedRequest',
  'SMSGatewayAuthenticationFailed',
])

/** Trying again would end the same way: nothing is configured, or the other side refused for good (SMTP 5yz, RFC 5321 §4.2.1). */
function isHopeless(error: unknown): boolean {
  if (error instanceof Refusal) return hopelessReasons.has(error.reason)
  const code = (error as { responseCode?: unknown }).responseCode
  return typeof code === 'number' && code >= 500 && code < 600
}

async function note(
  world: World,
  job: Job,
  delivery: 'sending' | 'sent' | 'failed',
  error: string | null,
): Promise<void> {
  await world.db.query
    .updateTable('otp_code')
    .set({ delivery, delivery_error: error })
    .where('project_id', '=', job.projectId)
    .where('id', '=', Buffer.from(job.codeId, 'base64url'))
    .execute()
}
