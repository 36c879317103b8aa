// The second step over the API: authenticator apps, recovery codes, trusted devices, grace periods and lockouts.
import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { dataOf, type FlowAnswer, flowClient, signUp } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

const password = 'correct but secret'
const email = 'ana@example.com'
const verification = { claims: { email: { enabled: false, required: false } } }
const never = { enabled: false }
const unlimited = { general: { per_ip: never, per_user_per_ip: never }, account_enumeration: { per_ip: never } }

let server: Headgear
beforeAll(async () => {
  server = await headgear({ trustProxy: ['127.0.0.0/8'] })
})
afterAll(() => server.stop())

const projectWith = (authentication: object, more: object = {}): Promise<DevelopmentProject> =>
  server.project({ verification, authentication, ...more })

const codeOf = (secret: string, at = server.clock.now().getTime()) => new TOTP({ secret }).generate({ timestamp: at })
const kindOf = (answer: FlowAnswer): string => answer.body.result.action.type
const minute = () => server.clock.advance(60_000)

type Client = ReturnType<typeof flowClient>

/** To the question after the password. */
async function afterPassword(client: Client, typed = password): Promise<FlowAnswer> {
  const asked = await client.input(await client.create('login'), { identification: 'email', login_id: email })
  return client.input(asked, { authentication: 'primary_password', password: typed })
}

/** Signs up where an authenticator app is required. @returns its secret, the codes, and the finishing answer. */
async function signUpWithApp(client: Client, more: object = {}) {
  const asked = await client.input(await client.create('signup'), { identification: 'email', login_id: email })
  const second = await client.input(asked, { authentication: 'primary_password', new_password: password })
  const set = await client.input(second, { authentication: 'secondary_totp', ...more })
  const { secret } = dataOf(set)
  const codes = await client.input(set, { code: codeOf(secret) })
  const recoveryCodes: string[] = dataOf(codes).recovery_codes ?? []
  const finished = kindOf(codes) === 'finished' ? codes : await client.input(codes, { confirm_recovery_code: true })
  await minute()
  return { secret, set, codes, recoveryCodes, finished }
}

async function amrOf(project: DevelopmentProject): Promise<string[] | undefined> {
  const row = await server.node.world.db.query
    .selectFrom('idp_session')
    .select('amr')
    .where('project_id', '=', project.id)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.amr
}

const required = { secondary_authenticators: ['totp'], secondary_authentication_mode: 'required' }

describe('an authenticator app', () => {
  test('is set up at sign-up, and sixteen recovery codes are shown once (27)', async () => {
    const project = await projectWith(required)
    const { secret, set, codes, recoveryCodes, finished } = await signUpWithApp(flowClient(project))
    expect(set.body.result.action).toMatchObject({
      type: 'create_authenticator',
      authentication: 'secondary_totp',
      data: { type: 'create_totp_data', secret: expect.stringMatching(/^[A-Z2-7]{32}$/) },
    })
    const uri = new URL(dataOf(set).otpauth_uri)
    expect([uri.protocol, uri.host, uri.searchParams.get('secret')]).toEqual(['otpauth:', 'totp', secret])
    expect(decodeURIComponent(uri.pathname)).toContain(email)
    expect(codes.body.result.action).toMatchObject({ type: 'view_recovery_code' })
    expect(new Set(recoveryCodes).size).toBe(16)
    for (const code of recoveryCodes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{10}$/)
    expect(kindOf(finished)).toBe('finished')
    expect(await amrOf(project)).toEqual(['mfa', 'otp', 'pwd', 'x_primary_password', 'x_secondary_totp'])
  })

  test('is asked for after the password, and amr says that there were two (15)', async () => {
    const project = await projectWith(required)
    const client = flowClient(project)
    const { secret } = await signUpWithApp(client)
    const asked = await afterPassword(client)
    expect(dataOf(asked)).toEqual({
      type: 'authentication_data',
      options: [{ authentication: 'secondary_totp' }, { authentication: 'recovery_code' }],
      device_token_enabled: true,
    })
    const wrong = await client.input(asked, { authentication: 'secondary_totp', code: '000000' })
    expect(wrong.body.error).toMatchObject({ code: 401, info: { AuthenticationType: 'totp' } })
    const done = await client.input(asked, { authentication: 'secondary_totp', code: codeOf(secret) })
    expect(kindOf(done)).toBe('finished')
    expect(await amrOf(project)).toEqual(['mfa', 'otp', 'pwd', 'x_primary_password', 'x_secondary_totp'])
  })

  test('gives codes that count once, and drift by one step either way', async () => {
    const client = flowClient(await projectWith({ ...required, rate_limits: unlimited }))
    const { secret } = await signUpWithApp(client)
    const tryCode = async (code: string) =>
      (await client.input(await afterPassword(client), { authentication: 'secondary_totp', code })).status
    const now = server.clock.now().getTime()
    expect(await tryCode(codeOf(secret, now - 60_000))).toBe(401)
    expect(await tryCode(codeOf(secret, now + 60_000))).toBe(401)
    expect(await tryCode(codeOf(secret, now - 30_000))).toBe(200)
    expect(await tryCode(codeOf(secret, now - 30_000))).toBe(401)
    expect(await tryCode(codeOf(secret, now + 30_000))).toBe(200)
    // What is older than one that counted does not count any more.
    expect(await tryCode(codeOf(secret, now))).toBe(401)
    await minute()
    const one = codeOf(secret)
    const asked = await Promise.all(Array.from({ length: 6 }, () => afterPassword(client)))
    const all = await Promise.all(asked.map((at) => client.input(at, { authentication: 'secondary_totp', code: one })))
    expect(all.filter((answer) => answer.status === 200).length).toBe(1)
  })

  test('cannot be guessed at: ten wrong codes a minute for one user and address', async () => {
    const client = flowClient(await projectWith(required))
    await signUpWithApp(client)
    const asked = await afterPassword(client)
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        client.input(asked, { authentication: 'secondary_totp', code: String(100_000 + n) }),
      ),
    )
    expect(answers.filter((one) => one.status === 401).length).toBe(10)
    expect(answers.find((one) => one.status === 429)?.body.error.info.bucket_name).toBe('VerifyTOTPPerUserPerIP')
  })

  test('does not stand behind those who have none where it is optional (16)', async () => {
    const client = flowClient(await projectWith({}))
    await signUp(server, client, email, password)
    expect(kindOf(await afterPassword(client))).toBe('finished')
  })

  test('cannot be had at login without a grace period (17), and is set up within one (18)', async () => {
    const at = (authentication: object) => server.project({ id: 'grace-totp', verification, authentication })
    const client = flowClient(await at({ secondary_authentication_mode: 'disabled' }))
    await signUp(server, client, email, password)
    const period = (end_at?: string) => ({
      ...required,
      secondary_authentication_grace_period: { enabled: true, ...(end_at === undefined ? {} : { end_at }) },
    })
    for (const config of [required, period('2020-01-01T00:00:00Z')]) {
      await at(config)
      expect((await afterPassword(client)).body.error).toMatchObject({
        reason: 'InvariantViolated',
        info: { cause: { kind: 'NoAuthenticator' } },
      })
    }
    await at(period())
    const enrolling = await afterPassword(client)
    expect(enrolling.body.result.action).toMatchObject({
      type: 'authenticate',
      data: { type: 'create_authenticator_data', options: [{ authentication: 'secondary_totp' }] },
    })
    const set = await client.input(enrolling, { authentication: 'secondary_totp' })
    const { secret } = dataOf(set)
    expect((await client.input(set, { code: '000000' })).body.error.info.AuthenticationType).toBe('totp')
    expect(kindOf(await client.input(set, { code: codeOf(secret) }))).toBe('finished')
    await minute()
    await at(required)
    const asked = await afterPassword(client)
    expect(dataOf(asked).options).toEqual([{ authentication: 'secondary_totp' }])
    // The time step that proved the set-up has been used; a minute later there is another.
    expect(kindOf(await client.input(asked, { authentication: 'secondary_totp', code: codeOf(secret) }))).toBe(
      'finished',
    )
  })

  test('may be set up by the one user whom an administrator gives time, for ninety days at most (19)', async () => {
    const at = (authentication: object) => server.project({ id: 'grace-one', verification, authentication })
    const project = await at({ secondary_authentication_mode: 'disabled' })
    const client = flowClient(project)
    await signUp(server, client, email, password)
    await signUp(server, client, 'bo@example.com', password)
    await at(required)
    const found = (await server.admin(
      `{ users(searchKeyword: "${email}") { edges { node { id mfaGracePeriodEndAt } } } }`,
      {},
      project,
    )) as { users: { edges: { node: { id: string; mfaGracePeriodEndAt: null } }[] } }
    const user = found.users.edges[0]?.node
    expect(user?.mfaGracePeriodEndAt).toBeNull()
    const set = (days: number) =>
      server.admin(
        `mutation ($id: ID!, $at: DateTime!) { setMFAGracePeriod(input: { userID: $id, endAt: $at }) { user { mfaGracePeriodEndAt } } }`,
        { id: user?.id, at: new Date(server.clock.now().getTime() + days * 86_400_000).toISOString() },
        project,
      )
    await expect(set(91)).rejects.toThrow('MFAGracePeriodInvalid')
    await expect(set(-1)).rejects.toThrow('MFAGracePeriodInvalid')
    await set(7)
    expect(dataOf(await afterPassword(client)).type).toBe('create_authenticator_data')
    const other = await client.input(await client.create('login'), {
      identification: 'email',
      login_id: 'bo@example.com',
    })
    const refused = await client.input(other, { authentication: 'primary_password', password })
    expect(refused.body.error.info.cause.kind).toBe('NoAuthenticator')
    await server.admin(
      'mutation ($id: ID!) { removeMFAGracePeriod(input: { userID: $id }) { user { id } } }',
      { id: user?.id },
      project,
    )
    expect((await afterPassword(client)).body.error.info.cause.kind).toBe('NoAuthenticator')
  })

  test('is sealed in the database', async () => {
    const project = await projectWith(required)
    const { secret, recoveryCodes } = await signUpWithApp(flowClient(project))
    const { query } = server.node.world.db
    for (const table of ['authenticator', 'recovery_code', 'recovery_code_set', 'flow', 'flow_state'] as const) {
      const text = JSON.stringify(
        await query.selectFrom(table).selectAll().where('project_id', '=', project.id).execute(),
      )
      for (const hidden of [secret, ...recoveryCodes]) expect(text.includes(hidden), table).toBe(false)
    }
  })
})

describe('a recovery code', () => {
  test('lets its owner in once, however it is typed (20)', async () => {
    const project = await projectWith(required)
    const client = flowClient(project)
    const { recoveryCodes } = await signUpWithApp(client)
    const [first = '', second = ''] = recoveryCodes
    const use = async (recovery_code: string) =>
      client.input(await afterPassword(client), { authentication: 'recovery_code', recovery_code })
    expect(kindOf(await use(`${first.slice(0, 5).toLowerCase()}-${first.slice(5)}`))).toBe('finished')
    expect(await amrOf(project)).toEqual(['mfa', 'pwd', 'x_primary_password', 'x_recovery_code'])
    expect((await use(first)).body.error).toMatchObject({
      code: 401,
      reason: 'InvalidCredentials',
      info: { AuthenticationType: 'recovery_code' },
    })
    expect(kindOf(await use(second.replaceAll('0', 'o').replaceAll('1', 'l')))).toBe('finished')
  })

  test('is no way in when it would be the only one (21)', async () => {
    const at = (authentication: object) => server.project({ id: 'only-codes', verification, authentication })
    const client = flowClient(await at(required))
    await signUpWithApp(client)
    await at({ ...required, secondary_authenticators: ['password'] })
    expect((await afterPassword(client)).body.error).toMatchObject({
      reason: 'InvariantViolated',
      info: { cause: { kind: 'NoAuthenticator' } },
    })
  })

  test('does not exist where the project wants none', async () => {
    const client = flowClient(await projectWith({ ...required, recovery_code: { disabled: true } }))
    const { codes } = await signUpWithApp(client)
    expect(kindOf(codes)).toBe('finished')
    expect(dataOf(await afterPassword(client)).options).toEqual([{ authentication: 'secondary_totp' }])
  })

  test('of the number that the project says', async () => {
    const client = flowClient(await projectWith({ ...required, recovery_code: { count: 12 } }))
    expect((await signUpWithApp(client)).recoveryCodes.length).toBe(12)
  })
})

describe('a trusted device', () => {
  const cookieOf = (answer: FlowAnswer) => answer.cookies.find((line) => /mfa_device_token=/.test(line))

  test('is not asked for the second factor, until its days are over (22)', async () => {
    const project = await projectWith(required)
    const client = flowClient(project)
    const { secret, finished } = await signUpWithApp(client)
    expect(cookieOf(finished)).toBeUndefined()
    const answer = await client.input(await afterPassword(client), {
      authentication: 'secondary_totp',
      code: codeOf(secret),
      request_device_token: true,
    })
    const line = cookieOf(answer) ?? ''
    expect(line).toMatch(/mfa_device_token=[A-Z2-7]{64}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/)
    const trusted = flowClient(project, { cookie: line.split(';')[0] ?? '' })
    expect(kindOf(await afterPassword(trusted))).toBe('finished')
    // The device spares the second factor; it is none.
    expect(await amrOf(project)).toEqual(['pwd', 'x_device_token', 'x_primary_password'])
    expect(kindOf(await afterPassword(client))).toBe('authenticate')
    await server.clock.advance(30 * 86_400_000)
    expect(kindOf(await afterPassword(trusted))).toBe('authenticate')
  })

  test('is only that of its own user', async () => {
    const project = await projectWith(required)
    const client = flowClient(project)
    const { secret } = await signUpWithApp(client)
    const answer = await client.input(await afterPassword(client), {
      authentication: 'secondary_totp',
      code: codeOf(secret),
      request_device_token: true,
    })
    const cookie = cookieOf(answer)?.split(';')[0] ?? ''
    const asked = await client.input(await client.create('signup'), {
      identification: 'email',
      login_id: 'bo@example.com',
    })
    const second = await client.input(asked, { authentication: 'primary_password', new_password: password })
    const set = await client.input(second, { authentication: 'secondary_totp' })
    const codes = await client.input(set, { code: codeOf(dataOf(set).secret) })
    await client.input(codes, { confirm_recovery_code: true })
    const other = flowClient(project, { cookie })
    const login = await other.input(await other.create('login'), {
      identification: 'email',
      login_id: 'bo@example.com',
    })
    expect(kindOf(await other.input(login, { authentication: 'primary_password', password }))).toBe('authenticate')
  })

  test('is not offered where the project trusts none', async () => {
    const client = flowClient(await projectWith({ ...required, device_token: { disabled: true } }))
    const { secret } = await signUpWithApp(client)
    const asked = await afterPassword(client)
    expect(dataOf(asked).device_token_enabled).toBe(false)
    const answer = await client.input(asked, {
      authentication: 'secondary_totp',
      code: codeOf(secret),
      request_device_token: true,
    })
    expect([kindOf(answer), cookieOf(answer)]).toEqual(['finished', undefined])
  })
})

describe('a locked account', () => {
  const lockout = (lockout_type: string, more: object = {}) => ({
    rate_limits: unlimited,
    lockout: {
      max_attempts: 3,
      history_duration: '1h',
      minimum_duration: '1m',
      maximum_duration: '10m',
      backoff_factor: 2,
      lockout_type,
      password: { enabled: true },
      totp: { enabled: true },
      recovery_code: { enabled: true },
      ...more,
    },
  })

  test('opens to nobody, not even to the right password, until its time is over (42)', async () => {
    const project = await projectWith(lockout('per_user'))
    const client = flowClient(project)
    await signUp(server, client, email, password)
    const wrong = () => afterPassword(client, 'not this one')
    expect([(await wrong()).status, (await wrong()).status]).toEqual([401, 401])
    const third = await wrong()
    expect(third.body.error).toMatchObject({ code: 429, reason: 'AccountLockout' })
    const until = new Date(third.body.error.info.until).getTime()
    expect(Math.round((until - server.clock.now().getTime()) / 1000)).toBeLessThanOrEqual(60)
    expect((await afterPassword(client)).body.error).toMatchObject({ reason: 'AccountLockout' })
    expect((await afterPassword(flowClient(project, { ip: '203.0.113.9' }))).body.error.reason).toBe('AccountLockout')
    await server.clock.advance(61_000)
    const fourth = await wrong()
    expect(new Date(fourth.body.error.info.until).getTime() - server.clock.now().getTime()).toBeGreaterThan(110_000)
    await server.clock.advance(121_000)
    expect(kindOf(await afterPassword(client))).toBe('finished')
  })

  test('stays open from other addresses where each counts for itself (43)', async () => {
    const project = await projectWith(lockout('per_user_per_ip'))
    const [here, there] = [flowClient(project, { ip: '203.0.113.1' }), flowClient(project, { ip: '203.0.113.2' })]
    await signUp(server, here, email, password)
    for (let n = 0; n < 3; n++) await afterPassword(here, 'not this one')
    expect((await afterPassword(here)).body.error.reason).toBe('AccountLockout')
    expect(kindOf(await afterPassword(there))).toBe('finished')
  })

  test('forgives the address that signs in, no other one; an administrator forgives all (44)', async () => {
    const project = await projectWith(lockout('per_user'))
    const [here, there] = [flowClient(project, { ip: '203.0.113.1' }), flowClient(project, { ip: '203.0.113.2' })]
    await signUp(server, here, email, password)
    await afterPassword(here, 'not this one')
    await afterPassword(there, 'not this one')
    expect(kindOf(await afterPassword(here))).toBe('finished')
    // One of the two failures is left: one more is borne, and the next one locks.
    expect((await afterPassword(here, 'not this one')).status).toBe(401)
    expect((await afterPassword(here, 'not this one')).status).toBe(429)
    const found = (await server.admin(
      '{ users { edges { node { id accountLockout { lockoutType isLocked lockedUntil lockedIPs { ipAddress } } } } } }',
      {},
      project,
    )) as { users: { edges: { node: { id: string; accountLockout: object } }[] } }
    const user = found.users.edges[0]?.node
    expect(user?.accountLockout).toMatchObject({ lockoutType: 'PER_USER', isLocked: true, lockedIPs: [] })
    await server.admin(
      'mutation ($id: ID!) { resetAccountLockout(input: { userID: $id }) { user { accountLockout { isLocked } } } }',
      { id: user?.id },
      project,
    )
    expect(kindOf(await afterPassword(here))).toBe('finished')
    for (const _ of [1, 2]) expect((await afterPassword(there, 'not this one')).status).toBe(401)
  })

  test('is locked by however many guesses at once, of which three are looked at', async () => {
    const project = await projectWith(lockout('per_user'))
    const client = flowClient(project)
    await signUp(server, client, email, password)
    const begun = await client.input(await client.create('login'), { identification: 'email', login_id: email })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        client.input(begun, { authentication: 'primary_password', password: `guess number ${n}` }),
      ),
    )
    expect(answers.filter((one) => one.status === 401).length).toBe(2)
    expect(answers.filter((one) => one.body.error?.reason === 'AccountLockout').length).toBe(38)
  })

  test('counts wrong codes of an app and of recovery; a right password does not make them good', async () => {
    const project = await projectWith({ ...required, ...lockout('per_user') })
    const client = flowClient(project)
    await signUpWithApp(client)
    const guess = async (input: object) => (await client.input(await afterPassword(client), input)).status
    expect(await guess({ authentication: 'secondary_totp', code: '000000' })).toBe(401)
    expect(await guess({ authentication: 'recovery_code', recovery_code: '00000-00000' })).toBe(401)
    expect(await guess({ authentication: 'secondary_totp', code: '000001' })).toBe(429)
    expect((await afterPassword(client)).body.error.reason).toBe('AccountLockout')
  })
})
