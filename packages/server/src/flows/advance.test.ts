// Properties of the engine over configurations, users and answers at random. A small stand-in for the world answers
// questions and errands with the facts that checks leave.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { check } from '../config/faults.ts'
import { parseConfig } from '../config/parse.ts'
import type { Config } from '../config/schema.ts'
import { askedOf, type Form } from '../pages/page.ts'
import { pages } from '../pages/pages.ts'
import type { Visit } from '../pages/visit.ts'
import { advance } from './advance.ts'
import type { FlowView } from './answer.ts'
import { type FlowType, flowTypes } from './config.ts'
import type { Flow, FlowContext } from './definition.ts'
import type { Fact, KnownUser } from './facts.ts'
import { flowSteps, successors, termsOf } from './generate.ts'
import { branchesOf, loginIdOfRun, placeAt, type Run } from './run.ts'
import { partsOf } from './steps/factors.ts'
import { rulesOf } from './steps.ts'
import type { Errand, Question } from './turn.ts'

const now = new Date('2030-01-01T00:00:00Z')
const userId = '6b1f6d3e-0000-4000-8000-000000000001'

// ---- a world at random --------------------------------------------------------------------------------------------

const subset = <T>(items: T[], minLength = 0) => fc.shuffledSubarray(items, { minLength })

const projects = fc
  .record({
    keys: subset(['email', 'phone', 'username'], 1),
    primary: subset(['password', 'oob_otp_email', 'oob_otp_sms'], 1),
    secondary: subset(['password', 'oob_otp_email', 'oob_otp_sms', 'totp'], 1),
    mode: fc.constantFrom('disabled', 'if_exists', 'required'),
    verify: fc.boolean(),
    link: fc.boolean(),
    phone: fc.constantFrom('sms', 'whatsapp_sms'),
    grace: fc.boolean(),
    form: fc.constantFrom('code', 'link'),
  })
  .map(({ keys, primary, secondary, mode, verify, link, phone, grace, form }): Config => {
    const parsed = parseConfig(
      stringify({
        id: 'a',
        http: { public_origin: 'https://a.example.com' },
        identity: { login_id: { keys: keys.map((type) => ({ type })) } },
        authentication: {
          primary_authenticators: primary,
          secondary_authenticators: secondary,
          secondary_authentication_mode: mode,
          secondary_authentication_grace_period: { enabled: grace },
        },
        authenticator: {
          oob_otp: { email: { email_otp_mode: link ? 'login_link' : 'code' }, sms: { phone_otp_mode: phone } },
        },
        verification: { claims: { email: { required: verify }, phone_number: { required: verify } } },
        ui: {
          forgot_password: {
            email: [{ channel: 'email', otp_form: form }],
            phone: [{ channel: 'sms', otp_form: form }],
          },
        },
        authentication_flow: {
          signup_flows: [
            {
              name: 'profile',
              steps: [
                { type: 'identify', one_of: keys.map((identification) => ({ identification })) },
                { type: 'fill_in_user_profile', user_profile: [{ pointer: '/given_name', required: true }] },
              ],
            },
          ],
        },
      }),
    )
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults))
    return parsed.config
  })

const users = fc
  .record({
    password: fc.boolean(),
    second: subset(['password', 'oob_otp_email', 'oob_otp_sms', 'totp']),
    trusted: fc.boolean(),
    verified: fc.boolean(),
  })
  .map(
    ({ password, second, verified, trusted }): KnownUser => ({
      id: userId,
      ...(second.length > 0 ? { recoveryCodes: trusted ? 0 : 16 } : {}),
      loginIds: (['email', 'phone', 'username'] as const).map((type) => ({
        id: type,
        key: type,
        type,
        value: values[type],
        original: values[type],
        uniqueKey: values[type],
      })),
      authenticators: [
        ...(password ? [{ id: 'p', type: 'password', kind: 'primary' as const, target: null }] : []),
        ...second.map((type) => ({
          id: `s-${type}`,
          type,
          kind: 'secondary' as const,
          target:
            type === 'password' || type === 'totp'
              ? null
              : type === 'oob_otp_sms'
                ? '+85291111111'
                : 'second@example.com',
        })),
      ],
      verified: verified ? [{ name: 'email', value: values.email }] : [],
      displayName: 'Ana',
    }),
  )

const values = { email: 'ana@example.com', phone: '+85298765432', username: 'ana' }

const contexts = fc.record({ account: fc.boolean(), oneSession: fc.boolean(), hint: fc.boolean() }).map(
  ({ account, oneSession, hint }): FlowContext => ({
    origin: 'https://a.example.com',
    browserSession: true,
    clientId: 'app',
    ...(oneSession ? { oneSession } : {}),
    ...(hint ? { hint: { sub: userId } } : {}),
    ...(account ? { account: { session: 'AAAA', userId, displayName: 'Ana' } } : {}),
  }),
)

const cases = fc.record({
  config: projects,
  user: users,
  context: contexts,
  type: fc.constantFrom(...flowTypes),
  name: fc.constantFrom('default', 'default', 'default', 'profile'),
  known: fc.boolean(),
  picks: fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 }),
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

function flowOf({ config, type, name, context }: Case): Flow | undefined {
  const steps = flowSteps(config, type, name)
  return steps && { ...steps, others: successors(config, steps), terms: termsOf(config, now), context }
}

function errandFacts(errand: Errand, { user, picks }: Case): Fact[] | undefined {
  const { at } = errand
  switch (errand.errand) {
    case 'meet_user':
      return [{ at, kind: 'user', user }]
    case 'send':
      return [{ at, kind: 'sent', sending: errand.sending, again: 0 }]
    case 'look_at_device':
      return (picks[1] ?? 0) % 2 === 0
        ? [{ at, kind: 'device_looked_at' }]
        : [
            { at, kind: 'device_looked_at' },
            { at, kind: 'authenticated', branch: errand.branch, authentication: 'device_token', device: 'AAAA' },
          ]
    case 'make_recovery_codes':
      return [{ at, kind: 'recovery_codes', sealed: 'sealed codes' }]
    case 'check_status':
      return [{ at, kind: 'status_ok' }]
    case 'count_sessions':
      return [{ at, kind: 'other_sessions', count: (picks[0] ?? 0) % 2 }]
    case 'refuse':
      return undefined
  }
}

/** An answer to a question, from its data alone, as a program would give it. */
function inputFor(question: Question, pick: number): Record<string, unknown> {
  const { data } = question
  const of = <T>(items: readonly T[]): T => items[pick % items.length] as T
  switch (data.type) {
    case 'identification_data': {
      const option = of(data.options)
      if (option.identification === 'select_account')
        return { identification: 'select_account', index: data.options.indexOf(option) }
      if (option.identification === 'id_token') return { identification: 'id_token', id_token: 'e30.e30.e30' }
      return { identification: option.identification, login_id: values[option.identification as 'email'] }
    }
    case 'account_recovery_identification_data':
      return { identification: of(data.options).identification, login_id: values[of(data.options).identification] }
    case 'authentication_data': {
      const option = of(data.options)
      if (option.authentication.endsWith('_password'))
        return { authentication: option.authentication, password: 'secret word' }
      if (option.authentication === 'secondary_totp') return { authentication: 'secondary_totp', code: '123456' }
      if (option.authentication === 'recovery_code')
        return { authentication: 'recovery_code', recovery_code: 'ABCDE-01234' }
      const channel = (option.channels?.length ?? 0) > 1 ? { channel: of(option.channels ?? []) } : {}
      return { authentication: option.authentication, index: data.options.indexOf(option), ...channel }
    }
    case 'create_authenticator_data': {
      const option = of(data.options)
      if (option.authentication.endsWith('_password'))
        return { authentication: option.authentication, new_password: 'secret word' }
      if (option.authentication === 'secondary_totp') return { authentication: 'secondary_totp' }
      const target = option.authentication.endsWith('sms') ? '+85292222222' : 'third@example.com'
      return { authentication: option.authentication, ...(option.target === undefined ? { target } : {}) }
    }
    case 'create_totp_data':
      return { code: '123456' }
    case 'view_recovery_code_data':
      return { confirm_recovery_code: true }
    case 'select_oob_otp_channels_data':
      return { channel: of(data.channels) }
    case 'verify_oob_otp_data':
      return data.otp_form === 'link' ? { check: true } : { code: '123456' }
    case 'account_recovery_select_destination_data':
      return { index: pick % data.options.length }
    case 'account_recovery_verify_code_data':
      return { account_recovery_code: '123456' }
    case 'new_password_data':
      return { new_password: 'secret word' }
    default:
      return question.step === 'terminate_other_sessions'
        ? { confirm_terminate_other_sessions: true }
        : { attributes: [{ pointer: '/given_name', value: 'Ana' }] }
  }
}

/** The facts that the step's check would leave of this input. */
function answerFacts(run: Run, question: Question, input: Record<string, unknown>, { known, user }: Case): Fact[] {
  const { at } = question
  const place = placeAt(run, at)
  const branchOf = (name: unknown) =>
    branchesOf(place.config).findIndex(
      (branch) => ('identification' in branch ? branch.identification : branch.authentication) === name,
    )
  const { data } = question
  if (question.step === 'identify') {
    const type = input.identification as 'email' | 'select_account' | 'id_token'
    const branch = branchOf(type)
    const written = branchesOf(place.config)[branch] as { signup_flow?: string; login_flow?: string }
    const direct = type === 'select_account' || type === 'id_token'
    if (place.flow.type === 'signup_login') {
      const login = known || direct
      return [
        {
          at,
          kind: 'became',
          type: login ? 'login' : 'signup',
          name: (login ? written.login_flow : written.signup_flow) ?? 'default',
        },
      ]
    }
    if (place.flow.type === 'promote' && known) return [{ at, kind: 'became', type: 'login', name: place.flow.name }]
    if (direct)
      return [
        {
          at,
          kind: 'identified',
          branch,
          identification: type,
          userId,
          ...(type === 'select_account' ? { session: 'AAAA' } : {}),
        },
      ]
    const loginId = { key: type, type, value: values[type], original: values[type], uniqueKey: values[type] }
    const fresh =
      place.flow.type === 'signup' ||
      place.flow.type === 'promote' ||
      (place.flow.type === 'account_recovery' && !known)
    return [{ at, kind: 'identified', branch, identification: type, loginId, ...(fresh ? {} : { userId: user.id }) }]
  }
  if (data.type === 'select_oob_otp_channels_data') return [{ at, kind: 'channel', channel: input.channel as 'sms' }]
  if (data.type === 'verify_oob_otp_data') {
    const chose = run.facts.findLast((fact) => fact.kind === 'chose' && fact.at === at)
    const name = data.channel === 'email' ? ('email' as const) : ('phone_number' as const)
    const target = question.waitsFor?.target ?? ''
    if (chose?.kind !== 'chose') return [{ at, kind: 'verified', claim: { name, value: target } }]
    const { kind, type } = partsOf(chose.authentication)
    if (question.waitsFor?.message.startsWith('setup') !== true)
      return [{ at, kind: 'authenticated', branch: chose.branch, authentication: chose.authentication, target }]
    return [
      { at, kind: 'verified', claim: { name, value: target } },
      {
        at,
        kind: 'created',
        branch: chose.branch,
        authentication: chose.authentication as 'primary_oob_otp_email',
        authenticator: { type: type as 'oob_otp_email', kind, target },
      },
    ]
  }
  if (data.type === 'view_recovery_code_data') return [{ at, kind: 'confirmed' }]
  if (data.type === 'create_totp_data') {
    const chose = run.facts.findLast((fact) => fact.kind === 'chose' && fact.at === at)
    const authenticator = { type: 'totp' as const, kind: 'secondary' as const, sealed: question.sealed ?? '', step: 1 }
    const branch = chose?.kind === 'chose' ? chose.branch : 0
    return [{ at, kind: 'created', branch, authentication: 'secondary_totp', authenticator }]
  }
  if (data.type === 'authentication_data' || data.type === 'create_authenticator_data') {
    const authentication = input.authentication as 'primary_password'
    const branch = branchOf(authentication)
    const { kind, type } = partsOf(authentication)
    if (type === 'totp' || type === 'recovery_code')
      return data.type === 'authentication_data'
        ? [{ at, kind: 'authenticated', branch, authentication }]
        : [
            { at, kind: 'chose', branch, authentication, target: '' },
            { at, kind: 'totp_secret', sealed: 'sealed secret' },
          ]
    if (type === 'password')
      return data.type === 'authentication_data'
        ? [
            {
              at,
              kind: 'authenticated',
              branch,
              authentication,
              authenticatorId: 'p',
              ...(user.verified.length > 0 ? { change: 'policy' as const } : {}),
            },
          ]
        : [
            {
              at,
              kind: 'created',
              branch,
              authentication,
              authenticator: { type: 'password', kind, hash: '$argon2id$x' },
            },
          ]
    const option = data.options.find((one) => one.authentication === authentication)
    const reached = type === 'oob_otp_sms' ? values.phone : values.email
    const made = option !== undefined && 'target' in option && option.target?.verification_required === false
    if (made)
      return [
        {
          at,
          kind: 'created',
          branch,
          authentication,
          authenticator: { type: type as 'oob_otp_email', kind, target: reached },
        },
      ]
    const channel = input.channel ?? (option?.channels?.length === 1 ? option.channels[0] : undefined)
    return [
      { at, kind: 'chose', branch, authentication, target: (input.target as string | undefined) ?? reached },
      ...(channel === undefined ? [] : [{ at, kind: 'channel' as const, channel: channel as 'sms' }]),
    ]
  }
  if (data.type === 'account_recovery_select_destination_data') {
    const option = data.options[input.index as number]
    if (option === undefined) throw new Error('no option')
    return [
      {
        at,
        kind: 'destination',
        target: values.email,
        channel: option.channel,
        form: option.otp_form,
        masked: option.masked_display_name,
      },
    ]
  }
  if (data.type === 'account_recovery_verify_code_data') return [{ at, kind: 'recovery_verified' }]
  if (data.type === 'new_password_data')
    return question.step === 'reset_password'
      ? [{ at, kind: 'password_reset', hash: '$argon2id$x' }]
      : [{ at, kind: 'password_changed', authenticatorId: 'p', hash: '$argon2id$x' }]
  return question.step === 'terminate_other_sessions'
    ? [{ at, kind: 'confirmed' }]
    : [{ at, kind: 'profile', attributes: input.attributes as [] }]
}

type Walk = {
  flow: Flow
  asked: { question: Question; facts: Fact[]; input: Record<string, unknown> }[]
  end: 'finished' | 'refused' | 'stuck'
  facts: Fact[]
}

function walk(one: Case): Walk | undefined {
  const flow = flowOf(one)
  if (flow === undefined) return undefined
  let facts: Fact[] = []
  const asked: Walk['asked'] = []
  for (let turns = 0; turns < 60; turns++) {
    const turn = advance(flow, facts)
    if (turn.kind === 'finished') return { flow, asked, end: 'finished', facts }
    if (turn.kind === 'errand') {
      const more = errandFacts(turn, one)
      if (more === undefined) return { flow, asked, end: 'refused', facts }
      facts = [...facts, ...more]
      continue
    }
    const options = 'options' in turn.data ? turn.data.options : undefined
    // No identity fits (a recovery for usernames alone): nothing can be answered.
    if (options?.length === 0) return { flow, asked, end: 'refused', facts }
    const input = inputFor(turn, one.picks[asked.length] ?? 0)
    asked.push({ question: turn, facts, input })
    facts = [...facts, ...answerFacts({ flow, facts }, turn, input, one)]
  }
  return { flow, asked, end: 'stuck', facts }
}

function accepts(flow: Flow, question: Question, facts: readonly Fact[], input: Record<string, unknown>) {
  const run: Run = { flow, facts }
  const rules = rulesOf(question.step)
  if (rules === undefined) throw new Error(`no rules for ${question.step}`)
  return check(rules.accepts(question, placeAt(run, question.at) as never, run, input), input)
}

// ---- properties ---------------------------------------------------------------------------------------------------

const runs = { numRuns: 600 }

describe('every flow', () => {
  test('settles: it ends or is refused, and asks no question twice', () => {
    const ends = new Map<string, number>()
    fc.assert(
      fc.property(cases, (one) => {
        const walked = walk(one)
        if (walked === undefined) return
        expect(walked.end).not.toBe('stuck')
        const keys = walked.asked.map(({ question }) => `${question.at} ${question.stage}`)
        expect(new Set(keys).size).toBe(keys.length)
        ends.set(`${one.type} ${walked.end}`, (ends.get(`${one.type} ${walked.end}`) ?? 0) + 1)
      }),
      runs,
    )
    for (const type of flowTypes)
      expect(ends.get(`${type} finished`) ?? 0, `${type} never finished: ${JSON.stringify([...ends])}`).toBeGreaterThan(
        0,
      )
  })

  test('asks the same of the same facts, also after they were stored and read again', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const walked = walk(one)
        if (walked === undefined) return
        const stored = JSON.parse(JSON.stringify(walked.flow)) as Flow
        for (const { question, facts } of walked.asked) {
          expect(advance(walked.flow, facts)).toEqual(question)
          expect(advance(stored, JSON.parse(JSON.stringify(facts)))).toEqual(question)
        }
      }),
      runs,
    )
  })

  test('lets nobody in without proof, and never by a code that was not sent', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const walked = walk(one)
        if (walked?.end !== 'finished' || (one.type !== 'login' && one.type !== 'reauth')) return
        const went = walked.facts.some((fact) => fact.kind === 'identified' && fact.session !== undefined)
        const proofs = walked.facts.filter((fact) => fact.kind === 'authenticated')
        if (!went || one.type === 'reauth') expect(proofs.length).toBeGreaterThan(0)
        if (one.config.authentication.secondary_authentication_mode === 'required' && !went && one.type === 'login') {
          const second = walked.facts.some(
            (fact) =>
              (fact.kind === 'authenticated' || fact.kind === 'created') &&
              /^secondary_|^recovery_code$|^device_token$/.test(fact.authentication),
          )
          expect(second).toBe(true)
        }
        for (const { question, facts } of walked.asked)
          if (question.waitsFor !== undefined)
            expect(facts.some((fact) => fact.kind === 'sent' && fact.at === question.at)).toBe(true)
      }),
      runs,
    )
  })

  test('shows of an address only its mask, unless the person named it', () => {
    fc.assert(
      fc.property(cases, (one) => {
        for (const { question } of walk(one)?.asked ?? [])
          expect(JSON.stringify(question.data)).not.toMatch(
            /second@example\.com|ana@example\.com|85291111111|85298765432/,
          )
      }),
      runs,
    )
  })
})

describe('inputs', () => {
  test('made from a question are accepted by it', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const walked = walk(one)
        for (const { question, facts, input } of walked?.asked ?? [])
          expect(
            accepts((walked as Walk).flow, question, facts, input),
            JSON.stringify([question.data, input]),
          ).toMatchObject({ ok: true })
      }),
      runs,
    )
  })

  test('that are anything else are refused or accepted, but break nothing', () => {
    fc.assert(
      fc.property(
        cases,
        fc.dictionary(
          fc.constantFrom(
            'identification',
            'authentication',
            'index',
            'code',
            'resend',
            'channel',
            'password',
            'new_password',
            'login_id',
            'check',
          ),
          fc.jsonValue(),
        ),
        (one, junk) => {
          const walked = walk(one)
          for (const { question, facts, input } of walked?.asked ?? []) {
            const { flow } = walked as Walk
            const checked = accepts(flow, question, facts, junk)
            if (!checked.ok) expect(checked.faults.length).toBeGreaterThan(0)
            // What else stands in the object is for other questions.
            expect(accepts(flow, question, facts, { ...input, unknown: junk })).toMatchObject({ ok: true })
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('of a page are those of the API', () => {
    const drawn = new Map<string, number>()
    fc.assert(
      fc.property(cases, fc.nat(5), (one, nth) => {
        const walked = walk(one)
        for (const { question, facts } of walked?.asked ?? []) {
          const { flow } = walked as Walk
          const view = viewFor(flow, question, facts)
          const asked = askedOf(view, nth)
          const page = pages.find((candidate) => candidate.draws(asked))
          if (page === undefined) throw new Error(`no page draws ${JSON.stringify(question.data)}`)
          // No person has an ID token to type; the hosted pages answer this with the hint of the request.
          if (
            question.data.type === 'identification_data' &&
            question.data.options.every((option) => option.identification === 'id_token')
          )
            continue
          for (const action of ['', 'submit', 'check', 'resend']) {
            const reading = page.read(formFor(asked.index), asked, action, visitOf(one.config))
            if (!('input' in reading)) continue
            drawn.set(page.path, (drawn.get(page.path) ?? 0) + 1)
            expect(
              accepts(flow, question, facts, reading.input),
              `${page.path} ${JSON.stringify([question.data, reading.input])}`,
            ).toMatchObject({ ok: true })
          }
        }
      }),
      runs,
    )
    for (const path of [
      '/login',
      '/signup',
      '/authflow/v2/enter_password',
      '/authflow/v2/create_password',
      '/authflow/v2/enter_oob_otp',
      '/authflow/v2/forgot_password',
      '/authflow/v2/reset_password',
      '/authflow/v2/change_password',
    ])
      expect(drawn.get(path) ?? 0, path).toBeGreaterThan(0)
  })
})

function viewFor(flow: Flow, question: Question, facts: readonly Fact[]): FlowView {
  const run: Run = { flow, facts }
  const { config } = placeAt(run, question.at)
  const loginId = loginIdOfRun(run)
  const state = {
    can_resend_at: now.toISOString(),
    failed_attempt_rate_limit_exceeded: false,
    can_check: true,
    delivery_status: 'sent',
  }
  return {
    stateToken: 'authflowstate_X',
    type: question.flow.type as FlowType,
    name: question.flow.name,
    action: {
      type: question.step,
      ...(question.authentication ? { authentication: question.authentication } : {}),
      data: { ...question.data, ...(question.waitsFor ? state : {}) } as never,
    },
    about: {
      ...(loginId ? { loginId } : {}),
      ...(config.type === 'fill_in_user_profile' ? { attributes: config.user_profile } : {}),
    },
    cookies: [],
  }
}

/** As much of a visit as reading a form takes. */
function visitOf(config: Config): Visit {
  return { c: { get: () => ({ config, world: {} }) } } as unknown as Visit
}

/** A form with something in every field that any page has. */
function formFor(index: number): Form {
  const fields: Record<string, string> = {
    x_login_id: values.email,
    x_password: 'secret word',
    x_new_password: 'secret word',
    x_confirm_password: 'secret word',
    x_code: '123456',
    x_target: 'third@example.com',
    x_channel: 'sms',
    x_option: String(index),
    x_index: String(index),
    given_name: 'Ana',
    '/given_name': 'Ana',
  }
  return { get: (name) => fields[name] ?? '', has: (name) => name in fields }
}
