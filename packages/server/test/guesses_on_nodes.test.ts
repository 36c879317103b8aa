// Two hundred guesses at once, spread over two nodes on one database: what counts once counts once, and limits hold.
import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { fetchByName } from './support/by_name.ts'
import { createDatabase } from './support/postgres.ts'
import { headgear, onPostgres } from './support/store.ts'

const password = 'correct but secret'
const email = 'ana@example.com'
const never = { enabled: false }
const authentication = {
  secondary_authenticators: ['totp'],
  secondary_authentication_mode: 'required',
  rate_limits: { general: { per_ip: never, per_user_per_ip: never }, account_enumeration: { per_ip: never } },
}
const lockout = {
  max_attempts: 5,
  history_duration: '1h',
  minimum_duration: '1m',
  maximum_duration: '1h',
  lockout_type: 'per_user',
  totp: { enabled: true },
  recovery_code: { enabled: true },
}

// The embedded database belongs to one process.
describe.runIf(onPostgres)('two nodes', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let nodes: Headgear[]
  beforeAll(async () => {
    database = await createDatabase()
    const databaseUrl = database.url
    nodes = [await headgear({ databaseUrl }), await headgear({ databaseUrl })]
  })
  afterAll(async () => {
    for (const node of nodes) await node.stop()
    await database.drop()
  })

  let turn = 0
  // biome-ignore lint/suspicious/noExplicitAny: JSON as it came
  async function post(project: DevelopmentProject, path: string, body: object): Promise<{ status: number; body: any }> {
    turn += 1
    const node = nodes[turn % 2] as Headgear
    const url = new URL(`/api/v1/authentication_flows${path}`, project.local_origin)
    const response = await fetchByName(node.origin.replace('localhost', '127.0.0.1'), url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }

  async function walk(project: DevelopmentProject, type: string, inputs: object[]) {
    let at = await post(project, '', { type, name: 'default' })
    for (const input of inputs)
      at = await post(project, '/states/input', { state_token: at.body.result.state_token, input })
    return at
  }

  /** Somebody with an app. @returns its secret and their recovery codes. */
  async function someone(more: object = {}) {
    const [first] = nodes
    const project = await (first as Headgear).project({
      verification: { claims: { email: { enabled: false, required: false } } },
      authentication: { ...authentication, ...more },
    })
    for (const node of nodes) await node.node.log.poll()
    const set = await walk(project, 'signup', [
      { identification: 'email', login_id: email },
      { authentication: 'primary_password', new_password: password },
      { authentication: 'secondary_totp' },
    ])
    const { secret } = set.body.result.action.data
    const timestamp = () => (first as Headgear).clock.now().getTime()
    const code = () => new TOTP({ secret }).generate({ timestamp: timestamp() })
    const codes = await post(project, '/states/input', {
      state_token: set.body.result.state_token,
      input: { code: code() },
    })
    const recovery: string[] = codes.body.result.action.data.recovery_codes
    await post(project, '/states/input', {
      state_token: codes.body.result.state_token,
      input: { confirm_recovery_code: true },
    })
    await (first as Headgear).clock.advance(60_000)
    for (const node of nodes) await node.node.log.poll()
    return { project, code, recovery }
  }

  const asked = (project: DevelopmentProject) =>
    walk(project, 'login', [
      { identification: 'email', login_id: email },
      { authentication: 'primary_password', password },
    ])

  /** The same question, answered 200 times at once. */
  async function flood(project: DevelopmentProject, inputOf: (n: number) => object) {
    const states = await Promise.all([asked(project), asked(project), asked(project), asked(project)])
    return Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        post(project, '/states/input', { state_token: states[n % 4]?.body.result.state_token, input: inputOf(n) }),
      ),
    )
  }

  test('take a recovery code once, however often it comes (20)', async () => {
    const { project, recovery } = await someone()
    const answers = await flood(project, () => ({ authentication: 'recovery_code', recovery_code: recovery[0] }))
    expect(answers.filter((one) => one.status === 200).length).toBe(1)
    expect(answers.filter((one) => one.status === 401 || one.status === 404).length).toBe(199)
  })

  test('take the code of a time step once', async () => {
    const { project, code } = await someone()
    const now = code()
    const answers = await flood(project, () => ({ authentication: 'secondary_totp', code: now }))
    expect(answers.filter((one) => one.status === 200).length).toBe(1)
  })

  test('look at ten guesses of a minute, and no more', async () => {
    const { project } = await someone({ rate_limits: { account_enumeration: { per_ip: never } } })
    const answers = await flood(project, (n) => ({
      authentication: 'recovery_code',
      recovery_code: `AAAAA-${10_000 + n}`,
    }))
    expect(answers.filter((one) => one.status === 401).length).toBe(10)
    expect(answers.filter((one) => one.status === 429).length).toBe(190)
  })

  test('lock an account after five guesses together (42)', async () => {
    const { project } = await someone({ lockout })
    const answers = await flood(project, (n) => ({ authentication: 'secondary_totp', code: String(100_000 + n) }))
    expect(answers.filter((one) => one.status === 401).length).toBe(4)
    expect(answers.filter((one) => one.body.error?.reason === 'AccountLockout').length).toBe(196)
  })
})
