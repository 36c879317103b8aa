// Sign-up, sign-in and recovery as a person meets them in a browser without script.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { formsOf, type PlainBrowser, plainBrowser } from './support/browser.ts'
import { codeTo, linkTo } from './support/flow_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
let project: DevelopmentProject
const lines: string[] = []
beforeAll(async () => {
  server = await headgear({ log: (line) => lines.push(line) })
  project = await server.project(config)
})
afterAll(() => server.stop())

const callback = 'http://notes.example.test/cb'
const config = {
  localization: { supported_languages: ['en', 'zh-TW'] },
  authentication: { primary_authenticators: ['password', 'oob_otp_email'] },
  identity: { login_id: { keys: [{ type: 'email' }, { type: 'username' }] } },
  oauth: { clients: [{ client_id: 'notes', name: 'Notes', x_application_type: 'spa', redirect_uris: [callback] }] },
}
const password = 'correct horse battery'

function authorizeUrl(more: Record<string, string> = {}): string {
  return `/oauth2/authorize?${new URLSearchParams({
    client_id: 'notes',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid offline_access',
    code_challenge_method: 'S256',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    state: 'st',
    ...more,
  })}`
}

/** How people know a project that says no name of its own. */
const inWords = (id: string) => `T${id.slice(1).replaceAll('-', ' ')}`

let serial = 0
const newEmail = () => `ana${++serial}@example.com`

/** Signs up at /signup of the project and comes out in settings. */
async function signedUp(email: string, at = project): Promise<PlainBrowser> {
  const browser = plainBrowser(at)
  await browser.open('/signup')
  await browser.send({ x_login_id: email })
  await browser.send({ x_code: codeTo(server, email) })
  await browser.send({ x_password: password, x_confirm_password: password })
  expect(browser.page.url.pathname).toBe('/settings')
  return browser
}

/** Gives the app what it was sent back with. @returns the ID token. */
async function redeem(browser: PlainBrowser, at: DevelopmentProject): Promise<string> {
  const response = await fetch(`${at.local_origin}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'notes',
      redirect_uri: callback,
      code: browser.page.url.searchParams.get('code') ?? '',
      code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    }),
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { id_token: string }).id_token
}

const passwordPage = '/authflow/v2/enter_password'
const codePage = '/authflow/v2/enter_oob_otp'

describe('sign-up', () => {
  test('by an app: email, code, password, and back with a code', async () => {
    const browser = plainBrowser(project)
    const email = newEmail()
    await browser.open(authorizeUrl())
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([
      '/signup',
      `Create your ${inWords(project.id)} account`,
    ])
    await browser.send({ x_login_id: email })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([codePage, 'Check your email'])
    expect(browser.page.text).toContain(email)
    await browser.send({ x_code: ` ${codeTo(server, email).replace(/^(...)/, '$1 - ')} ` })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([
      '/authflow/v2/create_password',
      'Create a password',
    ])
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.way.map((path) => path.split('?')[0])).toEqual([
      '/authflow/v2/create_password',
      '/oauth2/consent',
      callback,
    ])
    expect(Object.fromEntries(browser.page.url.searchParams)).toMatchObject({
      state: 'st',
      code: expect.stringMatching(/^[\w-]{32}$/),
    })
    expect([...browser.cookies.keys()].map((name) => name.replace(`${project.id}_`, ''))).toEqual(
      expect.arrayContaining(['authgear_web_session', 'session', 'same_site_strict', 'signed_up']),
    )
  })

  test('a form that lacks something is drawn again with the remedy beside its field', async () => {
    const browser = plainBrowser(project)
    const email = newEmail()
    await browser.open('/signup')
    const step = browser.page.url.href
    await browser.send({ x_login_id: '  ' })
    expect(browser.page.url.href).toBe(step)
    expect(browser.page.title).toMatch(/^Error: /)
    expect(browser.page.html).toMatch(
      /id="x_login_id-error"[\s\S]*Enter what you sign in with\.[\s\S]*aria-invalid="true"/,
    )
    expect((await browser.open(step)).html).not.toContain('aria-invalid')

    await browser.send({ x_login_id: 'ana@' })
    expect(browser.page.text).toContain('That isn’t a full email address.')
    expect(formsOf(browser.page.html)[0]?.fields.get('x_login_id')).toBe('ana@')

    await browser.send({ x_login_id: email })
    await browser.send({ x_code: '' })
    expect(browser.page.text).toContain('Enter the code.')
    const code = codeTo(server, email)
    await browser.send({ x_code: code === '000000' ? '000001' : '000000' })
    expect(browser.page.text).toContain('That code isn’t right. Use the newest one we sent.')
    expect(browser.page.html).not.toMatch(/value="00000/)
    await browser.send({ x_code: code })
    await browser.send({ x_password: 'short', x_confirm_password: 'short' })
    expect(browser.page.text).toContain('Make it at least 8 characters long.')
    expect(browser.page.html).toContain('data-state="unmet"')
    await browser.send({ x_password: password, x_confirm_password: `${password}.` })
    expect(browser.page.html).toMatch(/id="x_confirm_password-error"[\s\S]*The two passwords differ/)
    expect(browser.page.html).not.toContain(password)
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.url.pathname).toBe('/settings')
  })

  test('a login ID that is taken leads to sign-in with what was typed', async () => {
    const email = newEmail()
    await signedUp(email)
    const browser = plainBrowser(project)
    await browser.open('/signup')
    await browser.send({ x_login_id: email })
    expect(browser.page.text).toMatch(/already has an account. Sign in instead\?/)
    await browser.follow('Sign in instead?')
    expect([browser.page.url.pathname, formsOf(browser.page.html)[0]?.fields.get('x_login_id')]).toEqual([
      '/login',
      email,
    ])
  })

  test('is closed where the project says so', async () => {
    const closed = await server.project({ ...config, authentication: { public_signup_disabled: true } })
    const browser = plainBrowser(closed)
    await browser.open('/')
    expect(browser.page.url.pathname).toBe('/login')
    expect(browser.page.text).not.toContain('Create account')
    await browser.open('/signup')
    expect(browser.page.heading).toBe('New accounts are by invitation')
    await browser.follow('Sign in')
    await browser.send({ x_login_id: 'nobody@example.com' })
    expect(browser.page.text).toContain('We don’t know that sign-in. Check the spelling.')
  })
})

describe('sign-in', () => {
  test('wrong password, then the right one; the email stays, the password never', async () => {
    const email = newEmail()
    await signedUp(email)
    const browser = plainBrowser(project)
    await browser.open('/login')
    await browser.send({ x_login_id: email.toUpperCase() })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([passwordPage, 'Enter your password'])
    expect(browser.page.html).toMatch(
      new RegExp(`<input[^>]*value="${email}"[^>]*readonly[^>]*autocomplete="username"`),
    )
    await browser.send({ x_password: 'wrong horse battery' })
    expect(browser.page.url.pathname).toBe(passwordPage)
    expect(browser.page.text).toContain('That sign-in and password don’t match. Check both, or reset your password.')
    expect(browser.page.html).not.toContain('wrong horse')
    await browser.send({ x_password: password })
    expect(browser.page.url.pathname).toBe('/settings')
  })

  test('whom we do not know, we say so, and offer an account', async () => {
    const browser = plainBrowser(project)
    await browser.open('/login')
    await browser.send({ x_login_id: 'nobody@example.com' })
    expect(browser.page.text).toContain('We don’t know that sign-in. Check the spelling, or create an account.')
    await browser.follow('create an account')
    expect([browser.page.url.pathname, formsOf(browser.page.html)[0]?.fields.get('x_login_id')]).toEqual([
      '/signup',
      'nobody@example.com',
    ])
  })

  test('by a code instead, and back to the password from there', async () => {
    const email = newEmail()
    await signedUp(email)
    const browser = plainBrowser(project)
    await browser.open('/login')
    await browser.send({ x_login_id: email })
    await server.clock.advance(61_000)
    await browser.send({}, { form: { action: 'choose' } })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([codePage, 'Check your email'])
    await browser.follow('Use your password')
    expect(browser.page.url.pathname).toBe(passwordPage)
    await browser.send({}, { form: { action: 'choose' } })
    expect(browser.page.url.pathname).toBe(codePage)
    await browser.send({ x_code: codeTo(server, email) })
    expect(browser.page.url.pathname).toBe('/settings')
  })

  test('a new code may be asked for after a minute, and says that it was sent', async () => {
    const coded = await server.project({ ...config, authentication: { primary_authenticators: ['oob_otp_email'] } })
    const email = newEmail()
    const browser = plainBrowser(coded)
    await browser.open('/signup')
    await browser.send({ x_login_id: email })
    const first = codeTo(server, email)
    await browser.send({}, { form: { action: 'resend' } })
    expect(browser.page.text).toMatch(/We sent one a moment ago. You can ask for another in \d+ seconds?\./)
    await server.clock.advance(61_000)
    await browser.send({}, { form: { action: 'resend' } })
    expect(browser.page.text).toContain(`We sent a new code to ${email}`)
    const second = codeTo(server, email)
    if (first !== second) {
      await browser.send({ x_code: first })
      expect(browser.page.text).toContain('That code isn’t right')
    }
    await browser.send({ x_code: second })
    expect(browser.page.url.pathname).toBe('/settings')
  })

  test('a browser that is signed in is greeted, and asked before the app learns of it', async () => {
    const email = newEmail()
    const browser = await signedUp(email)
    await browser.open('/login')
    expect(browser.page.url.pathname).toBe('/settings')
    await browser.open(authorizeUrl())
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([
      '/authflow/v2/select_account',
      'Continue to Notes',
    ])
    const greeted = browser.page
    await browser.send({}, { form: { action: 'continue' } })
    expect(browser.page.url.href).toMatch(/^http:\/\/notes\.example\.test\/cb\?code=/)
    browser.restore(greeted)
    await browser.send({}, { form: { action: 'login' } })
    expect(browser.page.url.pathname).toBe('/login')
    const forced = plainBrowser(project)
    for (const [name, value] of browser.cookies) forced.cookies.set(name, value)
    await forced.open(authorizeUrl({ prompt: 'login' }))
    expect(forced.page.url.pathname).toBe('/login')
  })

  test('one page for both, where the project wants one', async () => {
    const one = await server.project({ ...config, ui: { signup_login_flow_enabled: true } })
    const email = newEmail()
    const browser = plainBrowser(one)
    await browser.open('/login')
    expect(browser.page.heading).toBe(`Continue to ${inWords(one.id)}`)
    await browser.send({ x_login_id: email })
    await browser.send({ x_code: codeTo(server, email) })
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.url.pathname).toBe('/settings')
    const again = plainBrowser(one)
    await again.open('/login')
    await again.send({ x_login_id: email })
    expect(again.page.url.pathname).toBe(passwordPage)
  })

  test('a disabled account is told after its password, and may use another', async () => {
    const email = newEmail()
    await signedUp(email)
    const { users } = (await server.admin(
      `query { users(searchKeyword: "${email}") { edges { node { id } } } }`,
      {},
      project,
    )) as { users: { edges: { node: { id: string } }[] } }
    await server.admin(
      'mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true, reason: "<b>fraud</b>" }) { user { id } } }',
      { id: users.edges[0]?.node.id },
      project,
    )
    const browser = plainBrowser(project)
    await browser.open('/login')
    await browser.send({ x_login_id: email })
    await browser.send({ x_password: password })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([
      '/authflow/v2/account_status',
      'This account is switched off',
    ])
    expect(browser.page.html).toContain('&lt;b&gt;fraud')
    await browser.open(browser.page.url.href)
    expect(browser.page.heading).toBe('This account is switched off')
    await browser.open(browser.page.url.href.replace(/x_error=[^&]*/, 'x_error=forged'))
    expect(browser.page.heading).toBe('This page waited too long')
  })
})

test('whoever proves it once more is told which account it is', async () => {
  const email = newEmail()
  const browser = await signedUp(email)
  await browser.open(authorizeUrl())
  await browser.send()
  const id_token_hint = await redeem(browser, project)
  await browser.open(project.local_origin + authorizeUrl({ prompt: 'login', id_token_hint }))
  expect([browser.page.url.pathname, browser.page.heading]).toEqual([passwordPage, 'Confirm it’s you'])
  expect(browser.page.html).toMatch(/<input[^>]*autocomplete="username"[^>]*>/)
  expect(browser.page.html).toContain(`value="${email}"`)
  expect(browser.page.text).toContain(`Email a code to ${email}`)
})

test('an app for one place at a time asks before it ends the other place', async () => {
  const till = await server.project({
    ...config,
    oauth: { clients: [{ ...config.oauth.clients[0], x_max_concurrent_session: 1 }] },
  })
  const email = newEmail()
  await signedUp(email, till)
  const signIn = async () => {
    const browser = plainBrowser(till)
    await browser.open(authorizeUrl({ x_page: 'login' }))
    await browser.send({ x_login_id: email })
    await browser.send({ x_password: password })
    return browser
  }
  const open = () =>
    server.node.world.db.query
      .selectFrom('offline_grant')
      .select('id')
      .where('project_id', '=', till.id)
      .where('ended_at', 'is', null)
      .execute()
  await redeem(await signIn(), till)
  const [first] = await open()
  const second = await signIn()
  expect([second.page.url.pathname, second.page.heading]).toEqual([
    '/authflow/v2/terminate_other_sessions',
    'Use it on this device?',
  ])
  const asked = second.page
  await second.send({ x_action: 'cancel' })
  expect([second.page.url.pathname, await open()]).toEqual(['/login', [first]])
  second.restore(asked)
  await second.send()
  await redeem(second, till)
  const left = await open()
  expect(left).toHaveLength(1)
  expect(left).not.toEqual([first])
})

describe('a lost password', () => {
  test('is replaced through the mailed link, which only the form spends', async () => {
    const email = newEmail()
    const signedIn = await signedUp(email)
    const browser = plainBrowser(project)
    await browser.open(authorizeUrl({ x_page: 'login' }))
    await browser.send({ x_login_id: email })
    await browser.follow('Forgot your password?')
    expect([browser.page.heading, formsOf(browser.page.html)[0]?.fields.get('x_login_id')]).toEqual([
      'Reset your password',
      email,
    ])
    await browser.send()
    expect(browser.page.url.pathname).toBe('/authflow/v2/forgot_password/link/sent')
    expect(browser.page.text).toMatch(new RegExp(`If ${email} has an account, a way back in is coming.`))

    const link = linkTo(server, email)
    const address = link.pathname + link.search
    for (let scan = 0; scan < 3; scan++) await plainBrowser(project).open(address)
    await browser.open(address)
    expect(browser.page.heading).toBe('Set a new password')
    await browser.send({ x_password: 'tiny', x_confirm_password: 'tiny' })
    expect(browser.page.text).toContain('Make it at least 8 characters long.')
    await browser.send({ x_password: 'a brand new one', x_confirm_password: 'a brand new one' })
    expect([browser.page.url.pathname, browser.page.heading]).toEqual([
      '/authflow/v2/reset_password/success',
      'Your password is changed',
    ])
    await browser.follow('Sign in')
    expect(browser.page.url.searchParams.get('x_ref')).toMatch(/^[\w-]{32}$/)
    await browser.send({ x_login_id: email })
    await browser.send({ x_password: password })
    expect(browser.page.text).toContain('don’t match')
    await browser.send({ x_password: 'a brand new one' })
    expect(browser.page.url.href).toMatch(/^http:\/\/notes\.example\.test\/cb\?code=/)

    await server.node.log.poll()
    await signedIn.open('/settings')
    expect(signedIn.page.url.pathname).toBe('/login')

    const late = plainBrowser(project)
    await late.open(address)
    await late.send({ x_password: 'one more of them', x_confirm_password: 'one more of them' })
    expect([late.page.url.pathname, late.page.heading]).toEqual(['/v2/errors/error', 'Get a fresh link'])
    await late.follow('Get a new link')
    expect(late.page.heading).toBe('Reset your password')
  })

  test('by code, where the project sends codes; strangers see the same', async () => {
    const coded = await server.project({
      ...config,
      ui: { forgot_password: { email: [{ channel: 'email', otp_form: 'code' }] } },
    })
    const email = newEmail()
    await signedUp(email, coded)
    const stranger = plainBrowser(coded)
    const browser = plainBrowser(coded)
    for (const [one, who] of [
      [browser, email],
      [stranger, 'nobody@example.com'],
    ] as const) {
      await one.open('/authflow/v2/forgot_password')
      await one.send({ x_login_id: who })
    }
    const neutral = (text: string) => text.replaceAll(/ana\d+|nobody/g, 'X').replaceAll(/\d:\d\d/g, 'T')
    expect(neutral(stranger.page.text)).toBe(neutral(browser.page.text))
    expect(browser.page.url.pathname).toBe('/authflow/v2/forgot_password/otp')
    await stranger.send({ x_code: '123456' })
    expect(stranger.page.text).toContain('That code isn’t right')
    await browser.send({ x_code: codeTo(server, email) })
    expect(browser.page.url.pathname).toBe('/authflow/v2/reset_password')
    await browser.send({ x_password: 'a brand new one', x_confirm_password: 'a brand new one' })
    expect(browser.page.heading).toBe('Your password is changed')
  })

  test('ends every session unless the person keeps them, by link and by code', async () => {
    const coded = await server.project({
      ...config,
      ui: { forgot_password: { email: [{ channel: 'email', otp_form: 'code' }] } },
    })
    const answer = { x_password: 'a brand new one', x_confirm_password: 'a brand new one' }
    for (const [made, keep] of [
      [coded, false],
      [coded, true],
      [project, true],
    ] as const) {
      const email = newEmail()
      const signedIn = await signedUp(email, made)
      const browser = plainBrowser(made)
      await browser.open('/authflow/v2/forgot_password')
      await browser.send({ x_login_id: email })
      if (made === coded) await browser.send({ x_code: codeTo(server, email) })
      else {
        const link = linkTo(server, email)
        await browser.open(link.pathname + link.search)
      }
      const ticked = () => /name="x_keep_sessions"[^>]* checked/.test(browser.page.html)
      expect([browser.page.text, ticked()]).toEqual([expect.stringContaining('Keep my devices signed in'), false])
      const choice: Record<string, string> = keep ? { x_keep_sessions: 'true' } : {}
      await browser.send({ x_password: 'tiny', x_confirm_password: 'tiny', ...choice })
      expect([browser.page.text, ticked()]).toEqual([expect.stringContaining('at least 8 characters'), keep])
      await browser.send({ ...answer, ...choice })
      expect(browser.page.heading).toBe('Your password is changed')
      await server.node.log.poll()
      await signedIn.open('/settings')
      expect(signedIn.page.url.pathname).toBe(keep ? '/settings' : '/login')
    }
  })
})

describe('a link in the mail', () => {
  test('signs in the browser that asked, once it was approved on any', async () => {
    const linked = await server.project({
      ...config,
      authentication: { primary_authenticators: ['oob_otp_email'] },
      authenticator: { oob_otp: { email: { email_otp_mode: 'login_link' } } },
    })
    const email = newEmail()
    const browser = plainBrowser(linked)
    await browser.open('/signup')
    await browser.send({ x_login_id: email })
    await browser.send({ x_code: codeTo(server, email) })
    if (browser.page.url.pathname === '/authflow/v2/oob_otp_link') {
      const phone = plainBrowser(linked)
      const { pathname, search } = linkTo(server, email)
      await phone.open(pathname + search)
      await phone.send()
      await browser.send({}, { form: { action: 'check' } })
    }
    expect(browser.page.url.pathname).toBe('/settings')

    await server.clock.advance(61_000)
    const again = plainBrowser(linked)
    await again.open('/login')
    await again.send({ x_login_id: email })
    expect([again.page.url.pathname, again.page.heading]).toEqual(['/authflow/v2/oob_otp_link', 'Check your email'])
    await again.send({}, { form: { action: 'check' } })
    expect(again.page.text).toContain('That link hasn’t been opened yet')
    const { pathname, search } = linkTo(server, email)
    const phone = plainBrowser(linked)
    await phone.open(pathname + search)
    expect(phone.page.text).toContain('Sign in Chrome on macOS? Only if that’s you.')
    await again.send({}, { form: { action: 'check' } })
    expect(again.page.text).toContain('hasn’t been opened yet')
    await phone.send()
    expect(phone.page.heading).toBe('That device is signed in')
    expect([...phone.cookies.keys()].some((name) => name.endsWith('_session') && !name.includes('web'))).toBe(false)
    await again.send({}, { form: { action: 'check' } })
    expect(again.page.url.pathname).toBe('/settings')
    await phone.open(pathname + search)
    expect(phone.page.heading).toBe('This link no longer works')
  })

  test('signs in nobody once its owner says that it was not them', async () => {
    const email = newEmail()
    const linked = await server.project({
      ...config,
      authentication: { primary_authenticators: ['oob_otp_email'] },
      authenticator: { oob_otp: { email: { email_otp_mode: 'login_link' } } },
    })
    const first = plainBrowser(linked)
    await first.open('/signup')
    await first.send({ x_login_id: email })
    await first.send({ x_code: codeTo(server, email) })
    await server.clock.advance(61_000)
    const stranger = plainBrowser(linked)
    await stranger.open('/login')
    await stranger.send({ x_login_id: email })
    const { pathname, search } = linkTo(server, email)
    const owner = plainBrowser(linked)
    await owner.open(pathname + search)
    await owner.send({ x_action: 'deny' })
    expect(owner.page.heading).toBe('Nobody was signed in')
    await owner.open(pathname + search)
    expect(owner.page.heading).toBe('This link no longer works')
    await stranger.send({}, { form: { action: 'check' } })
    expect(stranger.page.url.pathname).toBe('/authflow/v2/oob_otp_link')
  })
})

describe('steps', () => {
  test('Back, reload and a second tab find the page as it was', async () => {
    const email = newEmail()
    const browser = plainBrowser(project)
    await browser.open('/signup')
    const first = browser.page
    await browser.send({ x_login_id: email })
    const second = browser.page
    await browser.open(second.url.href)
    expect(browser.page.text).toBe(second.text)
    // Back, and another address typed: both tabs go on by themselves.
    browser.restore(first)
    const other = newEmail()
    await browser.send({ x_login_id: other })
    const theirs = browser.page
    browser.restore(second)
    await browser.send({ x_code: codeTo(server, email) })
    expect(browser.page.text).toContain('Create a password')
    browser.restore(theirs)
    await browser.send({ x_code: codeTo(server, other) })
    expect(browser.page.html).toContain(`value="${other}"`)
  })

  test('a form that is sent twice has the same end', async () => {
    const email = newEmail()
    await signedUp(email)
    const browser = plainBrowser(project)
    await browser.open('/login')
    await browser.send({ x_login_id: email })
    const asked = browser.page
    await browser.send({ x_password: password })
    browser.restore(asked)
    await browser.send({ x_password: password })
    expect(browser.page.url.pathname).toBe('/settings')
  })

  test('a code counts again for the sign-in that it was spent in, and for no other', async () => {
    const email = newEmail()
    const [browser, stranger] = [plainBrowser(project), plainBrowser(project)]
    for (const one of [browser, stranger]) {
      await one.open('/signup')
      await one.send({ x_login_id: email })
      expect(one.page.url.pathname).toBe(codePage)
    }
    const asked = browser.page
    const code = codeTo(server, email)
    const { url } = asked
    const [first, second] = await Promise.all([0, 1].map(() => browser.post(url.href, { x_code: code })))
    expect([first?.url.pathname, second?.url.pathname]).toEqual(Array(2).fill('/authflow/v2/create_password'))
    browser.restore(asked)
    await browser.send({ x_code: code })
    expect(browser.page.url.pathname).toBe('/authflow/v2/create_password')
    browser.restore(asked)
    await browser.send({ x_code: code === '000000' ? '000001' : '000000' })
    expect(browser.page.text).toContain('That code isn’t right.')
    await stranger.send({ x_code: code })
    expect([stranger.page.url.pathname, stranger.page.text]).toEqual([
      codePage,
      expect.stringContaining('That code isn’t right.'),
    ])
  })

  test('belong to the browser that began them', async () => {
    const browser = plainBrowser(project)
    await browser.open('/signup')
    await browser.send({ x_login_id: newEmail() })
    const thief = plainBrowser(project)
    await thief.open(browser.page.url.href)
    expect([thief.page.status, thief.page.heading]).toEqual([404, 'This page waited too long'])
    await thief.open('/login')
    await thief.post(browser.page.url.href, { x_code: '123456' })
    expect(thief.page.heading).toBe('This page waited too long')
  })

  test('grow old; the first page of a journey does not', async () => {
    const email = newEmail()
    const browser = plainBrowser(project)
    await browser.open('/signup')
    const first = browser.page
    await browser.send({ x_login_id: email })
    await server.clock.advance(21 * 60_000)
    await browser.send({ x_code: '123456' })
    expect(browser.page.heading).toBe('This page waited too long')
    browser.restore(first)
    await browser.send({ x_login_id: email })
    expect(browser.page.url.pathname).toBe(codePage)
  })

  test('two apps in two tabs get their own people', async () => {
    const browser = plainBrowser(project)
    await browser.open(authorizeUrl({ state: 'one', x_page: 'signup' }))
    const one = browser.page
    await browser.open(authorizeUrl({ state: 'two', x_page: 'signup' }))
    const email = newEmail()
    browser.restore(one)
    await browser.send({ x_login_id: email })
    await browser.send({ x_code: codeTo(server, email) })
    await browser.send({ x_password: password, x_confirm_password: password })
    expect(browser.page.url.searchParams.get('state')).toBe('one')
  })

  test('without cookies there is an explanation, not a circle', async () => {
    const browser = plainBrowser(project)
    await browser.open('/login')
    const { url } = browser.page
    browser.cookies.clear()
    await browser.open(url.href)
    expect(browser.page.heading).toBe('Your browser kept no cookie')
  })
})

describe('the door', () => {
  test('nothing is cached, framed by strangers, or allowed to run in a page', async () => {
    const { page } = await pageOf('/login')
    expect(page.headers.get('cache-control')).toBe('no-store')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';")
    expect(policy).toContain("form-action 'self';")
    expect(policy).toContain("base-uri 'none'")
    expect(policy).not.toContain('unsafe')
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await pageOf(authorizeUrl())).page.headers.get('content-security-policy')).toContain(
      "form-action 'self' http:;",
    )
  })

  async function pageOf(path: string) {
    const browser = plainBrowser(project)
    await browser.open(path)
    return browser
  }

  test.each([
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
    ['origin', 'https://evil.example'],
  ])('a form from elsewhere changes nothing (%s: %s)', async (name, value) => {
    const email = newEmail()
    const browser = await pageOf('/signup')
    const form = browser.page
    const sent = server.outbox.length
    await browser.send({ x_login_id: email }, { headers: { [name]: value } })
    expect([browser.page.status, browser.page.heading]).toEqual([200, 'We stopped a request from another site'])
    expect(server.outbox.length).toBe(sent)
    browser.restore(form)
    await browser.send({ x_login_id: email }, { headers: { 'sec-fetch-site': 'same-origin' } })
    expect(browser.page.url.pathname).toBe(codePage)
    const out = await signedUp(newEmail())
    await out.open('/logout')
    await out.send({}, { headers: { [name]: value } })
    await out.open('/settings')
    expect(out.page.url.pathname).toBe('/settings')
  })

  test('what is typed and what is in the address is never markup', async () => {
    const evil = '"><img src=x onerror=alert(1)>@example.com'
    const browser = await pageOf(
      `/login?q_login_id=${encodeURIComponent(evil)}&ui_locales=${encodeURIComponent('"><script>')}`,
    )
    expect(browser.page.html).not.toContain('<img')
    await browser.send({ x_login_id: evil })
    expect(browser.page.html).not.toContain('<img')
    expect(formsOf(browser.page.html)[0]?.fields.get('x_login_id')).toBe(evil)
    await browser.open(`/nowhere/${encodeURIComponent(evil)}?x=${encodeURIComponent(evil)}`)
    expect(browser.page.html).not.toContain('<img')
  })

  test('no address breaks a header, and none leads astray', async () => {
    const browser = await pageOf(
      `/login?redirect_uri=${encodeURIComponent('//evil.example/')}&ui_locales=en%0d%0aset-cookie:x=y`,
    )
    expect(browser.cookies.has('x')).toBe(false)
    for (const redirect of ['//evil.example/', 'https://evil.example/', '/\\evil.example']) {
      const email = newEmail()
      const person = await pageOf(`/signup?${new URLSearchParams({ redirect_uri: redirect })}`)
      await person.send({ x_login_id: email })
      await person.send({ x_code: codeTo(server, email) })
      await person.send({ x_password: password, x_confirm_password: password })
      expect(person.page.url.href).toBe(`${project.local_origin}/settings`)
    }
    const away = await signedUp(newEmail())
    await away.open('/logout?redirect_uri=https%3A%2F%2Fevil.example%2F')
    await away.send()
    expect(away.page.url.origin).toBe(project.local_origin)
  })

  test('searches are told to keep away', async () => {
    expect(await (await fetch(`${project.local_origin}/robots.txt`)).text()).toBe('User-agent: *\nDisallow: /\n')
  })

  test('a page that is not there says so; other doors speak their own way', async () => {
    const browser = await pageOf('/no/such/page')
    expect([browser.page.status, browser.page.heading]).toEqual([404, 'There’s no page here'])
    const api = await fetch(`${project.local_origin}/api/no/such`)
    expect(api.headers.get('content-type')).not.toContain('text/html')
    const program = await fetch(`${project.local_origin}/no/such/page`)
    expect([program.status, program.headers.get('content-type')]).toEqual([
      404,
      expect.not.stringContaining('text/html'),
    ])
  })

  test('a page speaks the language that is asked for, and remembers it', async () => {
    const browser = plainBrowser(project, { headers: { 'accept-language': 'zh-HK,zh;q=0.9' } })
    await browser.open('/login')
    expect(browser.page.html).toContain('<html lang="zh-TW"')
    await browser.open('/login?ui_locales=en')
    expect(browser.page.html).toContain('<html lang="en"')
    await browser.open('/signup')
    expect(browser.page.html).toContain('<html lang="en"')
    await browser.open('/signup?x_color_scheme=dark')
    await browser.open('/login')
    expect(browser.page.html).toContain('data-theme="dark"')
  })

  test('a form of megabytes is turned away', async () => {
    const browser = await pageOf('/login')
    await browser.send({ x_login_id: 'x'.repeat(1_200_000) })
    expect(browser.page.status).toBe(413)
  })

  test('direct access and the pages themselves can be switched off', async () => {
    const apart = await server.project({
      ...config,
      ui: { direct_access_disabled: true, brand_page_uri: 'https://acme.example/' },
    })
    const browser = plainBrowser(apart)
    await browser.open('/login')
    expect(browser.page.heading).toBe('Start from your app')
    await browser.open(authorizeUrl())
    expect(browser.page.url.pathname).toBe('/signup')
    const off = await server.project({ ...config, ui: { authentication_disabled: true } })
    const none = plainBrowser(off)
    await none.open('/login')
    expect(none.page.heading).toBe('This is switched off')
  })

  test('a secret that was typed is in no log line', () => {
    expect(lines.join('\n')).not.toContain(password)
    expect(lines.join('\n')).not.toMatch(/authflowstate_[0-9A-Z]{32}/)
  })
})

test('a form of another site is shown a page that says so, and begins nothing (64)', async () => {
  const project = await server.project({})
  const browser = plainBrowser(project)
  await browser.open('/login')
  const flows = async () =>
    (
      await server.node.world.db.query
        .selectFrom('flow_state')
        .select('id')
        .where('project_id', '=', project.id)
        .execute()
    ).length
  const before = await flows()
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://elsewhere.example' }]) {
    const seen = await browser.post(
      browser.page.url.href,
      { x_action: 'login_id', x_login_id: 'a@example.com' },
      headers,
    )
    expect(seen.status).toBe(200)
    expect(seen.heading).toBe('We stopped a request from another site')
  }
  expect(await flows()).toBe(before)
})

test('signing out is asked for, ends the session, and clears its cookies', async () => {
  const browser = await signedUp(newEmail())
  await browser.open('/logout')
  expect(browser.page.heading).toBe(`Sign out of ${inWords(project.id)}?`)
  await browser.open('/settings')
  expect(browser.page.url.pathname).toBe('/settings')
  const stolen = new Map(browser.cookies)
  await browser.open('/logout')
  await browser.send()
  expect(browser.page.url.pathname).toBe('/login')
  expect([...browser.cookies.keys()].filter((name) => /(^|_)session$/.test(name) && !name.includes('web'))).toEqual([])
  const thief = plainBrowser(project)
  for (const [name, value] of stolen) thief.cookies.set(name, value)
  await server.node.log.poll() // At most a second later everywhere (D13); here at once.
  await thief.open('/settings')
  expect(thief.page.url.pathname).toBe('/login')
})
