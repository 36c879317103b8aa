// Whatever is sent to whichever door: a clear answer, nothing half-written, and never a fault of ours.
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminToken } from '../src/admin/token.ts'
import { makeApp } from '../src/app.ts'
import type { Headgear } from '../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './support/browser.ts'
import { codeTo } from './support/flow_client.ts'
import { type App, fullAccess, getTokens, openSite, type Site } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const spa: App = { client_id: 'spa', redirect_uri: 'https://spa.test/cb', scope: `openid offline_access ${fullAccess}` }
const password = 'Vexing, quartz jolt'

const lines: string[] = []
let server: Headgear
let site: Site
let tokens: Awaited<ReturnType<typeof getTokens>>['body']
/** Somebody at the settings, and a user whom only administrators touch. */
let ann: PlainBrowser
let bob: string

beforeAll(async () => {
  server = await headgear({ log: (line) => lines.push(line), trustProxy: ['127.0.0.0/8'] })
  site = await openSite(server, {
    oauth: {
      clients: [
        {
          client_id: 'spa',
          name: 'SPA',
          x_application_type: 'spa',
          redirect_uris: ['https://spa.test/cb'],
          post_logout_redirect_uris: ['https://spa.test/bye'],
        },
      ],
    },
    authentication: { identities: ['login_id', 'anonymous'], primary_authenticators: ['password', 'oob_otp_email'] },
    identity: { login_id: { keys: [{ type: 'email' }, { type: 'username' }, { type: 'phone' }] } },
  })
  tokens = (await getTokens(site, spa)).body
  ann = plainBrowser(site.made)
  await ann.open('/signup')
  await ann.send({ x_login_id: 'ann@example.com' })
  await ann.send({ x_code: codeTo(server, 'ann@example.com') })
  await ann.send({ x_password: password, x_confirm_password: password })
  expect(ann.page.url.pathname).toBe('/settings')
  const definition = { loginID: { key: 'username', value: 'bob' } }
  const made = await server.admin(
    'mutation ($definition: IdentityDefinition!) { createUser(input: { definition: $definition }) { user { id } } }',
    { definition },
    site.made,
  )
  bob = (made.createUser as { user: { id: string } }).user.id
})
afterAll(() => server?.stop())

// ---- sending ------------------------------------------------------------------------------------------------------

type Answer = { status: number; headers: Headers; text: string }
type Sent = RequestInit & { headers?: Record<string, string>; origin?: string }

let caller = 0
/** Each request comes from another address: nobody is slowed down. */
const anywhere = () => `198.18.${(++caller >> 8) & 255}.${caller & 255}`

async function send(path: string, { origin = site.origin, headers, ...init }: Sent = {}): Promise<Answer> {
  const from: Record<string, string> = origin === site.origin ? { 'x-forwarded-for': anywhere() } : {}
  const response = await fetch(origin + path, { redirect: 'manual', ...init, headers: { ...from, ...headers } })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const post = (path: string, type: string, body: string, headers: Record<string, string> = {}, origin = site.origin) =>
  send(path, { method: 'POST', headers: { 'content-type': type, ...headers }, body, origin })
const json = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  post(path, 'application/json', JSON.stringify(body), headers)
const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  post(path, 'application/x-www-form-urlencoded', new URLSearchParams(fields).toString(), {
    accept: 'text/html',
    ...headers,
  })
const page = (path: string, query: Record<string, string>, headers: Record<string, string> = {}) =>
  send(`${path}?${new URLSearchParams(query)}`, { headers: { accept: 'text/html', ...headers } })
const develop = (path: string, body: unknown) => post(path, 'application/json', JSON.stringify(body), {}, server.origin)

const asAdmin = () => ({
  authorization: `Bearer ${adminToken(site.made.id, site.made.admin_key, server.clock.now())}`,
})
const graphql = (query: string, variables: Record<string, unknown> = {}) =>
  json('/_api/admin/graphql', { query, variables }, asAdmin())
const ask = (field: string, variables: Record<string, [type: string, value: unknown]>) =>
  graphql(
    `query (${Object.entries(variables).map(([name, [type]]) => `$${name}: ${type}`)}) { ${field} }`,
    Object.fromEntries(Object.entries(variables).map(([name, [, value]]) => [name, value])),
  )
const change = (name: string, input: object) =>
  graphql(
    `mutation ($input: ${name.charAt(0).toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { __typename } }`,
    { input },
  )

const states = new Map<string, Promise<Answer>>()

/** Feeds a flow through the API. A state stays good, so the way to the last input is gone once. */
function flow(type: string, inputs: readonly object[]): Promise<Answer> {
  if (inputs.length === 0) return json('/api/v1/authentication_flows', { type, name: 'default' })
  const way = inputs.slice(0, -1)
  const key = JSON.stringify([type, way])
  const before = states.get(key) ?? flow(type, way)
  states.set(key, before)
  return before.then((answer) => {
    const { state_token } = JSON.parse(answer.text).result
    return json('/api/v1/authentication_flows/states/input', { state_token, input: inputs.at(-1) })
  })
}

const cookiesOf = (browser: PlainBrowser) => ({
  cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
})
const grant = (name: string, fields: Record<string, string>) =>
  form('/oauth2/token', {
    client_id: 'spa',
    grant_type: name.includes('_') || name.includes(':') ? name : `urn:authgear:params:oauth:grant-type:${name}`,
    ...fields,
  })
const refreshing = (fields: Record<string, string>) =>
  grant('refresh_token', { refresh_token: tokens.refresh_token, ...fields })
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** What a header can carry. */
const visible = (text: string) => text.replace(/[^\x21-\x7e\x80-\xff]/g, '_').slice(0, 4000)
const bearer = (text: string) => ({ authorization: `Bearer ${visible(text)}` })
const inUrl = (text: string) => encodeURIComponent(text.toWellFormed())

// ---- the doors, by the field that is filled ------------------------------------------------------------------------

type Door = (text: string) => Promise<Answer>

const protocol: Record<string, Door> = {
  'a path': (text) => page(`/${inUrl(text)}`, {}),
  'a path of an API': (text) => send(`/api/v1/${inUrl(text)}`),
  'resolver, query': (text) => page('/_resolver/resolve', { deny: text, [text]: text }),
  'resolver, cookie': (text) => send('/_resolver/resolve', { headers: { cookie: `session=${visible(text)}` } }),
  'resolver, bearer': (text) => send('/_resolver/resolve', { headers: bearer(text) }),
  'consent, code': (text) => page('/oauth2/consent', { code: text }),
  'consent, hints': (text) => page('/oauth2/consent', { client_id: 'spa', redirect_uri: text, state: text }),
  'consent, action': (text) => form('/oauth2/consent', { code: 'A'.repeat(32), x_action: text }),
  'token, client': (text) => grant('refresh_token', { client_id: text, client_secret: text }),
  'token, basic': (text) =>
    form(
      '/oauth2/token',
      { grant_type: 'refresh_token' },
      { authorization: `Basic ${Buffer.from(`${text}:${text}`).toString('base64')}` },
    ),
  'token, type': (text) => grant('', { grant_type: text }),
  'token, code': (text) =>
    grant('authorization_code', { code: text, code_verifier: text, redirect_uri: 'https://spa.test/cb' }),
  'token, refresh': (text) => grant('refresh_token', { refresh_token: text }),
  'token, scope': (text) => refreshing({ scope: text }),
  'token, device': (text) =>
    refreshing({ x_device_info: encoded({ ios: { uname: { machine: text, [text]: text } } }) }),
  'token, device as it is': (text) => refreshing({ x_device_info: text }),
  'token, anonymous': (text) =>
    grant('anonymous-request', { jwt: `${encoded({ kid: text, jwk: text })}.${encoded(text)}.x` }),
  'token, biometric': (text) => grant('biometric-request', { jwt: text }),
  'token, app2app': (text) => grant('app2app-request', { jwt: text, refresh_token: text, redirect_uri: text }),
  'token, exchange': (text) =>
    grant('urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: text,
      actor_token: text,
      audience: text,
    }),
  'token, settings action': (text) => grant('settings-action', { code: text }),
  'token, proof': (text) =>
    form(
      '/oauth2/token',
      { client_id: 'spa', grant_type: 'refresh_token', refresh_token: text },
      { dpop: visible(text) },
    ),
  revocation: (text) => form('/oauth2/revoke', { token: text, client_id: text }),
  introspection: (text) => form('/oauth2/introspect', { client_id: text, client_secret: text, token: text }),
  'pushed request': (text) =>
    form('/oauth2/par', {
      client_id: 'spa',
      response_type: 'code',
      scope: 'openid',
      state: text,
      nonce: text,
      claims: text,
    }),
  'device authorization': (text) => form('/oauth2/device_authorization', { client_id: 'spa', scope: text }),
  'device code': (text) => grant('urn:ietf:params:oauth:grant-type:device_code', { device_code: text }),
  userinfo: (text) => send('/oauth2/userinfo', { headers: bearer(text) }),
  'userinfo, form': (text) => form('/oauth2/userinfo', { access_token: text }),
  logout: (text) => page('/oauth2/end_session', { id_token_hint: text, state: text, client_id: text }),
  'logout, address': (text) => page('/oauth2/end_session', { post_logout_redirect_uri: text }),
  'logout, state': (text) =>
    page('/oauth2/end_session', { post_logout_redirect_uri: 'https://spa.test/bye', client_id: 'spa', state: text }),
  'logout, reference': (text) => page('/oauth2/end_session', { x_end_session_ref: text }),
  'logout, form': (text) => form('/oauth2/end_session', { id_token_hint: text, x_action: text }),
  redirection: (text) => page('/oauth2/redirect', { redirect_uri: text }),
  'redirection with a query': (text) => page('/oauth2/redirect', { redirect_uri: `https://spa.test/cb?x=${text}` }),
  challenge: (text) => json('/oauth2/challenge', { purpose: text }),
  'app session': (text) => json('/oauth2/app_session_token', { refresh_token: text }),
  'anonymous user': (text) => json('/api/anonymous_user/signup', { session_type: text, client_id: text }),
  'anonymous user, token': (text) =>
    json('/api/anonymous_user/signup', { session_type: 'refresh_token', client_id: 'spa', refresh_token: text || 'x' }),
  'promotion code': (text) =>
    json('/api/anonymous_user/promotion_code', { session_type: 'refresh_token', refresh_token: text }),
  'revocation feed': (text) => page('/oauth2/revocations', { after: text }),
  'revocation feed, wait': (text) => page('/oauth2/revocations', { wait: text || 'x' }),
}

const flows: Record<string, Door> = {
  type: (text) => json('/api/v1/authentication_flows', { type: text, name: 'default' }),
  name: (text) => json('/api/v1/authentication_flows', { type: 'login', name: text }),
  query: (text) =>
    json('/api/v1/authentication_flows', {
      type: 'signup',
      name: 'default',
      url_query: `?x_ref=${inUrl(text)}&client_id=${inUrl(text)}&ui_locales=${inUrl(text)}`,
    }),
  'query as it is': (text) =>
    json('/api/v1/authentication_flows', { type: 'signup', name: 'default', url_query: `ui_locales=${text}` }),
  promotion: (text) =>
    json('/api/v1/authentication_flows', { type: 'promote', name: 'default', url_query: `x_ref=${text}` }),
  state: (text) => json('/api/v1/authentication_flows/states', { state_token: text }),
  input: (text) => flow('login', [{ [text]: text, identification: text }]),
  'recovery link': (text) =>
    json('/api/v1/authentication_flows/states/input', { input: { account_recovery_code: text } }),
  recovery: (text) => flow('account_recovery', [{ identification: 'email', login_id: text }]),
  password: (text) =>
    flow('login', [
      { identification: 'email', login_id: 'ann@example.com' },
      { authentication: 'primary_password', password: text },
    ]),
  'new password': (text) =>
    flow('signup', [
      { identification: 'username', login_id: 'user' },
      { authentication: 'primary_password', new_password: text },
    ]),
  ...Object.fromEntries(
    ['email', 'username', 'phone'].flatMap((identification) => [
      [`login by ${identification}`, (text: string) => flow('login', [{ identification, login_id: text }])],
      [`sign-up by ${identification}`, (text: string) => flow('signup', [{ identification, login_id: text }])],
    ]),
  ),
  address: (text) => flow('signup', [{ identification: 'email', login_id: `${text}@example.com` }]),
}

const admin: Record<string, Door> = {
  token: (text) => json('/_api/admin/graphql', { query: '{ __typename }' }, bearer(text)),
  query: (text) => graphql(text),
  operation: (text) => json('/_api/admin/graphql', { query: '{ __typename }', operationName: text }, asAdmin()),
  variables: (text) => json('/_api/admin/graphql', { query: '{ __typename }', variables: text }, asAdmin()),
  node: (text) => ask('node(id: $id) { id }', { id: ['ID!', text] }),
  'node of a type': (text) =>
    ask('nodes(ids: $ids) { id }', {
      ids: ['[ID!]!', ['User', 'Session'].map((type) => Buffer.from(`${type}:${text}`).toString('base64url'))],
    }),
  literal: (text) => graphql(`{ getUserByLoginID(loginIDKey: "email", loginIDValue: ${JSON.stringify(text)}) { id } }`),
  keyword: (text) => ask('users(searchKeyword: $k) { totalCount edges { cursor } }', { k: ['String', text] }),
  cursor: (text) => ask('users(after: $c, before: $c) { edges { cursor } }', { c: ['String', text] }),
  'cursor of a position': (text) => {
    const cursor = Buffer.from(`created_at:${text}:00000000-0000-0000-0000-000000000000`).toString('base64url')
    return ask('users(after: $c) { edges { cursor } }', { c: ['String', cursor] })
  },
  'login ID key': (text) => ask('getUserByLoginID(loginIDKey: $k, loginIDValue: "x") { id }', { k: ['String!', text] }),
  ...Object.fromEntries(
    ['email', 'username', 'phone'].map((key) => [
      `login ID, ${key}`,
      (text: string) =>
        ask(`getUserByLoginID(loginIDKey: "${key}", loginIDValue: $v) { id }`, { v: ['String!', text] }),
    ]),
  ),
  'attribute name': (text) =>
    ask('getUsersByStandardAttribute(attributeName: $k, attributeValue: "x") { id }', { k: ['String!', text] }),
  'attribute value': (text) =>
    ask('getUsersByStandardAttribute(attributeName: "preferred_username", attributeValue: $v) { id }', {
      v: ['String!', text],
    }),
  'new username': (text) => change('createUser', { definition: { loginID: { key: 'username', value: text } } }),
  'new address': (text) =>
    change('createUser', { definition: { loginID: { key: 'email', value: `${text}@example.com` } } }),
  'new password': (text) => change('resetPassword', { userID: bob, password: text }),
  attributes: (text) =>
    change('updateUser', { userID: bob, standardAttributes: { name: text, address: { country: text } } }),
  'attribute names': (text) =>
    change('updateUser', { userID: bob, standardAttributes: { [text]: text }, customAttributes: { [text]: text } }),
  reason: (text) => change('setDisabledStatus', { userID: bob, isDisabled: true, reason: text }),
  date: (text) => change('setAccountValidFrom', { userID: bob, accountValidFrom: text }),
  session: (text) => change('revokeSession', { sessionID: text }),
  deletion: (text) => change('deleteUser', { userID: text, reason: text }),
}

const development: Record<string, Door> = {
  clock: (text) => develop('/_dev/clock', { advance_seconds: text }),
  project: (text) => develop('/_dev/projects', { id: text, config: text, secrets: text }),
  configuration: (text) => develop('/_dev/projects', { id: 'other', config: `id: other\n${text}` }),
  address: (text) =>
    develop('/_dev/projects', {
      id: 'other',
      config: JSON.stringify({ id: 'other', http: { public_origin: `http://${text}` } }),
    }),
  name: (text) =>
    develop('/_dev/projects', {
      id: 'other',
      config: JSON.stringify({
        id: 'other',
        http: { public_origin: 'http://other.localhost' },
        oauth: {
          clients: [{ client_id: 'spa', name: text, x_application_type: 'spa', redirect_uris: ['https://x.test'] }],
        },
      }),
    }),
  secrets: (text) =>
    develop('/_dev/projects', {
      id: 'other',
      config: '{id: other, http: {public_origin: "http://other.localhost"}}',
      secrets: text,
    }),
  messages: (text) => send(`/_dev/messages?to=${inUrl(text)}`, { origin: server.origin }),
  inbox: (text) => send(`/_dev?to=${inUrl(text)}`, { origin: server.origin }),
}

/** Names of everything that any page reads. */
const parameters = [
  'x_step',
  'x_ref',
  'x_from',
  'q_option',
  'q_login_id',
  'q_token',
  'q_identity_id',
  'redirect_uri',
  'ui_locales',
  'x_color_scheme',
  'code',
  'q_reason',
  'q_info',
  'next',
  'ticket',
  'user_code',
  'redirect',
]
const fields = [
  'x_login_id',
  'x_login_id_key',
  'x_password',
  'x_new_password',
  'x_confirm_password',
  'x_old_password',
  'x_code',
  'x_option',
  'x_identity_id',
  'x_session_id',
  'x_authorization_id',
  '/name',
  '/given_name',
  '/website',
  '/birthdate',
  '/zoneinfo',
  '/locale',
  '/address',
  '/address/street_address',
]
const each = (names: readonly string[], text: string) => Object.fromEntries(names.map((name) => [name, text]))

/** An address with everything in its query, and everything sent to it. */
const opened = (path: string, headers: Record<string, string> = {}): Record<string, Door> => ({
  [`GET ${path}`]: (text) => page(path, each(parameters, text), headers),
  [`POST ${path}`]: (text) =>
    form(`${path}?${new URLSearchParams(each(parameters, text))}`, each(fields, text), headers),
})

/** Every address that the server has, of doors made later, too. */
const addresses = () => [
  ...new Set(
    makeApp(server.node)
      .routes.map((route) => route.path)
      .filter((path) => !/[*:]/.test(path) && !/^\/(healthz|readyz)$/.test(path)),
  ),
]
const signsOut = new Set(['/logout', '/oauth2/end_session'])
const everywhere = (): Record<string, Door> =>
  Object.assign({}, ...addresses().map((path) => opened(path, signsOut.has(path) ? {} : cookiesOf(ann))))

const settings: Record<string, Door> = Object.fromEntries(
  (
    [
      ['/settings/profile/name/edit', ['save']],
      ['/settings/profile/address/edit', ['save']],
      ['/settings/profile/birthdate/edit', ['save']],
      ['/settings/profile/zoneinfo/edit', ['save']],
      ['/settings/profile/locale/edit', ['save']],
      ['/settings/profile/custom/edit', ['save']],
      ['/settings/identity/email', ['remove', 'verify']],
      ['/settings/identity/add_email', ['login_id']],
      ['/settings/identity/change_email', ['login_id']],
      ['/settings/identity/verify_email', ['submit', 'resend']],
      ['/settings/identity/add_username', ['login_id']],
      ['/settings/identity/add_phone', ['login_id']],
      ['/settings/change_password', ['']],
      ['/settings/sessions', ['revoke', 'remove']],
    ] as const
  ).flatMap(([path, actions]) => [
    ...actions.map((x_action) => [
      `POST ${path} ${x_action}`,
      (text: string) => form(path, { ...each(fields, text), x_action }, cookiesOf(ann)),
    ]),
  ]) as [string, Door][],
)

// ---- what must hold -----------------------------------------------------------------------------------------------

const texts: Record<string, string> = {
  nothing: '',
  'a NUL': 'a\0b',
  'half of a surrogate pair': 'a\ud800b',
  'line ends, signs and controls': `a\r\nset-cookie: injected=1\r\n\r\n<b>'";--%00%zz\u0001\u001b[31m\u2028\u202e`,
  'a name of the prototype': '__proto__',
  'a number beyond numbers': '9'.repeat(400),
  'much text': 'long '.repeat(1000),
}

function faultsOf({ status, headers, text }: Answer): string[] {
  return [
    ...(status >= 500 ? [`status ${status}`] : []),
    ...(headers.getSetCookie().some((line) => line.startsWith('injected')) ? ['a header of theirs'] : []),
    ...(/\.[jt]sx?:\d+|node_modules|invalid byte sequence|unsupported Unicode|syntax for type/.test(text)
      ? ['a view of our insides']
      : []),
    ...(status >= 400 && text.trim() === '' && !headers.has('allow') ? ['no word why'] : []),
  ]
}

/** Opens every door with each text. @returns what went wrong, in the answer or in the log. */
async function tryAll(doors: Record<string, Door>, what: Record<string, string> = texts): Promise<string[]> {
  const wrong: string[] = []
  for (const [door, open] of Object.entries(doors)) {
    for (const [kind, text] of Object.entries(what)) {
      const from = lines.length
      wrong.push(...faultsOf(await open(text)).map((fault) => `${door} ← ${kind}: ${fault}`))
      wrong.push(...errorsIn(lines.slice(from)).map((fault) => `${door} ← ${kind}: ${fault}`))
    }
  }
  return wrong
}

function errorsIn(logged: readonly string[]): string[] {
  return logged
    .map((line) => JSON.parse(line))
    .filter((line) => line.level === 'error' || line.level === 'fatal')
    .map((line) => `logged ${line.err?.message ?? line.msg}`)
}

describe('any text in any field', () => {
  test.each([
    ['the protocol endpoints', protocol],
    ['the flow API', flows],
    ['the Admin API', admin],
    ['the development surface', development],
    ['the settings', settings],
  ])('of %s is no fault of ours', async (_, doors) => {
    expect(await tryAll(doors)).toEqual([])
  })

  test('of any address is no fault of ours', async () => {
    expect(addresses().length).toBeGreaterThan(60)
    const { 'a NUL': nul = '', 'line ends, signs and controls': signs = '' } = texts
    expect(await tryAll(everywhere(), { nul, signs })).toEqual([])
  })
})

// ---- bodies -------------------------------------------------------------------------------------------------------

type Target = { path: string; type: string; headers?: () => Record<string, string>; own?: true }

const forms = 'application/x-www-form-urlencoded'
const targets: Record<string, Target> = {
  authorization: { path: '/oauth2/authorize', type: forms },
  consent: { path: '/oauth2/consent', type: forms },
  token: { path: '/oauth2/token', type: forms },
  revocation: { path: '/oauth2/revoke', type: forms },
  logout: { path: '/oauth2/end_session', type: forms },
  userinfo: { path: '/oauth2/userinfo', type: forms },
  challenge: { path: '/oauth2/challenge', type: 'application/json' },
  'app session': { path: '/oauth2/app_session_token', type: 'application/json' },
  'anonymous user': { path: '/api/anonymous_user/signup', type: 'application/json' },
  'new flow': { path: '/api/v1/authentication_flows', type: 'application/json' },
  input: { path: '/api/v1/authentication_flows/states/input', type: 'application/json' },
  'Admin API': { path: '/_api/admin/graphql', type: 'application/json', headers: () => asAdmin() },
  page: { path: '/login', type: forms },
  settings: { path: '/settings/profile/name/edit', type: forms, headers: () => cookiesOf(ann) },
  project: { path: '/_dev/projects', type: 'application/json', own: true },
  clock: { path: '/_dev/clock', type: 'application/json', own: true },
}

/** Sends bytes as they are. @returns what came back until the other side had enough. */
function raw(origin: string, parts: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\r\n\r\n')) setTimeout(() => socket.destroy(), 500) // Some keep the line open.
    })
    socket.once('close', () => resolve(text))
    socket.once('error', (error) => (text === '' ? reject(error) : resolve(text)))
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')))
    for (const part of parts) socket.write(part)
  })
}
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])

describe('a body', () => {
  const head = (origin: string, { path, type, headers }: Target, more: string[]) =>
    [
      `POST ${path} HTTP/1.1`,
      `host: ${new URL(origin).host}`,
      `content-type: ${type}`,
      ...Object.entries(headers?.() ?? {}).map(([name, value]) => `${name}: ${value}`),
      ...more,
      '\r\n',
    ].join('\r\n')

  test.each(Object.entries(targets))('of ten megabytes is turned away before it is read: %s', async (_, target) => {
    const origin = target.own ? server.origin : site.origin
    expect(statusOf(await raw(origin, [head(origin, target, ['content-length: 10485760'])]))).toBe(413)
    // Where no length is told, it ends with the first byte too many.
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const parts = [head(origin, target, ['transfer-encoding: chunked']), ...Array.from({ length: 17 }, () => chunk)]
    expect(statusOf(await raw(origin, parts))).toBe(413)
  })

  test('of ten megabytes is turned away at any address', async () => {
    const sent = { type: forms, headers: () => cookiesOf(ann) }
    for (const path of addresses()) {
      const answer = await raw(site.origin, [
        head(site.origin, { path, ...sent }, ['content-length: 10485760', 'connection: close']),
      ])
      expect([path, statusOf(answer)]).toEqual([path, expect.toSatisfy((status) => status >= 400 && status < 500)])
    }
  })

  const pits: Record<string, string> = {
    'a pit of lists': '['.repeat(100_000),
    'a closed pit of lists': '['.repeat(100_000) + ']'.repeat(100_000),
    'a pit of objects': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
    'a list': '[]',
    'a number': '1e999',
    null: 'null',
    'half a text': '"a',
    'an empty body': '',
    'a byte order mark': '\ufeff{}',
    'two values': '{} {}',
    'the wrong members': '{"a":1,"__proto__":{"b":2},"constructor":{"prototype":{"c":3}}}',
    'a name twice': '{"purpose":"x","purpose":"anonymous_request","type":"x","type":"login","query":"","query":1}',
    'much of everything': `{${Array.from({ length: 3000 }, (_, index) => `"k${index}":[]`).join()}}`,
  }
  const jsonTargets = Object.entries(targets).filter(([, { type }]) => type === 'application/json')

  test.each(jsonTargets)('of JSON that is deep, huge or wrong is refused: %s', async (_, target) => {
    const origin = target.own ? server.origin : site.origin
    for (const [kind, body] of Object.entries(pits)) {
      if (kind === 'a name twice' && target.path.endsWith('challenge')) continue // The last one counts, and is right.
      const answer = await post(target.path, target.type, body, target.headers?.(), origin)
      expect([kind, answer.status, answer.text]).toEqual([kind, 400, expect.stringContaining('"error"')])
    }
  })

  test('is refused when the depth is further inside', async () => {
    const pit = JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`)
    const bottomless = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    const answers = {
      input: await json('/api/v1/authentication_flows/states/input', { input: { account_recovery_code: pit } }),
      'list of inputs': await json('/api/v1/authentication_flows', {
        type: 'login',
        name: 'default',
        batch_input: pit,
      }),
      attributes: await change('updateUser', { userID: bob, customAttributes: { a: pit } }),
      claims: await page('/oauth2/authorize', {
        ...each(['client_id'], 'spa'),
        redirect_uri: 'https://spa.test/cb',
        response_type: 'code',
        scope: 'openid',
        code_challenge: 'A'.repeat(43),
        code_challenge_method: 'S256',
        claims: `${'{"a":'.repeat(2500)}1${'}'.repeat(2500)}`,
      }),
      device: await refreshing({ x_device_info: Buffer.from(bottomless).toString('base64url') }),
      token: await send('/oauth2/userinfo', {
        headers: bearer(`${encoded({ alg: 'RS256' })}.${Buffer.from('['.repeat(3000)).toString('base64url')}.x`),
      }),
      selection: await graphql(`${'{a'.repeat(3000)}${'}'.repeat(3000)}`),
      literal: await graphql(`{ nodes(ids: ${'['.repeat(3000)}${']'.repeat(3000)}) { id } }`),
      type: await graphql(`query ($a: ${'['.repeat(3000)}ID${']'.repeat(3000)}) { __typename }`),
    }
    for (const [what, answer] of Object.entries(answers)) expect([what, faultsOf(answer)]).toEqual([what, []])
    expect(JSON.parse(answers.device.text).error).toBe('invalid_request')
  })

  test.each(Object.entries(targets))('of another type than it should be is refused: %s', async (name, target) => {
    const origin = target.own ? server.origin : site.origin
    const from = lines.length
    for (const type of [
      'text/plain',
      'application/xml',
      'multipart/form-data',
      'multipart/form-data; boundary=x',
      ';;',
      forms,
      'application/json',
    ]) {
      if (type === target.type) continue
      for (const body of [
        '--x\r\ncontent-disposition: form-data; name="code"\r\n\r\n\0\r\n--x--',
        '{"type":"login"}',
        '<a/>',
      ]) {
        const answer = await post(target.path, type, body, target.headers?.(), origin)
        expect([name, type, faultsOf(answer)]).toEqual([name, type, []])
        // Pages read every kind of form; a body that is none says nothing to them.
        if (!/^\/(login|settings)/.test(target.path))
          expect([type, answer.status]).toEqual([type, expect.toSatisfy((status) => status >= 400)])
      }
    }
    expect(errorsIn(lines.slice(from))).toEqual([])
  })
})

// ---- below the doors ----------------------------------------------------------------------------------------------

test('what is hardly HTTP is answered, and the next request is none the worse', async () => {
  const { host } = new URL(site.origin)
  const over: Record<string, [sent: string | Uint8Array, wanted: number]> = {
    'no HTTP at all': ['\x16\x03\x01\x02\x00\x01', 400],
    'a NUL in a header': [`GET /login HTTP/1.1\r\nhost: ${host}\r\nx: a\0b\r\n\r\n`, 400],
    'a folded header': [`GET /login HTTP/1.1\r\nhost: ${host}\r\nx: a\r\n b\r\n\r\n`, 400],
    'two hosts': [`GET /login HTTP/1.1\r\nhost: ${host}\r\nhost: evil.test\r\n\r\n`, 404],
    'a host of bytes': [`GET /login HTTP/1.1\r\nhost: \xff\xfe<b>\r\n\r\n`, 400],
    'a host that goes on': [`GET /login HTTP/1.1\r\nhost: ${host}/../evil?#@\r\n\r\n`, 400],
    'two lengths': [
      `POST /oauth2/token HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na`,
      400,
    ],
    'a length and chunks': [
      `POST /oauth2/token HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    'a length below nothing': [`POST /oauth2/token HTTP/1.1\r\nhost: ${host}\r\ncontent-length: -1\r\n\r\n`, 400],
    'another address': ['GET http://evil.test/login HTTP/1.1\r\nhost: evil.test\r\n\r\n', 404],
    'an address that is none': [`GET http://[::1 HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 400],
    'an address with credentials': [`GET http://a:b@${host}/nowhere HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 404],
    'two slashes': [`GET //evil.test/%2f.. HTTP/1.1\r\nhost: ${host}\r\naccept: text/html\r\n\r\n`, 404],
    'bytes that are no text': [`GET /%ff%fe%00 HTTP/1.1\r\nhost: ${host}\r\naccept: text/html\r\n\r\n`, 404],
    'an unknown method': [`BREW /login HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 400],
    'a star': [`OPTIONS * HTTP/1.1\r\nhost: ${host}\r\n\r\n`, 400],
    'the end of it': [
      `GET /login HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\nx-forwarded-for: ,,;\0\r\n\r\n`,
      400,
    ],
    'forwarding from nowhere': [
      `GET /no/such HTTP/1.1\r\nhost: ${host}\r\nx-forwarded-for: <b>,\xff, 999.1.1.1\r\nuser-agent: \xff\xfe\r\n\r\n`,
      404,
    ],
    'more headers than it may have': [`GET /login HTTP/1.1\r\nhost: ${host}\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    'a cookie of kilobytes': [
      `GET /_resolver/resolve HTTP/1.1\r\nhost: ${host}\r\ncookie: session=${'A'.repeat(15_000)}\r\n\r\n`,
      200,
    ],
  }
  const got: Record<string, number> = {}
  for (const [kind, [sent]] of Object.entries(over)) {
    const answer = await raw(site.origin, [typeof sent === 'string' ? Buffer.from(sent, 'latin1') : sent])
    got[kind] = statusOf(answer)
    expect([kind, answer]).not.toEqual([kind, expect.stringMatching(/^location: (?!http:\/\/localhost)/im)])
  }
  expect(got).toEqual(Object.fromEntries(Object.entries(over).map(([kind, [, wanted]]) => [kind, wanted])))
  expect((await page('/login', {})).status).toBe(302)
})

test('a host that nobody serves gets the same answer at every door, and is sent nowhere', async () => {
  const { port } = new URL(server.origin)
  for (const { path } of [
    { path: '/' },
    { path: '/oauth2/jwks' },
    { path: '/_theme/x.css' },
    ...Object.values(targets),
  ])
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      if (path.startsWith('/_dev')) continue // Of this machine, whoever asks.
      const answer = await raw(`http://localhost:${port}`, [
        `${method} ${path} HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
      ])
      expect([method, path, statusOf(answer)]).toEqual([method, path, 404])
      expect(answer).not.toMatch(/^(location|set-cookie|access-control-allow-origin):/im)
    }
})

// ---- whatever comes ------------------------------------------------------------------------------------------------

test('a form that was begun in another life begins anew with what was typed', async () => {
  const answer = await form('/login', { x_login_id: 'ann@example.com', x_action: 'login_id' })
  expect([answer.status, answer.headers.get('location')]).toEqual([
    302,
    expect.stringMatching(/enter_password\?x_step=/),
  ])
  expect(answer.headers.getSetCookie().filter((line) => line.includes('authgear_web_session='))).toHaveLength(1)
})

test('the clock is not set to where tokens could not say their end', async () => {
  const answer = await develop('/_dev/clock', { advance_seconds: 80 * 366 * 86_400 })
  expect([answer.status, JSON.parse(answer.text).error.message]).toEqual([400, expect.stringContaining('2100')])
  expect((await refreshing({})).status).toBe(200)
})

test('what cannot be kept is said to be so, and changes nothing', async () => {
  const nul = 'a\0b'
  const half = 'a\ud800b'
  for (const text of [nul, half]) {
    for (const answer of [
      await json('/oauth2/challenge', { purpose: text }),
      await json('/api/v1/authentication_flows', { type: 'login', name: 'default', url_query: text, [text]: 1 }),
      await change('updateUser', { userID: bob, standardAttributes: { name: text } }),
    ])
      expect([answer.status, JSON.parse(answer.text).error]).toMatchObject([400, { name: 'BadRequest' }])
  }
  const literal = await graphql(
    `mutation { updateUser(input: { userID: "${bob}", standardAttributes: { name: "a\\u0000b" } }) { __typename } }`,
  )
  expect(JSON.parse(literal.text)).toEqual({
    errors: [expect.objectContaining({ message: expect.stringContaining('a NUL') })],
  })
  const token = await refreshing({ x_device_info: nul })
  expect([token.status, JSON.parse(token.text).error]).toEqual([400, 'invalid_request'])

  const before = await ann.open('/settings/profile')
  await ann.open('/settings/profile/name/edit')
  const refused = await ann.send({ '/given_name': nul, '/family_name': 'Half' })
  expect([refused.status, refused.heading]).toEqual([400, 'That can’t be done here'])
  expect((await ann.open('/settings/profile')).text).toBe(before.text)
  await ann.open('/settings/profile/name/edit')
  expect((await ann.send({ '/given_name': 'Whole' })).text).toContain('Whole')
})

test('any text, any JSON, at any door', async () => {
  const doors = Object.entries({ ...protocol, ...flows, ...admin, ...everywhere(), ...settings })
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({
      unit: fc.constantFrom(
        '\0',
        '\ud800',
        '\r',
        '\n',
        '%',
        '"',
        "'",
        '\\',
        '<',
        '/',
        '.',
        ':',
        '&',
        '=',
        '{',
        'é',
        '𝄞',
      ),
    }),
    fc.json(),
    fc.webUrl(),
    fc.base64String(),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...doors), text, async ([door, open], sent) => {
      const from = lines.length
      expect([door, faultsOf(await open(sent))]).toEqual([door, []])
      expect(errorsIn(lines.slice(from))).toEqual([])
    }),
    { numRuns: 120, seed: 20_301_207 },
  )
  const jsonDoors = Object.values(targets).filter(({ type, own }) => type === 'application/json' && !own)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...jsonDoors), fc.jsonValue({ maxDepth: 5 }), async (target, value) => {
      const from = lines.length
      expect([target.path, faultsOf(await json(target.path, value, target.headers?.()))]).toEqual([target.path, []])
      expect(errorsIn(lines.slice(from))).toEqual([])
    }),
    { numRuns: 80, seed: 20_301_207 },
  )
})

test('nobody writes a line of the log but the server', () => {
  expect(lines.length).toBeGreaterThan(500)
  for (const line of lines) {
    expect(JSON.parse(line)).toBeTypeOf('object')
    expect(line).toMatch(/^\{[^\p{Cc}]*\}\n$/u)
  }
  expect(errorsIn(lines)).toEqual([])
})
