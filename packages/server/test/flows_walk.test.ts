// Random walks through the API of a real server: every state reads back as it was answered, older states stay good, and
// no secret that was submitted is ever found in the database or the log.
import fc from 'fast-check'
import { TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { type FlowAnswer, flowClient } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

const lines: string[] = []
let server: Headgear
beforeAll(async () => {
  server = await headgear({ log: (line) => lines.push(line), trustProxy: ['127.0.0.0/8'] })
})
afterAll(() => server.stop())

const configs = [
  {},
  {
    authentication: { primary_authenticators: ['oob_otp_email', 'password'] },
    ui: { forgot_password: { email: [{ channel: 'email', otp_form: 'code' }] } },
  },
  {
    authentication: {
      secondary_authenticators: ['password', 'totp', 'oob_otp_email'],
      secondary_authentication_mode: 'required',
    },
  },
  {
    identity: { login_id: { keys: [{ type: 'phone' }, { type: 'username' }] } },
    authentication: { primary_authenticators: ['password', 'oob_otp_sms'] },
    authenticator: { oob_otp: { sms: { phone_otp_mode: 'sms' } } },
  },
]
const people = {
  email: ['ana@example.com', 'bo@example.com'],
  phone: ['+85298765432', '+85298765431'],
  username: ['ana', 'bo'],
}

const plan = fc.record({
  config: fc.constantFrom(...configs),
  flows: fc.array(
    fc.record({
      type: fc.constantFrom('signup', 'signup', 'login', 'signup_login', 'account_recovery'),
      picks: fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 }),
    }),
    { minLength: 2, maxLength: 5 },
  ),
})

test('walks', async () => {
  let ends = 0
  await fc.assert(
    fc.asyncProperty(plan, async ({ config, flows }) => {
      const project = await server.project(config)
      const secrets = new Set<string>()
      let serial = 0
      for (const { type, picks } of flows) {
        serial += 1
        const client = flowClient(project, { ip: `203.0.113.${serial}` })
        let at = await client.create(type)
        const trail: FlowAnswer[] = []
        for (const pick of picks) {
          if (at.body.result === undefined || at.body.result.action.type === 'finished') break
          trail.push(at)
          const input = inputFor(at, pick, secrets)
          at = await client.input(at, input)
          expect(at.status, JSON.stringify(at.body)).not.toBe(500)
          if (at.status !== 200) await server.clock.advance(7000)
        }
        if (at.body.result?.action.type === 'finished') {
          ends += 1
          expect((await client.read(trail[0]?.body.result.state_token)).status).toBe(404)
        } else {
          for (const one of trail) {
            const again = await client.read(one.body.result.state_token)
            expect(still(again)).toEqual(still(one))
          }
        }
        await server.clock.advance(61_000)
      }
      await nowhere(project.id, secrets)
    }),
    { numRuns: 12 },
  )
  expect(ends).toBeGreaterThan(3)
}, 120_000)

/** What of an answer may not change: times and deliveries do. */
function still(answer: FlowAnswer): unknown {
  const { type, name, action, state_token } = answer.body.result
  const { can_resend_at: _, delivery_status: __, failed_attempt_rate_limit_exceeded: ___, ...data } = action.data
  return { type, name, state_token, action: { ...action, data } }
}

function inputFor(answer: FlowAnswer, pick: number, secrets: Set<string>): Record<string, unknown> {
  const { data } = answer.body.result.action
  const secret = (text: string) => {
    secrets.add(text)
    return text
  }
  const option = data.options?.[pick % data.options.length]
  const password = secret(pick % 3 === 0 ? `a wrong guess ${pick}` : 'the one they chose')
  switch (data.type) {
    case 'identification_data':
    case 'account_recovery_identification_data':
      return { identification: option.identification, login_id: people[option.identification as 'email'][pick % 2] }
    case 'authentication_data':
      return option.authentication.endsWith('password')
        ? { authentication: option.authentication, password }
        : option.authentication === 'secondary_totp'
          ? { authentication: option.authentication, code: secret(newest(/\b\d{6}\b/)) }
          : option.authentication === 'recovery_code'
            ? { authentication: option.authentication, recovery_code: secret('ABCDE-01234') }
            : { authentication: option.authentication, index: data.options.indexOf(option) }
    case 'create_authenticator_data':
      return option.authentication.endsWith('password')
        ? { authentication: option.authentication, new_password: password }
        : option.authentication === 'secondary_totp'
          ? { authentication: option.authentication }
          : { authentication: option.authentication, ...(option.target ? {} : { target: 'second@example.com' }) }
    case 'create_totp_data':
      return {
        code: secret(new TOTP({ secret: secret(data.secret) }).generate({ timestamp: server.clock.now().getTime() })),
      }
    case 'view_recovery_code_data':
      for (const code of data.recovery_codes) secret(code)
      return { confirm_recovery_code: true }
    case 'verify_oob_otp_data':
      return pick % 4 === 0 ? { resend: true } : { code: secret(newest(/\b\d{6}\b/)) }
    case 'account_recovery_select_destination_data':
      return { index: 0 }
    case 'account_recovery_verify_code_data':
      return {
        account_recovery_code: secret(
          data.otp_form === 'link' ? newest(/(?<=code=)[0-9A-Z]{32}/) : newest(/\b\d{6}\b/),
        ),
      }
    case 'new_password_data':
      return { new_password: password }
    default:
      throw new Error(`nothing is known of ${JSON.stringify(data)}`)
  }
}

/** The newest code that was sent to anyone, or one that was never sent. */
function newest(pattern: RegExp): string {
  return pattern.exec(server.outbox.at(-1)?.text ?? '')?.[0] ?? '918273'
}

async function nowhere(projectId: string, secrets: ReadonlySet<string>): Promise<void> {
  const { query } = server.node.world.db
  for (const table of [
    'flow',
    'flow_state',
    'otp_code',
    'event',
    'authenticator',
    'recovery_code',
    'recovery_code_set',
    'device_token',
    'identity',
    'end_user',
    'rate_bucket',
  ] as const) {
    const text = JSON.stringify(await query.selectFrom(table).selectAll().where('project_id', '=', projectId).execute())
    // Six digits also stand by chance in times and digests; as a value of their own they stand nowhere.
    for (const secret of secrets)
      expect(text.includes(/^\d{6}$/.test(secret) ? `"${secret}"` : secret), `${secret} in ${table}`).toBe(false)
  }
  const log = lines.join('\n')
  for (const secret of secrets) if (!/^\d{6}$/.test(secret)) expect(log.includes(secret)).toBe(false)
}
