import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { codeTo, dataOf, flowClient, linkTo, signUp } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.0/8'] })
})
afterAll(() => server.stop())

const old = 'the old password'
const fresh = 'the new password'

async function logIn(client: ReturnType<typeof flowClient>, email: string, password: string) {
  return client.batch(await client.create('login'), [
    { identification: 'email', login_id: email },
    { authentication: 'primary_password', password },
  ])
}

describe('recovery', () => {
  test('by link: the old password fails, the new one works, every session has ended (34)', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', old)
    const begun = await client.create('account_recovery')
    expect(begun.body.result.action).toEqual({
      type: 'identify',
      data: { type: 'account_recovery_identification_data', options: [{ identification: 'email' }] },
    })
    const choose = await client.input(begun, { identification: 'email', login_id: 'ana@example.com' })
    expect(dataOf(choose)).toEqual({
      type: 'account_recovery_select_destination_data',
      options: [{ masked_display_name: 'an*@example.com', channel: 'email', otp_form: 'link' }],
    })
    const waiting = await client.input(choose, { index: 0 })
    expect(waiting.body.result.action).toMatchObject({
      type: 'verify_account_recovery_code',
      data: {
        type: 'account_recovery_verify_code_data',
        masked_display_name: 'an*@example.com',
        channel: 'email',
        otp_form: 'link',
        code_length: 32,
      },
    })
    const link = linkTo(server, 'ana@example.com')
    expect(link.pathname).toBe('/authflow/v2/reset_password')
    const account_recovery_code = link.searchParams.get('code')

    // Another device has nothing but the link.
    const elsewhere = flowClient(project, { ip: '203.0.113.50' })
    const reset = await elsewhere.input(undefined, { account_recovery_code })
    expect(reset.body.result.action).toEqual({
      type: 'reset_password',
      data: {
        type: 'new_password_data',
        password_policy: expect.objectContaining({ minimum_length: 8 }),
        masked_target: 'an*@example.com',
      },
    })
    expect((await elsewhere.input(reset, { new_password: 'short' })).body.error.reason).toBe('PasswordPolicyViolated')
    const done = await elsewhere.input(reset, { new_password: fresh })
    expect(done.body.result.action).toEqual({ type: 'finished', data: {} })
    expect(done.cookies).toEqual([])

    expect((await logIn(client, 'ana@example.com', old)).status).toBe(401)
    expect((await logIn(client, 'ana@example.com', fresh)).status).toBe(200)
    const sessions = await server.node.world.db.query
      .selectFrom('idp_session')
      .select('ended_at')
      .where('project_id', '=', project.id)
      .orderBy('created_at')
      .execute()
    expect(sessions.map((session) => session.ended_at === null)).toEqual([false, true])
    // The new password and the end of the sessions are one transaction, and the end is one event.
    const events = await server.node.world.db.query
      .selectFrom('event')
      .select(['kind', 'xid'])
      .where('project_id', '=', project.id)
      .where('kind', 'in', ['authenticator.updated', 'user.session.terminated'])
      .orderBy('id')
      .execute()
    expect(events.map(({ kind }) => kind)).toEqual(['authenticator.updated', 'user.session.terminated'])
    expect(new Set(events.map(({ xid }) => xid)).size).toBe(1)

    expect((await elsewhere.input(undefined, { account_recovery_code })).body.error).toMatchObject({
      reason: 'PasswordResetFailed',
      code: 400,
      info: { cause: { kind: 'UsedCode' } },
    })
    expect((await client.input(waiting, { account_recovery_code })).body.error).toMatchObject({
      reason: 'PasswordResetFailed',
      info: { cause: { kind: 'UsedCode' } },
    })
  })

  test('the link and the new password in one input; a refused password does not lose the spent link', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'bo@example.com', old)
    await client.batch(await client.create('account_recovery'), [
      { identification: 'email', login_id: 'bo@example.com' },
      { index: 0 },
    ])
    const account_recovery_code = linkTo(server, 'bo@example.com').searchParams.get('code')
    const refused = await client.input(undefined, { account_recovery_code, new_password: 'short' })
    expect(refused.body.error.reason).toBe('PasswordPolicyViolated')
    expect(refused.body.result.action.type).toBe('reset_password')
    expect((await client.input(refused, { new_password: fresh })).body.result.action.type).toBe('finished')
    expect((await logIn(client, 'bo@example.com', fresh)).status).toBe(200)
  })

  test('by code: a wrong one is told, a right one goes on (35)', async () => {
    const project = await server.project({
      ui: { forgot_password: { email: [{ channel: 'email', otp_form: 'code' }] } },
    })
    const client = flowClient(project)
    await signUp(server, client, 'code@example.com', old)
    const waiting = await client.batch(await client.create('account_recovery'), [
      { identification: 'email', login_id: 'code@example.com' },
      { index: 0 },
    ])
    expect(dataOf(waiting)).toMatchObject({ otp_form: 'code', code_length: 6 })
    const code = codeTo(server, 'code@example.com')
    const wrong = await client.input(waiting, { account_recovery_code: code === '111111' ? '222222' : '111111' })
    expect(wrong.body.error).toMatchObject({
      name: 'Invalid',
      reason: 'PasswordResetFailed',
      code: 400,
      info: { cause: { kind: 'InvalidCode' } },
    })
    expect((await client.input(waiting, { resend: true })).body.error.info.bucket_name).toBe(
      'ForgotPasswordCooldownEmail',
    )
    const right = await client.input(waiting, { account_recovery_code: code })
    expect(right.body.result.action.type).toBe('reset_password')
    expect((await client.input(right, { new_password: fresh })).body.result.action.type).toBe('finished')
    expect((await client.input(undefined, { account_recovery_code: code })).body.error.reason).toBe(
      'PasswordResetFailed',
    )
  })

  test('for nobody: the same answers, the same statements, and no message (36)', async () => {
    const project = await server.project({
      ui: { forgot_password: { email: [{ channel: 'email', otp_form: 'code' }] } },
    })
    const client = flowClient(project)
    await signUp(server, client, 'gone@example.com', old)
    const walk = async (login_id: string) => {
      // The log is read beside us, the more often the longer it takes.
      const statements = () => server.node.world.db.statements() - server.node.log.turn()
      const before = statements()
      const choose = await client.input(await client.create('account_recovery'), { identification: 'email', login_id })
      const waiting = await client.input(choose, { index: 0 })
      const wrong = await client.input(waiting, { account_recovery_code: '000000' })
      const early = await client.input(waiting, { resend: true })
      const plain = JSON.stringify(
        [choose, waiting, wrong, early].map(({ status, body }) => ({
          status,
          body: { ...body, result: body.result?.action, error: { ...body.error, tracking_id: '' } },
        })),
      )
      return {
        plain: plain.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T'),
        statements: statements() - before,
      }
    }
    const count = server.outbox.length
    const nobody = await walk('gory@example.com')
    expect(server.outbox).toHaveLength(count)
    const somebody = await walk('gone@example.com')
    expect(server.outbox).toHaveLength(count + 1)
    expect(nobody.plain).toBe(somebody.plain)
    // What else runs by the clock is little; what is left is that nobody takes visibly longer.
    expect(Math.abs(nobody.statements - somebody.statements)).toBeLessThanOrEqual(8)
  })

  test('with destinations listed, masked (37); with `error`, an unknown address is told', async () => {
    const project = await server.project({
      identity: { login_id: { keys: [{ type: 'email' }, { type: 'phone' }] } },
      verification: { claims: { email: { required: false }, phone_number: { required: false } } },
      authentication_flow: {
        signup_flows: [
          {
            name: 'both',
            steps: [
              { type: 'identify', one_of: [{ identification: 'email' }] },
              { type: 'identify', one_of: [{ identification: 'phone' }] },
              { type: 'create_authenticator', one_of: [{ authentication: 'primary_password' }] },
            ],
          },
        ],
        account_recovery_flows: [
          {
            name: 'default',
            steps: [
              {
                type: 'identify',
                one_of: [
                  {
                    identification: 'email',
                    on_failure: 'error',
                    steps: [
                      {
                        type: 'select_destination',
                        enumerate_destinations: true,
                        allowed_channels: [
                          { channel: 'sms', otp_form: 'code' },
                          { channel: 'email', otp_form: 'code' },
                        ],
                      },
                    ],
                  },
                ],
              },
              { type: 'verify_account_recovery_code' },
              { type: 'reset_password' },
            ],
          },
        ],
      },
    })
    const client = flowClient(project)
    await client.batch(await client.create('signup', { name: 'both' }), [
      { identification: 'email', login_id: 'both@example.com' },
      { identification: 'phone', login_id: '+85298765432' },
      { authentication: 'primary_password', new_password: old },
    ])
    const begun = await client.create('account_recovery')
    expect(
      (await client.input(begun, { identification: 'email', login_id: 'none@example.com' })).body.error,
    ).toMatchObject({ reason: 'UserNotFound', info: { FlowType: 'account_recovery' } })
    const choose = await client.input(begun, { identification: 'email', login_id: 'both@example.com' })
    expect(dataOf(choose).options).toEqual([
      { masked_display_name: 'bo**@example.com', channel: 'email', otp_form: 'code' },
      { masked_display_name: '+8529876****', channel: 'sms', otp_form: 'code' },
    ])
    expect((await client.input(choose, { index: 2 })).body.error.reason).toBe('ValidationFailed')
    const waiting = await client.input(choose, { index: 1 })
    const right = await client.input(waiting, { account_recovery_code: codeTo(server, '+85298765432') })
    expect(right.body.result.action.type).toBe('reset_password')
  })

  test('is refused where it is switched off', async () => {
    const project = await server.project({ forgot_password: { enabled: false } })
    expect((await flowClient(project).create('account_recovery')).body.error.reason).toBe('ForgotPasswordFailed')
  })

  test('a link that has run out is told so', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'late@example.com', old)
    await client.batch(await client.create('account_recovery'), [
      { identification: 'email', login_id: 'late@example.com' },
      { index: 0 },
    ])
    await server.clock.advance(20 * 60_000 + 1000)
    const account_recovery_code = linkTo(server, 'late@example.com').searchParams.get('code')
    expect((await client.input(undefined, { account_recovery_code })).body.error).toMatchObject({
      reason: 'PasswordResetFailed',
      info: { cause: { kind: 'InvalidCode' } },
    })
  })
})

describe('a password that must change at login', () => {
  const withPolicy = (password: object) => server.project({ id: 'changing', authenticator: { password } })

  test('because the policy grew, or because it is old; never to a recent one (38, 39, 40)', async () => {
    const client = flowClient(await withPolicy({}))
    await signUp(server, client, 'ana@example.com', old)
    await withPolicy({ policy: { min_length: 20, history_size: 3 } })
    const asked = await logIn(client, 'ana@example.com', old)
    expect(asked.body.result.action).toMatchObject({
      type: 'change_password',
      data: { type: 'new_password_data', force_change_reason: 'policy', password_policy: { minimum_length: 20 } },
    })
    expect((await client.input(asked, { new_password: fresh })).body.error.reason).toBe('PasswordPolicyViolated')
    const done = await client.input(asked, { new_password: 'quite a bit longer than before' })
    expect(done.body.result.action.type).toBe('finished')
    expect(done.cookies.some((cookie) => cookie.includes('session='))).toBe(true)
    const { query } = server.node.world.db
    const sessions = await query
      .selectFrom('idp_session')
      .select(['ended_at'])
      .where('project_id', '=', 'changing')
      .orderBy('created_at')
      .execute()
    expect(sessions.map((session) => session.ended_at === null)).toEqual([false, true])

    // Reuse is found in the history, also of a reset.
    await withPolicy({ policy: { history_size: 3 } })
    await server.clock.advance(61_000)
    await client.batch(await client.create('account_recovery'), [
      { identification: 'email', login_id: 'ana@example.com' },
      { index: 0 },
    ])
    const account_recovery_code = linkTo(server, 'ana@example.com').searchParams.get('code')
    const reset = await client.input(undefined, { account_recovery_code })
    expect((await client.input(reset, { new_password: old })).body.error.info.causes).toEqual([
      { Name: 'PasswordReused', Info: { history_size: 3, history_days: 0 } },
    ])
    expect((await client.input(reset, { new_password: fresh })).status).toBe(200)

    await withPolicy({ expiry: { force_change: { enabled: true, duration_since_last_update: '24h' } } })
    expect((await logIn(client, 'ana@example.com', fresh)).body.result.action.type).toBe('finished')
    await server.clock.advance(25 * 3_600_000)
    const expired = await logIn(client, 'ana@example.com', fresh)
    expect(dataOf(expired).force_change_reason).toBe('expiry')
    expect((await client.input(expired, { new_password: fresh })).body.error).toMatchObject({
      reason: 'ChangePasswordFailed',
      info: { cause: { kind: 'PasswordReused' } },
    })
    expect((await client.input(expired, { new_password: 'yet another password' })).body.result.action.type).toBe(
      'finished',
    )
    expect((await logIn(client, 'ana@example.com', 'yet another password')).body.result.action.type).toBe('finished')
  })

  test('not when the project says so', async () => {
    const at = (password: object) => server.project({ id: 'lenient', authenticator: { password } })
    const client = flowClient(await at({}))
    await signUp(server, client, 'ana@example.com', old)
    await at({ policy: { min_length: 30 }, force_change: false })
    expect((await logIn(client, 'ana@example.com', old)).body.result.action.type).toBe('finished')
  })
})
