import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { codeTo, dataOf, flowClient, linkTo, signUp } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.0/8'] })
})
afterAll(() => server.stop())

const password = 'a long enough one'

async function events(projectId: string): Promise<{ kind: string; payload: Record<string, unknown> }[]> {
  const rows = await server.node.world.db.query
    .selectFrom('event')
    .select(['kind', 'payload'])
    .where('project_id', '=', projectId)
    .orderBy('id')
    .execute()
  return rows.filter((row) => !row.kind.startsWith('project.'))
}

describe('e-mail and password', () => {
  test('signs up, verifies, and signs in (1, 24)', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    const begun = await client.create('signup')
    expect(begun.status).toBe(200)
    expect(begun.headers.get('cache-control')).toBe('no-store')
    expect(begun.body.result).toMatchObject({
      type: 'signup',
      name: 'default',
      action: { type: 'identify', data: { type: 'identification_data', options: [{ identification: 'email' }] } },
    })
    expect(begun.body.result.state_token).toMatch(/^authflowstate_[0-9A-Z]{32}$/)

    const asked = await client.input(begun, { identification: 'email', login_id: 'Nadia@Example.com' })
    expect(asked.body.result.action).toMatchObject({
      type: 'verify',
      data: {
        type: 'verify_oob_otp_data',
        channel: 'email',
        otp_form: 'code',
        masked_claim_value: 'nad**@example.com',
        code_length: 6,
        delivery_status: 'sent',
        can_check: false,
        failed_attempt_rate_limit_exceeded: false,
      },
    })
    const verified = await client.input(asked, { code: codeTo(server, 'nadia@example.com') })
    expect(verified.body.result.action).toEqual({
      type: 'create_authenticator',
      data: {
        type: 'create_authenticator_data',
        options: [
          { authentication: 'primary_password', password_policy: { minimum_length: 8, history: { enabled: false } } },
        ],
      },
    })
    const finished = await client.input(verified, { authentication: 'primary_password', new_password: password })
    expect(finished.body.result.action).toEqual({ type: 'finished', data: {} })
    const names = finished.cookies.map((cookie) => cookie.split('=')[0]?.replace(`${project.id}_`, ''))
    expect(names).toEqual(['session', 'same_site_strict', 'signed_up'])

    const login = await client.create('login')
    const done = await client.batch(login, [
      { identification: 'email', login_id: 'nadia@EXAMPLE.com' },
      { authentication: 'primary_password', password },
    ])
    expect(done.body.result.action.type).toBe('finished')
    expect((await events(project.id)).map((event) => event.kind)).toEqual([
      'user.created',
      'user.authenticated',
      'user.authenticated',
    ])
    expect((await events(project.id))[2]?.payload.amr).toEqual(['pwd', 'x_primary_password'])

    const { query } = server.node.world.db
    expect(
      await query.selectFrom('verified_claim').select(['name', 'value']).where('project_id', '=', project.id).execute(),
    ).toEqual([{ name: 'email', value: 'nadia@example.com' }])
    const user = await query
      .selectFrom('end_user')
      .select(['standard_attributes'])
      .where('project_id', '=', project.id)
      .executeTakeFirstOrThrow()
    expect(user.standard_attributes).toEqual({ email: 'nadia@example.com' })
  })

  test('an unknown address is not found, and the state stays (2)', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    const begun = await client.create('login')
    const refused = await client.input(begun, { identification: 'email', login_id: 'who@example.com' })
    expect(refused.status).toBe(404)
    expect(refused.body.error).toMatchObject({
      name: 'NotFound',
      reason: 'UserNotFound',
      code: 404,
      info: { FlowType: 'login', IdentityTypeIncoming: 'login_id', LoginIDTypeIncoming: 'email' },
    })
    expect(refused.body.result).toEqual(begun.body.result)
    expect((await client.read(begun.body.result.state_token)).body.result).toEqual(begun.body.result)
  })

  test('asking for accounts that are not there is slowed down after ten a minute; found ones cost nothing', async () => {
    const project = await server.project({})
    const client = flowClient(project, { ip: '203.0.113.9' })
    await signUp(server, client, 'here@example.com', password)
    const begun = await client.create('login')
    for (let i = 0; i < 10; i++) {
      expect((await client.input(begun, { identification: 'email', login_id: 'here@example.com' })).status).toBe(200)
      expect((await client.input(begun, { identification: 'email', login_id: `nobody${i}@example.com` })).status).toBe(
        404,
      )
    }
    // Found or not, the answer is the same now, or the limit would tell which addresses exist.
    expect((await client.input(begun, { identification: 'email', login_id: 'here@example.com' })).status).toBe(429)
    const limited = await client.input(begun, { identification: 'email', login_id: 'nobody@example.com' })
    expect(limited.status).toBe(429)
    expect(limited.body.error).toMatchObject({
      reason: 'RateLimited',
      info: {
        bucket_name: 'AccountEnumerationPerIP',
        rate_limit: { name: 'authentication.account_enumeration.per_ip', group: 'authentication.account_enumeration' },
      },
    })
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(
      (
        await flowClient(project, { ip: '203.0.113.10' }).input(begun, {
          identification: 'email',
          login_id: 'nobody@example.com',
        })
      ).status,
    ).toBe(404)
    await server.clock.advance(6000)
    expect((await client.input(begun, { identification: 'email', login_id: 'nobody@example.com' })).status).toBe(404)
  })

  test('a wrong password is refused, and the same token takes the right one (4)', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect(dataOf(asked)).toEqual({
      type: 'authentication_data',
      options: [{ authentication: 'primary_password' }],
      device_token_enabled: false,
    })
    const wrong = await client.input(asked, { authentication: 'primary_password', password: 'not this one' })
    expect(wrong.status).toBe(401)
    expect(wrong.body.error).toMatchObject({
      name: 'Unauthorized',
      reason: 'InvalidCredentials',
      info: { AuthenticationType: 'password', FlowType: 'login' },
    })
    expect(wrong.body.result).toEqual(asked.body.result)
    expect((await client.input(asked, { authentication: 'primary_password', password })).body.result.action.type).toBe(
      'finished',
    )
    expect(await events(project.id)).toContainEqual({
      kind: 'authentication.failed',
      payload: expect.objectContaining({ factor: 'password', reason: 'InvalidCredentials' }),
    })
    // Finished: every token of the flow is gone.
    expect((await client.read(asked.body.result.state_token)).body.error).toMatchObject({
      reason: 'AuthenticationFlowNotFound',
      code: 404,
    })
    expect((await client.input(asked, { authentication: 'primary_password', password })).status).toBe(404)
  })

  test('ten wrong passwords a minute for one user and address, and no more', async () => {
    const project = await server.project({})
    const client = flowClient(project, { ip: '203.0.113.1' })
    await signUp(server, client, 'ana@example.com', password)
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    const tries = await Promise.all(
      Array.from({ length: 14 }, () =>
        client.input(asked, { authentication: 'primary_password', password: 'wrong wrong' }),
      ),
    )
    expect(tries.map((one) => one.status).sort()).toEqual([...Array(10).fill(401), ...Array(4).fill(429)])
    expect(tries.find((one) => one.status === 429)?.body.error.info.bucket_name).toBe('VerifyPasswordPerUserPerIP')
    expect((await client.input(asked, { authentication: 'primary_password', password })).status).toBe(429)
    const elsewhere = flowClient(project, { ip: '203.0.113.2' })
    expect((await elsewhere.input(asked, { authentication: 'primary_password', password })).status).toBe(200)
  })

  test('nothing is written before the end', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'half@example.com',
    })
    await client.input(asked, { code: codeTo(server, 'half@example.com') })
    const { query } = server.node.world.db
    expect(await query.selectFrom('end_user').select('id').where('project_id', '=', project.id).execute()).toEqual([])
    expect(await query.selectFrom('identity').select('id').where('project_id', '=', project.id).execute()).toEqual([])
  })

  test('states, facts and the log keep no secret', async () => {
    const lines: string[] = []
    const own = await headgear({ log: (line) => lines.push(line) })
    try {
      const project = await own.project({})
      const client = flowClient(project)
      await signUp(own, client, 'ana@example.com', 'correct but secret')
      const code = codeTo(own, 'ana@example.com')
      const asked = await client.input(await client.create('login'), {
        identification: 'email',
        login_id: 'ana@example.com',
      })
      await client.input(asked, { authentication: 'primary_password', password: 'wrong but secret' })
      const finished = JSON.stringify(
        await own.node.world.db.query
          .selectFrom('flow_state')
          .select('facts')
          .where('project_id', '=', project.id)
          .execute(),
      )
      expect(finished).not.toContain('$argon2id$')
      await client.input(await client.create('signup'), { identification: 'email', login_id: 'bo@example.com' })
      const second = await client.input(await client.create('signup'), {
        identification: 'email',
        login_id: 'bo@example.com',
      })
      await client.input(second, { code: codeTo(own, 'bo@example.com') })
      const { query } = own.node.world.db
      const states = JSON.stringify(
        await query.selectFrom('flow_state').select('facts').where('project_id', '=', project.id).execute(),
      )
      const flows = JSON.stringify(
        await query.selectFrom('flow').selectAll().where('project_id', '=', project.id).execute(),
      )
      for (const secret of ['correct but secret', 'wrong but secret', code]) {
        expect(states).not.toContain(secret)
        expect(flows).not.toContain(secret)
        expect(lines.join('\n')).not.toContain(secret)
      }
      for (const token of [asked.body.result.state_token]) expect(lines.join('\n')).not.toContain(token)
    } finally {
      await own.stop()
    }
  })
})

describe('other login IDs', () => {
  test('a username in any letter case (5)', async () => {
    const project = await server.project({ identity: { login_id: { keys: [{ type: 'username' }] } } })
    const client = flowClient(project)
    const created = await client.input(await client.create('signup'), { identification: 'username', login_id: 'Ana_B' })
    expect(created.body.result.action.type).toBe('create_authenticator')
    await client.input(created, { authentication: 'primary_password', new_password: password })
    const asked = await client.input(await client.create('login'), { identification: 'username', login_id: 'ANA_b' })
    expect((await client.input(asked, { authentication: 'primary_password', password })).body.result.action.type).toBe(
      'finished',
    )
  })

  test('one input may answer several questions', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const done = await client.create('login', {
      batch_input: [
        { identification: 'email', login_id: 'ana@example.com', authentication: 'primary_password', password },
      ],
    })
    expect(done.body.result.action.type).toBe('finished')
  })

  test('what fits nothing is refused with its causes', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    const begun = await client.create('login')
    for (const [input, cause] of [
      [{}, { location: '', kind: 'required' }],
      [
        { identification: 'phone', login_id: '+85298765432' },
        { location: '/identification', kind: 'enum' },
      ],
      [
        { identification: 'email', login_id: 3 },
        { location: '/login_id', kind: 'type' },
      ],
      [
        { identification: 'email', login_id: 'no address' },
        { location: '/login_id', kind: 'format', details: { format: 'email' } },
      ],
    ] as const) {
      const refused = await client.input(begun, input)
      expect(refused.body.error, JSON.stringify(refused.body)).toMatchObject({
        name: 'Invalid',
        reason: 'ValidationFailed',
        code: 400,
      })
      expect(refused.body.error.info.causes[0]).toMatchObject(cause)
      expect(refused.body.result.state_token).toBe(begun.body.result.state_token)
    }
    expect((await client.input('authflowstate_00000000000000000000000000000000', {})).body).toMatchObject({
      error: { reason: 'AuthenticationFlowNotFound', code: 404 },
    })
    expect((await client.post('/states/input', { state_token: 'x' })).body.error.reason).toBe('ValidationFailed')
    expect((await client.create('dance')).body.error.reason).toBe('ValidationFailed')
    expect((await client.create('login', { name: 'other' })).body.error).toMatchObject({
      reason: 'AuthenticationFlowFlowNotFound',
      code: 404,
    })
  })

  test('known addresses sign in and new ones sign up through one flow (30)', async () => {
    const project = await server.project({ verification: { claims: { email: { required: false } } } })
    const client = flowClient(project)
    await signUp(server, client, 'old@example.com', password)
    const begun = await client.create('signup_login')
    expect(begun.body.result.type).toBe('signup_login')
    const known = await client.input(begun, { identification: 'email', login_id: 'old@example.com' })
    expect(known.body.result).toMatchObject({ type: 'login', name: 'default', action: { type: 'authenticate' } })
    const fresh = await client.input(begun, { identification: 'email', login_id: 'new@example.com' })
    expect(fresh.body.result).toMatchObject({
      type: 'signup',
      name: 'default',
      action: { type: 'create_authenticator' },
    })
    expect(
      (await client.input(fresh, { authentication: 'primary_password', new_password: password })).body.result,
    ).toMatchObject({ type: 'signup', action: { type: 'finished' } })
    expect((await client.input(known, { authentication: 'primary_password', password })).status).toBe(404)
  })
})

describe('codes instead of passwords', () => {
  const config = { authentication: { primary_authenticators: ['oob_otp_email'] } }

  test('sign-up sends one code for the address and the factor (25); login asks for another (6, 10, 11)', async () => {
    const project = await server.project(config)
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'ada@example.com',
    })
    const made = await client.input(asked, { code: codeTo(server, 'ada@example.com') })
    expect(dataOf(made).options).toEqual([
      {
        authentication: 'primary_oob_otp_email',
        otp_form: 'code',
        channels: ['email'],
        target: { masked_display_name: 'ad*@example.com', verification_required: false },
      },
    ])
    expect((await client.input(made, { authentication: 'primary_oob_otp_email' })).body.result.action.type).toBe(
      'finished',
    )
    expect(server.outbox.filter((message) => message.to === 'ada@example.com')).toHaveLength(1)

    await server.clock.advance(61_000)
    const login = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ada@example.com',
    })
    expect(dataOf(login).options).toEqual([
      {
        authentication: 'primary_oob_otp_email',
        otp_form: 'code',
        masked_display_name: 'ad*@example.com',
        channels: ['email'],
      },
    ])
    const waiting = await client.input(login, { authentication: 'primary_oob_otp_email', index: 0 })
    expect(waiting.body.result.action).toMatchObject({
      type: 'authenticate',
      authentication: 'primary_oob_otp_email',
      data: { type: 'verify_oob_otp_data', masked_claim_value: 'ad*@example.com', code_length: 6 },
    })
    const code = codeTo(server, 'ada@example.com')
    const wrong = await client.input(waiting, { code: code === '000000' ? '000001' : '000000' })
    expect(wrong.body.error).toMatchObject({
      reason: 'InvalidCredentials',
      code: 401,
      info: { AuthenticationType: 'oob_otp_email' },
    })
    expect(
      (await client.input(waiting, { code: ` ${code.slice(0, 3)}-${code.slice(3)} ` })).body.result.action.type,
    ).toBe('finished')

    // Spent: a second flow that waits for the same address cannot use it.
    const again = await client.input(
      await client.input(await client.create('login'), { identification: 'email', login_id: 'ada@example.com' }),
      { authentication: 'primary_oob_otp_email', index: 0 },
    )
    expect((await client.input(again, { code })).body.error).toMatchObject({ reason: 'InvalidCredentials', code: 401 })
  })

  test('a code that has run out does not count (11)', async () => {
    const project = await server.project(config)
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'late@example.com',
    })
    await server.clock.advance(301_000)
    const late = await client.input(asked, { code: codeTo(server, 'late@example.com') })
    expect(late.body.error).toMatchObject({ name: 'Forbidden', reason: 'InvalidVerificationCode', code: 403 })
  })

  test('resend waits a minute (12)', async () => {
    const project = await server.project(config)
    const client = flowClient(project)
    await signUpByCode(client, 'ana@example.com')
    await server.clock.advance(61_000)
    const chosen = await client.input(
      await client.input(await client.create('login'), { identification: 'email', login_id: 'ana@example.com' }),
      { authentication: 'primary_oob_otp_email', index: 0 },
    )
    const first = codeTo(server, 'ana@example.com')
    const early = await client.input(chosen, { resend: true })
    expect(early.body.error).toMatchObject({
      reason: 'RateLimited',
      code: 429,
      info: { bucket_name: 'OOBOTPCooldownEmail' },
    })
    expect(new Date(dataOf(chosen).can_resend_at).getTime() - server.clock.now().getTime()).toBeGreaterThan(55_000)
    await server.clock.advance(60_000)
    const sent = await client.input(chosen, { resend: true })
    expect(sent.status).toBe(200)
    expect(sent.body.result.state_token).not.toBe(chosen.body.result.state_token)
    const second = codeTo(server, 'ana@example.com')
    if (first !== second) expect((await client.input(sent, { code: first })).status).toBe(401)
    expect((await client.input(sent, { code: second })).body.result.action.type).toBe('finished')
  })

  test('coming to the step again within the minute sends nothing and still takes the code', async () => {
    const project = await server.project(config)
    const client = flowClient(project)
    await signUpByCode(client, 'twice@example.com')
    await server.clock.advance(61_000)
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'twice@example.com',
    })
    await client.input(asked, { authentication: 'primary_oob_otp_email', index: 0 })
    const count = server.outbox.length
    const again = await client.input(asked, { authentication: 'primary_oob_otp_email', index: 0 })
    expect(again.status).toBe(200)
    expect(server.outbox).toHaveLength(count)
    expect((await client.input(again, { code: codeTo(server, 'twice@example.com') })).body.result.action.type).toBe(
      'finished',
    )
  })

  test('too many guesses withdraw a code, however many come at once; a new one may be sent (14)', async () => {
    const limits = { oob_otp: { email: { max_failed_attempts_revoke_otp: 3 } } }
    const project = await server.project({ authentication: { ...config.authentication, rate_limits: limits } })
    const client = flowClient(project, { ip: '203.0.113.77' })
    await signUpByCode(client, 'ana@example.com')
    await server.clock.advance(61_000)
    const waiting = await client.input(
      await client.input(await client.create('login'), { identification: 'email', login_id: 'ana@example.com' }),
      { authentication: 'primary_oob_otp_email', index: 0 },
    )
    const code = codeTo(server, 'ana@example.com')
    const wrong = code === '123456' ? '654321' : '123456'
    const guesses = await Promise.all(Array.from({ length: 6 }, () => client.input(waiting, { code: wrong })))
    expect(guesses.map((one) => one.status).sort()).toEqual([401, 401, 429, 429, 429, 429])
    expect(guesses.find((one) => one.status === 429)?.body.error.info.bucket_name).toBe('TrackFailedOTPAttemptBucket')
    const right = await client.input(waiting, { code })
    expect(right.body.error).toMatchObject({
      reason: 'RateLimited',
      info: { bucket_name: 'TrackFailedOTPAttemptBucket' },
    })
    expect(dataOf(right).failed_attempt_rate_limit_exceeded).toBe(true)
    await server.clock.advance(61_000)
    const resent = await client.input(waiting, { resend: true })
    expect(dataOf(resent).failed_attempt_rate_limit_exceeded).toBe(false)
    expect((await client.input(resent, { code: codeTo(server, 'ana@example.com') })).body.result.action.type).toBe(
      'finished',
    )
  })

  test('a mailed link is approved on any device, and the first one goes on (7)', async () => {
    const { approveLink, findLink } = await import('../src/messaging/codes.ts')
    const project = await server.project({
      ...config,
      authenticator: { oob_otp: { email: { email_otp_mode: 'login_link' } } },
    })
    const client = flowClient(project)
    // Verification goes by code all the same (24).
    await signUpByCode(client, 'link@example.com')
    await server.clock.advance(61_000)
    const waiting = await client.input(
      await client.input(await client.create('login'), { identification: 'email', login_id: 'link@example.com' }),
      { authentication: 'primary_oob_otp_email', index: 0 },
    )
    expect(dataOf(waiting)).toMatchObject({ otp_form: 'link', code_length: 32, can_check: false })
    const link = linkTo(server, 'link@example.com')
    expect(link.pathname).toBe('/authflow/v2/verify_login_link')
    const code = link.searchParams.get('code') ?? ''
    expect(code).toMatch(/^[0-9A-Z]{32}$/)
    expect((await client.input(waiting, { check: true })).status).toBe(401)
    const loaded = await server.node.directory.byId(project.id)
    if (loaded === undefined) throw new Error('no project')
    expect(await findLink(server.node, loaded, 'oob-otp', code)).toMatchObject({
      state: 'open',
      target: 'link@example.com',
    })
    expect(await approveLink(server.node, loaded, `X${code.slice(1)}`)).toBe(false)
    expect(await approveLink(server.node, loaded, code)).toBe(true)
    expect(dataOf(await client.read(waiting.body.result.state_token)).can_check).toBe(true)
    expect((await client.input(waiting, { check: true })).body.result.action.type).toBe('finished')
    expect(await findLink(server.node, loaded, 'oob-otp', code)).toMatchObject({ state: 'used' })
    expect(await approveLink(server.node, loaded, code)).toBe(false)
  })

  test('a fixed code of test mode works, and nothing is sent (60)', async () => {
    const project = await server.project({
      ...config,
      test_mode: {
        oob_otp: { enabled: true, rules: [{ regex: '^tester@example\\.com$', fixed_code: '111111' }] },
        email: { enabled: true, rules: [{ regex: '^tester@', suppressed: true }] },
      },
    })
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'tester@example.com',
    })
    expect(dataOf(asked).delivery_status).toBe('sent')
    const made = await client.input(asked, { code: '111111' })
    expect((await client.input(made, { authentication: 'primary_oob_otp_email' })).body.result.action.type).toBe(
      'finished',
    )
    expect(server.outbox.some((message) => message.to === 'tester@example.com')).toBe(false)
    await client.input(await client.create('signup'), { identification: 'email', login_id: 'real@example.com' })
    expect(codeTo(server, 'real@example.com')).toMatch(/^\d{6}$/)
  })

  async function signUpByCode(client: ReturnType<typeof flowClient>, email: string) {
    const asked = await client.input(await client.create('signup'), { identification: 'email', login_id: email })
    const made = await client.input(asked, { code: codeTo(server, email) })
    const done = await client.input(made, { authentication: 'primary_oob_otp_email' })
    expect(done.body.result.action.type).toBe('finished')
  }
})

describe('telephones', () => {
  const config = (phone_otp_mode: string) => ({
    identity: { login_id: { keys: [{ type: 'phone' }] } },
    authentication: { primary_authenticators: ['oob_otp_sms'] },
    authenticator: { oob_otp: { sms: { phone_otp_mode } } },
  })
  const number = '+85298765432'

  test('one channel needs no choice (9)', async () => {
    const project = await server.project(config('sms'))
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'phone',
      login_id: '+852 9876 5432',
    })
    expect(dataOf(asked)).toMatchObject({
      type: 'verify_oob_otp_data',
      channel: 'sms',
      masked_claim_value: '+8529876****',
    })
    const made = await client.input(asked, { code: codeTo(server, number) })
    expect((await client.input(made, { authentication: 'primary_oob_otp_sms' })).body.result.action.type).toBe(
      'finished',
    )
    await server.clock.advance(61_000)
    const login = await client.input(await client.create('login'), { identification: 'phone', login_id: number })
    const waiting = await client.input(login, { authentication: 'primary_oob_otp_sms', index: 0 })
    expect((await client.input(waiting, { code: codeTo(server, number) })).body.result.action.type).toBe('finished')
    const { payload } = (await events(project.id)).findLast((event) => event.kind === 'user.authenticated') ?? {
      payload: { amr: undefined },
    }
    expect(payload.amr).toEqual(['otp', 'sms', 'x_primary_oob_otp_sms'])
  })

  test('of two channels one must be named (8, 26)', async () => {
    const project = await server.project(config('whatsapp_sms'))
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), { identification: 'phone', login_id: number })
    expect(asked.body.result.action).toEqual({
      type: 'verify',
      data: { type: 'select_oob_otp_channels_data', channels: ['whatsapp', 'sms'], masked_claim_value: '+8529876****' },
    })
    expect((await client.input(asked, { channel: 'whatsapp' })).body.error).toMatchObject({
      reason: 'NoAvailableWhatsappClient',
      code: 400,
    })
    const waiting = await client.input(asked, { channel: 'sms' })
    const made = await client.input(waiting, { code: codeTo(server, number) })
    await client.input(made, { authentication: 'primary_oob_otp_sms' })
    await server.clock.advance(61_000)
    const login = await client.input(await client.create('login'), { identification: 'phone', login_id: number })
    expect((await client.input(login, { authentication: 'primary_oob_otp_sms', index: 0 })).body.error).toMatchObject({
      reason: 'ValidationFailed',
      code: 400,
    })
    const chosen = await client.input(login, { authentication: 'primary_oob_otp_sms', index: 0, channel: 'sms' })
    expect((await client.input(chosen, { code: codeTo(server, number) })).body.result.action.type).toBe('finished')
  })
})

describe('a written flow without proof', () => {
  test('lets nobody in', async () => {
    const steps = [{ type: 'identify', one_of: [{ identification: 'email' }] }]
    const project = await server.project({ authentication_flow: { login_flows: [{ name: 'open', steps }] } })
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const refused = await client.input(await client.create('login', { name: 'open' }), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect(refused.body.error).toMatchObject({ reason: 'AuthenticationFlowInvalidFlowConfig', code: 500 })
    expect(refused.cookies).toEqual([])
  })
})

describe('accounts that may not sign in', () => {
  test.each([
    [{ is_disabled: true, disable_reason: 'spam' }, 'DisabledUser', { reason: 'spam' }],
    [{ account_valid_until: new Date('2020-01-01') }, 'UserOutsideValidPeriod', undefined],
  ])('after right credentials it says why: %o (55)', async (status, reason, info) => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    await server.node.world.db.query.updateTable('end_user').set(status).where('project_id', '=', project.id).execute()
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect((await client.input(asked, { authentication: 'primary_password', password: 'wrong one' })).status).toBe(401)
    const refused = await client.input(asked, { authentication: 'primary_password', password })
    expect(refused.body.error).toMatchObject({ name: 'Forbidden', reason, code: 403 })
    if (info) expect(refused.body.error.info).toMatchObject(info)
    expect(refused.cookies).toEqual([])
  })

  test('a user deleted half way is no user any more', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    await server.node.world.db.query.deleteFrom('end_user').where('project_id', '=', project.id).execute()
    expect((await client.input(asked, { authentication: 'primary_password', password })).body.error.reason).toBe(
      'InvalidCredentials',
    )
  })
})
