// What becomes of a message: delivered at once, tried again, taken over from a node that died, given up on.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { deliveryQueue } from '../src/delivery/queue.ts'
import { guardedFetch } from '../src/http/outbound.ts'
import { trustedProxies } from '../src/http/proxy.ts'
import { makeSealer } from '../src/keys/seal.ts'
import { makeLogger } from '../src/log.ts'
import type { Email, Mailer, Sms, SmsSender, SmtpServer } from '../src/messaging/channels.ts'
import { checkCode, codeShown, type Sending, sendCode } from '../src/messaging/codes.ts'
import { webhookSms } from '../src/messaging/sms.ts'
import { makeNode, type Node } from '../src/node.ts'
import type { Project } from '../src/projects/find.ts'
import { saveProject } from '../src/projects/save.ts'
import { Refusal } from '../src/refusal.ts'
import { systemClock, systemRandom } from '../src/world.ts'
import { openStore } from './support/store.ts'

let store: Awaited<ReturnType<typeof openStore>>
beforeAll(async () => {
  store = await openStore()
})
afterAll(() => store.drop())

const masterKey = randomBytes(32)
const running: Node[] = []
afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

let serial = 0
const lines: string[] = []

async function start(parts: { mailer?: Mailer; sms?: SmsSender; config?: string; secrets?: string }) {
  const world = {
    db: store.db,
    clock: systemClock(),
    random: systemRandom,
    mailer: parts.mailer ?? (async () => {}),
    sms: parts.sms ?? (async () => {}),
    fetch: guardedFetch([]),
    log: makeLogger({ level: 'info', sink: { write: (line) => lines.push(line) } }),
  }
  const node = makeNode({ world, masterKeys: [{ id: 'test', key: masterKey }], trusted: trustedProxies([]) })
  await node.log.poll()
  running.push(node)
  const id = `mail${++serial}`
  await saveProject(world, node.sealer, {
    id,
    config: `id: ${id}\nhttp: { public_origin: "http://${id}.localhost:4000" }\n${parts.config ?? ''}`,
    secrets: parts.secrets,
  })
  await node.log.poll()
  const project = (await node.directory.byId(id)) as Project
  const asker = {
    ip: '203.0.113.1',
    userAgent:
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    origin: project.origins[0],
  }
  return { node, project, asker }
}

const jobs = () => store.db.run<{ state: string; data: unknown }>('select state, data from headgear_queue.job', [])
const toMail: Sending = {
  purpose: 'verification',
  target: 'ana@example.com',
  channel: 'email',
  form: 'code',
  message: 'verification',
}

async function until(what: () => boolean | Promise<boolean>, seconds = 15): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await what())) {
    if (performance.now() > end) throw new Error('it never happened')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('a code by mail', () => {
  test('leaves at once, and nothing of it stays in the queue', async () => {
    const sent: { email: Email; server: SmtpServer | undefined }[] = []
    const { node, project, asker } = await start({
      mailer: async (email, server) => void sent.push({ email, server }),
      secrets:
        'secrets: [{ key: mail.smtp, data: { host: mail.example.com, port: 587, username: u, password: p, sender: "a@example.com" } }]',
    })
    const begun = performance.now()
    await sendCode(node, project, toMail, asker)
    await until(() => sent.length === 1)
    expect(performance.now() - begun).toBeLessThan(3000)
    expect(sent[0]?.server).toMatchObject({ host: 'mail.example.com', sender: 'a@example.com' })
    const text = sent[0]?.email.text ?? ''
    expect(text).toContain('Chrome on macOS')
    const code = /\b\d{6}\b/.exec(text)?.[0] ?? ''
    await until(async () => (await codeShown(node, project, toMail)).delivery === 'sent')
    await until(async () => (await jobs()).length === 0)
    const row = await store.db.query
      .selectFrom('otp_code')
      .selectAll()
      .where('project_id', '=', project.id)
      .executeTakeFirstOrThrow()
    expect(JSON.stringify(row)).not.toContain(code)
    expect(await checkCode(node, project, toMail, code, { ip: asker.ip })).toBe('good')
    expect(lines.join('\n')).not.toContain(code)
  })

  test('is tried again when the server does not take it, without its text lying in the open', async () => {
    let tries = 0
    const { node, project, asker } = await start({
      mailer: async () => {
        tries += 1
        if (tries < 3) throw Object.assign(new Error('busy'), { responseCode: 451 })
      },
    })
    node.queue.start()
    await sendCode(node, project, toMail, asker)
    await until(() => tries >= 1)
    const [job] = await jobs()
    expect(JSON.stringify(job?.data)).not.toMatch(/ana@example\.com|\d{6}"/)
    expect((await codeShown(node, project, toMail)).delivery).toBe('sending')
    await until(async () => (await codeShown(node, project, toMail)).delivery === 'sent', 40)
    expect(tries).toBe(3)
    await until(async () => (await jobs()).length === 0)
  }, 60_000)

  test('that bounces says so, and is not tried again', async () => {
    let tries = 0
    const { node, project, asker } = await start({
      mailer: async () => {
        tries += 1
        throw Object.assign(new Error('no such mailbox'), { responseCode: 550 })
      },
    })
    await sendCode(node, project, toMail, asker)
    await until(async () => (await codeShown(node, project, toMail)).delivery === 'failed')
    expect(await codeShown(node, project, toMail)).toMatchObject({
      delivery: 'failed',
      deliveryError: 'OTPDeliveryUnexpectedError',
    })
    await until(async () => (await jobs()).length === 0)
    expect(tries).toBe(1)
  })

  test("without any mail server fails with the reference's reason", async () => {
    const { node, project, asker } = await start({
      mailer: async () => {
        throw new Refusal({
          name: 'InternalError',
          reason: 'NoAvailableSMTPConfiguration',
          message: 'no mail server is configured',
        })
      },
    })
    await sendCode(node, project, toMail, asker)
    await until(async () => (await codeShown(node, project, toMail)).deliveryError === 'NoAvailableSMTPConfiguration')
  })

  test('for nobody goes the same way and is thrown away', async () => {
    let sent = 0
    const { node, project, asker } = await start({
      mailer: async () => {
        sent += 1
      },
    })
    const sending: Sending = { ...toMail, purpose: 'forgot-password', message: 'forgot-password' }
    await sendCode(node, project, sending, asker, { discard: true })
    await until(async () => (await codeShown(node, project, sending)).delivery === 'sent')
    expect(sent).toBe(0)
  })

  test('counts against the limits of the target, and a refusal costs no cooldown', async () => {
    const { node, project, asker } = await start({
      config:
        'messaging: { rate_limits: { email_per_target: { enabled: true, period: 1h, burst: 1 } } }\nverification: { rate_limits: { email: { trigger_cooldown: 0s } } }',
    })
    await sendCode(node, project, toMail, asker)
    await expect(sendCode(node, project, toMail, asker)).rejects.toMatchObject({
      reason: 'RateLimited',
      info: { bucket_name: 'MessagingEmailPerTarget' },
    })
    await sendCode(node, project, { ...toMail, target: 'bo@example.com' }, asker)
    expect((await codeShown(node, project, toMail)).canResendAt.getTime()).toBeLessThanOrEqual(
      node.world.clock.now().getTime(),
    )
  })
})

test('a message that its node did not live to deliver is delivered by another', async () => {
  const sealer = makeSealer([{ id: 'test', key: masterKey }], systemRandom)
  const log = makeLogger({ level: 'silent' })
  const nothing = { logout: async () => 'done' as const }
  const dead = deliveryQueue({ db: store.db, log }, sealer, { ...nothing, message: () => new Promise(() => {}) })
  void dead.add('message', { projectId: 'x', text: 'hello' })
  await until(async () => (await jobs()).length === 1)
  // Its first attempt will never end; what the others wait for is only the time they leave it.
  await store.db.run("update headgear_queue.job set start_after = now() - interval '1 second'", [])
  const got: unknown[] = []
  const other = deliveryQueue({ db: store.db, log }, sealer, {
    ...nothing,
    async message(body) {
      got.push(body)
      return 'done'
    },
  })
  other.start()
  await until(() => got.length === 1)
  expect(got).toEqual([{ projectId: 'x', text: 'hello' }])
  await until(async () => (await jobs()).length === 0)
  await other.stop()
})

describe('a text message', () => {
  test("goes to the project's gateway, in the reference's form", async () => {
    const received: unknown[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        received.push(JSON.parse(body))
        response.setHeader('content-type', 'application/json').end('{"code":"ok"}')
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`
    const { node, project, asker } = await start({
      sms: webhookSms(guardedFetch(['127.0.0.0/8'])),
      config: 'messaging: { sms_gateway: { use_config_from: authgear.secrets.yaml, provider: custom } }',
      secrets: `secrets: [{ key: sms.custom, data: { url: "${url}", timeout: 5 } }]`,
    })
    const sending: Sending = {
      purpose: 'oob-otp',
      target: '+85298765432',
      channel: 'sms',
      form: 'code',
      message: 'authenticate-primary-oob',
    }
    await sendCode(node, project, sending, asker)
    await until(() => received.length === 1)
    const [message] = received as [Sms & Record<string, unknown>]
    expect(message).toMatchObject({
      to: '+85298765432',
      app_id: project.id,
      template_name: 'authenticate_primary_oob_sms.txt',
      language_tag: 'en',
    })
    const code = (message.template_variables as { code: string }).code
    expect(message.body).toContain(code)
    expect(message.body).toContain(`@${project.id}.localhost`)
    expect(await checkCode(node, project, sending, code, { ip: asker.ip })).toBe('good')
    server.close()
  })

  test('never reaches a private address that the operator did not open', async () => {
    const { node, project, asker } = await start({
      sms: webhookSms(guardedFetch([])),
      config: 'messaging: { sms_gateway: { use_config_from: authgear.secrets.yaml, provider: custom } }',
      secrets: 'secrets: [{ key: sms.custom, data: { url: "http://127.0.0.1:9/sms" } }]',
    })
    const sending: Sending = {
      purpose: 'oob-otp',
      target: '+85298765432',
      channel: 'sms',
      form: 'code',
      message: 'authenticate-primary-oob',
    }
    await sendCode(node, project, sending, asker)
    await until(() => lines.some((line) => line.includes('127.0.0.1 may not be reached')))
    expect((await codeShown(node, project, sending)).delivery).toBe('sending')
  })

  test("without a gateway fails with the reference's reason", async () => {
    const { node, project, asker } = await start({ sms: webhookSms(guardedFetch([])) })
    const sending: Sending = {
      purpose: 'oob-otp',
      target: '+85298765432',
      channel: 'sms',
      form: 'code',
      message: 'authenticate-primary-oob',
    }
    await sendCode(node, project, sending, asker)
    await until(async () => (await codeShown(node, project, sending)).deliveryError === 'NoAvailableSMSClient')
  })
})
