import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { codeTo, dataOf, flowClient, signUp } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.0/8'] })
})
afterAll(() => server.stop())

const password = 'a long enough one'
const unverified = { verification: { claims: { email: { required: false }, phone_number: { required: false } } } }

describe('sign-up', () => {
  test('a taken address is refused with what is there (28)', async () => {
    const project = await server.project({})
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const refused = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'ANA@example.com',
    })
    expect(refused.body.error).toMatchObject({
      name: 'Invalid',
      reason: 'InvariantViolated',
      code: 400,
      info: {
        cause: { kind: 'DuplicatedIdentity' },
        IdentityTypeIncoming: 'login_id',
        LoginIDTypeIncoming: 'email',
        IdentityTypeExisting: 'login_id',
        LoginIDTypeExisting: 'email',
      },
    })
    expect(refused.body.error.info.ExistingIdentities).toHaveLength(1)
  })

  test('of two who sign up with one address at once, one does', async () => {
    const project = await server.project(unverified)
    const client = flowClient(project)
    const both = await Promise.all(
      [1, 2].map(async () =>
        client.input(await client.create('signup'), { identification: 'email', login_id: 'race@example.com' }),
      ),
    )
    const ends = await Promise.all(
      both.map((asked) => client.input(asked, { authentication: 'primary_password', new_password: password })),
    )
    expect(ends.map((end) => end.status).sort()).toEqual([200, 400])
    expect(ends.find((end) => end.status === 400)?.body.error).toMatchObject({
      reason: 'InvariantViolated',
      info: { cause: { kind: 'DuplicatedIdentity' } },
    })
    const users = await server.node.world.db.query
      .selectFrom('end_user')
      .select('id')
      .where('project_id', '=', project.id)
      .execute()
    expect(users).toHaveLength(1)
  })

  test('one flow finishes once, even when two finish it at the same moment', async () => {
    const project = await server.project(unverified)
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'once@example.com',
    })
    const ends = await Promise.all(
      [1, 2, 3].map(() => client.input(asked, { authentication: 'primary_password', new_password: password })),
    )
    expect(ends.map((end) => end.status).sort()).toEqual([200, 404, 404])
    const sessions = await server.node.world.db.query
      .selectFrom('idp_session')
      .select('id')
      .where('project_id', '=', project.id)
      .execute()
    expect(sessions).toHaveLength(1)
  })

  test('is refused where public sign-up is off (29)', async () => {
    const project = await server.project({ authentication: { public_signup_disabled: true } })
    const client = flowClient(project)
    expect((await client.create('signup')).body.error).toMatchObject({
      name: 'Forbidden',
      reason: 'AuthenticationFlowNoPublicSignup',
      code: 403,
    })
    const either = await client.input(await client.create('signup_login'), {
      identification: 'email',
      login_id: 'new@example.com',
    })
    expect(either.body.error.reason).toBe('AuthenticationFlowNoPublicSignup')
  })

  test('ten a minute from one address', async () => {
    const project = await server.project(unverified)
    const client = flowClient(project, { ip: '203.0.113.20' })
    const began = server.clock.now().getTime()
    const signUp = async (login_id: string) => {
      const asked = await client.input(await client.create('signup'), { identification: 'email', login_id })
      return () => client.input(asked, { authentication: 'primary_password', new_password: password })
    }
    let count = 0
    let last = await signUp('n@example.com')
    let answer = await last()
    for (; answer.status === 200; count++) {
      last = await signUp(`n${count}@example.com`)
      answer = await last()
    }
    expect(answer.body.error).toMatchObject({ reason: 'RateLimited', info: { bucket_name: 'SignupPerIP' } })
    // One more for each six seconds that a busy machine has taken.
    const seconds = (server.clock.now().getTime() - began) / 1000
    expect(count).toBeGreaterThanOrEqual(10)
    expect(count).toBeLessThanOrEqual(10 + Math.ceil(seconds / 6))
    await server.clock.advance(6000)
    expect((await last()).status).toBe(200)
  })

  test.each([
    [{ block_plus_sign: true }, 'a+b@example.com', { reason: 'BlockPlusSign' }],
    [{ block_free_email_provider_domains: true }, 'a@gmail.com', { reason: 'EmailDomainBlocklist', blocklist: 'free' }],
    [
      { block_disposable_email_domains: true },
      'a@mailinator.com',
      { reason: 'EmailDomainBlocklist', blocklist: 'disposable' },
    ],
  ])('an address that %o blocks', async (email, login_id, details) => {
    const project = await server.project({ identity: { login_id: { types: { email } } } })
    const client = flowClient(project)
    const refused = await client.input(await client.create('signup'), { identification: 'email', login_id })
    expect(refused.body.error.info.causes).toEqual([
      { location: '/login_id', kind: 'blocked', message: expect.any(String), details },
    ])
  })

  test('a telephone country that is not accepted', async () => {
    const project = await server.project({
      identity: { login_id: { keys: [{ type: 'phone' }] } },
      ui: { phone_input: { allowlist: ['FR'] } },
    })
    const client = flowClient(project)
    const refused = await client.input(await client.create('signup'), {
      identification: 'phone',
      login_id: '+85298765432',
    })
    expect(refused.body.error.info.causes[0]).toMatchObject({
      kind: 'blocked',
      details: { reason: 'PhoneNumberCountryCodeAllowlist' },
    })
  })

  test('an older state goes another way (Back)', async () => {
    const project = await server.project({ authentication: { primary_authenticators: ['password', 'oob_otp_email'] } })
    const client = flowClient(project)
    const begun = await client.create('signup')
    const first = await client.input(begun, { identification: 'email', login_id: 'wrogn@example.com' })
    const second = await client.input(begun, { identification: 'email', login_id: 'right@example.com' })
    expect(dataOf(await client.read(first.body.result.state_token)).masked_claim_value).toBe('wro**@example.com')
    const made = await client.input(second, { code: codeTo(server, 'right@example.com') })
    await client.input(made, { authentication: 'primary_password', new_password: password })
    const identities = await server.node.world.db.query
      .selectFrom('identity')
      .select('login_id')
      .where('project_id', '=', project.id)
      .execute()
    expect(identities).toEqual([{ login_id: 'right@example.com' }])
  })

  test('a flow lives twenty minutes after its last answer', async () => {
    const project = await server.project(unverified)
    const client = flowClient(project)
    const begun = await client.create('signup')
    await server.clock.advance(19 * 60_000)
    const asked = await client.input(begun, { identification: 'email', login_id: 'slow@example.com' })
    await server.clock.advance(19 * 60_000)
    expect((await client.read(begun.body.result.state_token)).status).toBe(200)
    await server.clock.advance(2 * 60_000)
    expect(
      (await client.input(asked, { authentication: 'primary_password', new_password: password })).body.error.reason,
    ).toBe('AuthenticationFlowNotFound')
  })
})

describe('passwords', () => {
  const choose = async (policy: object, new_password: string) => {
    const project = await server.project({ ...unverified, authenticator: { password: { policy } } })
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    return client.input(asked, { authentication: 'primary_password', new_password })
  }

  test.each([
    [{}, 'short', [{ Name: 'PasswordTooShort', Info: { min_length: 8, pw_length: 5 } }]],
    [{ min_length: 4 }, '👩‍👩', [{ Name: 'PasswordTooShort', Info: { min_length: 4, pw_length: 3 } }]],
    [
      { uppercase_required: true, digit_required: true, symbol_required: true },
      'lowercase',
      [{ Name: 'PasswordUppercaseRequired' }, { Name: 'PasswordDigitRequired' }, { Name: 'PasswordSymbolRequired' }],
    ],
    [
      { alphabet_required: true, lowercase_required: true },
      '12345678',
      [{ Name: 'PasswordLowercaseRequired' }, { Name: 'PasswordAlphabetRequired' }],
    ],
    [{ excluded_keywords: ['acme'] }, 'my AcMe word', [{ Name: 'PasswordContainingExcludedKeywords' }]],
    [
      { minimum_guessable_level: 5 },
      'password1234567890',
      [{ Name: 'PasswordBelowGuessableLevel', Info: { min_level: 5, pw_level: expect.any(Number) } }],
    ],
    [
      { minimum_guessable_level: 4 },
      'ana@example.com',
      [{ Name: 'PasswordBelowGuessableLevel', Info: { min_level: 4, pw_level: expect.any(Number) } }],
    ],
  ])('%o refuses %s (41)', async (policy, text, causes) => {
    const refused = await choose(policy, text)
    expect(refused.body.error).toMatchObject({ name: 'Invalid', reason: 'PasswordPolicyViolated', code: 400 })
    expect(refused.body.error.info.causes).toEqual(causes)
  })

  test('a good one passes them all', async () => {
    const policy = {
      min_length: 12,
      uppercase_required: true,
      lowercase_required: true,
      digit_required: true,
      symbol_required: true,
      minimum_guessable_level: 5,
    }
    expect((await choose(policy, 'Tangent-47 velvet Mole')).body.result.action.type).toBe('finished')
  })

  test('the policy is shown with the question', async () => {
    const policy = {
      min_length: 10,
      digit_required: true,
      minimum_guessable_level: 3,
      excluded_keywords: ['acme'],
      history_size: 3,
    }
    const project = await server.project({ ...unverified, authenticator: { password: { policy } } })
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect(dataOf(asked).options[0].password_policy).toEqual({
      minimum_length: 10,
      digit_required: true,
      minimum_zxcvbn_score: 2,
      excluded_keywords: ['acme'],
      history: { enabled: true, size: 3 },
    })
  })
})

describe('written flows', () => {
  test('replace the built-in one, ask for a profile, and refuse a target that is none (53)', async () => {
    const project = await server.project({
      identity: { login_id: { keys: [{ type: 'email' }, { type: 'username' }] } },
      user_profile: {
        custom_attributes: {
          attributes: [
            {
              id: '0000',
              pointer: '/hobby',
              type: 'string',
              access_control: { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' },
            },
          ],
        },
      },
      authentication_flow: {
        signup_flows: [
          {
            name: 'default',
            steps: [
              { name: 'one', type: 'identify', one_of: [{ identification: 'email' }] },
              { name: 'two', type: 'identify', one_of: [{ identification: 'username' }] },
              { type: 'create_authenticator', one_of: [{ authentication: 'primary_password' }] },
              {
                type: 'fill_in_user_profile',
                user_profile: [
                  { pointer: '/given_name', required: true },
                  { pointer: '/hobby', required: false },
                ],
              },
            ],
          },
          {
            name: 'lost',
            steps: [
              { type: 'identify', one_of: [{ identification: 'email' }] },
              { type: 'verify', target_step: 'nowhere' },
            ],
          },
        ],
      },
    })
    const client = flowClient(project)
    const second = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect(dataOf(second).options).toEqual([{ identification: 'username' }])
    const third = await client.input(second, { identification: 'username', login_id: 'ana_silva' })
    const fourth = await client.input(third, { authentication: 'primary_password', new_password: password })
    expect(fourth.body.result.action).toEqual({ type: 'fill_in_user_profile', data: {} })
    const missing = await client.input(fourth, { attributes: [{ pointer: '/hobby', value: 'chess' }] })
    expect(missing.body.error.info.causes[0]).toMatchObject({
      location: '/attributes',
      kind: 'required',
      details: { missing: ['/given_name'] },
    })
    expect(
      (await client.input(fourth, { attributes: [{ pointer: '/email', value: 'x@y.z' }] })).body.error.reason,
    ).toBe('ValidationFailed')
    const done = await client.input(fourth, {
      attributes: [
        { pointer: '/given_name', value: 'Ana' },
        { pointer: '/hobby', value: 'chess' },
      ],
    })
    expect(done.body.result.action.type).toBe('finished')
    const user = await server.node.world.db.query
      .selectFrom('end_user')
      .select(['standard_attributes', 'custom_attributes'])
      .where('project_id', '=', project.id)
      .executeTakeFirstOrThrow()
    expect(user).toEqual({
      standard_attributes: { email: 'ana@example.com', preferred_username: 'ana_silva', given_name: 'Ana' },
      custom_attributes: { '0000': 'chess' },
    })

    const lost = await client.input(await client.create('signup', { name: 'lost' }), {
      identification: 'email',
      login_id: 'bo@example.com',
    })
    expect(lost.body.error).toMatchObject({
      name: 'InternalError',
      reason: 'AuthenticationFlowInvalidTargetStep',
      code: 500,
    })
  })

  test('an application may only start the flows it is allowed (52)', async () => {
    const flow = (name: string) => ({
      name,
      steps: [{ type: 'identify', one_of: [{ identification: 'email' }] }, { type: 'check_account_status' }],
    })
    const project = await server.project({
      authentication_flow: { login_flows: [flow('mine'), flow('theirs')] },
      oauth: {
        clients: [
          {
            client_id: 'narrow',
            name: 'narrow',
            redirect_uris: ['https://app.example.com/cb'],
            x_authentication_flow_allowlist: { flows: [{ type: 'login', name: 'mine' }] },
          },
          {
            client_id: 'grouped',
            name: 'grouped',
            redirect_uris: ['https://app.example.com/cb'],
            x_authentication_flow_allowlist: { groups: [{ name: 'default' }] },
          },
        ],
      },
    })
    const client = flowClient(project)
    const status = async (name: string, clientId: string) =>
      (await client.create('login', { name, url_query: `client_id=${clientId}` })).body.error?.reason ?? 'ok'
    expect(await status('mine', 'narrow')).toBe('ok')
    expect(await status('theirs', 'narrow')).toBe('AuthenticationFlowNotAllowed')
    expect(await status('default', 'narrow')).toBe('AuthenticationFlowNotAllowed')
    expect(await status('default', 'grouped')).toBe('ok')
    expect(await status('mine', 'grouped')).toBe('AuthenticationFlowNotAllowed')
    expect(await status('theirs', 'unknown')).toBe('ok')
  })

  test('a definition is pinned when the flow begins', async () => {
    const config = (steps: object[]) => ({
      id: 'pinned',
      authentication_flow: { login_flows: [{ name: 'default', steps }] },
      ...unverified,
    })
    const project = await server.project(
      config([
        { name: 'i', type: 'identify', one_of: [{ identification: 'email' }] },
        { type: 'authenticate', one_of: [{ authentication: 'primary_password' }] },
      ]),
    )
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const begun = await client.create('login')
    await server.project(config([{ type: 'identify', one_of: [{ identification: 'email' }] }]))
    const asked = await client.input(begun, { identification: 'email', login_id: 'ana@example.com' })
    expect(asked.body.result.action.type).toBe('authenticate')
  })
})

describe('a second factor', () => {
  const secondary = {
    secondary_authenticators: ['password', 'oob_otp_email'],
    secondary_authentication_mode: 'required',
  }

  test('is made at sign-up and asked for at login when it is required; amr says so', async () => {
    const project = await server.project({ ...unverified, authentication: secondary })
    const client = flowClient(project)
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'two@example.com',
    })
    const second = await client.input(asked, { authentication: 'primary_password', new_password: password })
    expect(dataOf(second).options.map((option: { authentication: string }) => option.authentication)).toEqual([
      'secondary_password',
      'secondary_oob_otp_email',
    ])
    const waiting = await client.input(second, {
      authentication: 'secondary_oob_otp_email',
      target: 'Other@example.com',
    })
    expect(dataOf(waiting).masked_claim_value).toBe('oth**@example.com')
    const codes = await client.input(waiting, { code: codeTo(server, 'other@example.com') })
    expect(codes.body.result.action.type).toBe('view_recovery_code')
    const shown = await client.input(codes, { confirm_recovery_code: true })
    expect(shown.body.result.action.type).toBe('finished')
    await server.clock.advance(61_000)
    const login = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'two@example.com',
    })
    const factor = await client.input(login, { authentication: 'primary_password', password })
    expect(dataOf(factor).options).toEqual([
      {
        authentication: 'secondary_oob_otp_email',
        otp_form: 'code',
        masked_display_name: 'oth**@example.com',
        channels: ['email'],
      },
      { authentication: 'recovery_code' },
    ])
    const code = await client.input(factor, { authentication: 'secondary_oob_otp_email', index: 0 })
    expect((await client.input(code, { code: codeTo(server, 'other@example.com') })).body.result.action.type).toBe(
      'finished',
    )
    const { query } = server.node.world.db
    const sessions = await query
      .selectFrom('idp_session')
      .select('amr')
      .where('project_id', '=', project.id)
      .orderBy('created_at', 'desc')
      .execute()
    expect(sessions[0]?.amr).toEqual(['mfa', 'otp', 'pwd', 'x_primary_password', 'x_secondary_oob_otp_email'])
  })

  test('whoever has none is refused, unless the grace period lets them set one up (17, 18, 19)', async () => {
    const at = (config: object) => server.project({ id: 'grace', ...unverified, ...config })
    const client = flowClient(await at({}))
    await signUp(server, client, 'ana@example.com', password)
    const logIn = async () => {
      const asked = await client.input(await client.create('login'), {
        identification: 'email',
        login_id: 'ana@example.com',
      })
      return client.input(asked, { authentication: 'primary_password', password })
    }
    await at({ authentication: secondary })
    expect((await logIn()).body.error).toMatchObject({
      reason: 'InvariantViolated',
      info: { cause: { kind: 'NoAuthenticator' } },
    })
    await at({
      authentication: {
        ...secondary,
        secondary_authentication_grace_period: { enabled: true, end_at: '2020-01-01T00:00:00Z' },
      },
    })
    expect((await logIn()).body.error.info.cause.kind).toBe('NoAuthenticator')
    await at({ authentication: { ...secondary, secondary_authentication_grace_period: { enabled: true } } })
    const enrolling = await logIn()
    expect(enrolling.body.result.action).toMatchObject({
      type: 'authenticate',
      data: { type: 'create_authenticator_data' },
    })
    expect(
      (await client.input(enrolling, { authentication: 'secondary_password', new_password: 'another good one' })).body
        .result.action.type,
    ).toBe('finished')
    await at({ authentication: secondary })
    const next = await logIn()
    expect(dataOf(next).options).toEqual([{ authentication: 'secondary_password' }])
    expect(
      (await client.input(next, { authentication: 'secondary_password', password })).body.error.info.AuthenticationType,
    ).toBe('password')
    expect(
      (await client.input(next, { authentication: 'secondary_password', password: 'another good one' })).body.result
        .action.type,
    ).toBe('finished')
  })

  test('is not asked of who has none when it is optional (16)', async () => {
    const project = await server.project({
      ...unverified,
      authentication: { ...secondary, secondary_authentication_mode: 'if_exists' },
    })
    const client = flowClient(project)
    await signUp(server, client, 'ana@example.com', password)
    const asked = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'ana@example.com',
    })
    expect((await client.input(asked, { authentication: 'primary_password', password })).body.result.action.type).toBe(
      'finished',
    )
  })
})
