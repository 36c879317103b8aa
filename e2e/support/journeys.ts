// Walks through every hosted page, in the order in which people meet them. Each page that stands is shown to the walker.
import { TOTP } from 'otpauth'
import { password, type Walker } from './hosted.ts'

const mine = `${password} 7`
const settled = (walk: Walker) => walk.page.waitForURL((url) => url.pathname === '/settings')

async function signUp(walk: Walker) {
  const email = walk.email()
  await walk.authorize('acme', { x_page: 'signup' })
  await walk.see('sign-up')
  await walk.send({ x_login_id: '' })
  await walk.see('sign-up, nothing typed')
  await walk.send({ x_login_id: 'ana@' })
  await walk.see('sign-up, not an address')
  await walk.send({ x_login_id: email })
  await walk.see('code for a new address')
  await walk.send({ x_code: '12' })
  await walk.see('code, wrong')
  // With script the button waits with the person.
  if (await walk.page.locator('.resend button').isVisible()) {
    await walk.press('.resend button')
    await walk.see('code, asked for again too soon')
  }
  await walk.send({ x_code: walk.code(email) })
  await walk.see('new password')
  await walk.send({ x_password: 'a', x_confirm_password: 'a' })
  await walk.see('new password, rules unmet')
  await walk.send({ x_password: mine, x_confirm_password: mine })
  await walk.authorize('acme')
  await walk.see('continue as')
  await walk.signOut('acme')

  await walk.open('acme', '/signup')
  await walk.send({ x_login_id: email })
  await walk.see('sign-up, address taken')
}

async function signIn(walk: Walker) {
  const email = await walk.signUp('acme', walk.email('maximilianefriederikevonhohenzollernsigmaringen'))
  await walk.open('acme', '/logout')
  await walk.see('sign out?')
  await walk.send()
  await walk.open('acme', '/logout')
  await walk.see('signed out')
  await walk.authorize('acme', { x_page: 'login' })
  await walk.see('sign-in')
  await walk.send({ x_login_id: 'nobody@example.com' })
  await walk.see('sign-in, nobody we know')
  await walk.send({ x_login_id: email })
  await walk.see('password, long address')
  await walk.send({ x_password: 'not this one' })
  await walk.see('password, wrong')
  await walk.press('.alternatives .button.text')
  await walk.see('code instead of the password')
  await walk.send({ x_code: walk.code(email) })

  await walk.authorize('acme', { prompt: 'login', login_hint: '' })
  await walk.see('sign-in once more')
  await walk.authorize('acme', { client_id: 'partner', scope: 'openid offline_access email profile phone' })
  await walk.send()
  await walk.see('consent')
  await walk.press('.button.secondary')
}

async function reauthenticate(walk: Walker) {
  const email = await walk.signUp('acme')
  await walk.authorize('acme', { prompt: 'login', id_token_hint: await idToken(walk) })
  await walk.see('confirm it is you')
  await walk.send({ x_password: 'not this one' })
  await walk.see('confirm it is you, wrong password')
  await walk.press('.alternatives .button.text')
  await walk.see('confirm it is you, by code')
  await walk.send({ x_code: walk.code(email) })
}

/** Goes to the app and back for an ID token of whoever is signed in. */
async function idToken(walk: Walker): Promise<string> {
  await walk.authorize('acme')
  await walk.send()
  return tokens(walk, 'notes')
}

/** As the app does with the code that it was just sent. */
async function tokens(walk: Walker, client_id: string): Promise<string> {
  const response = await fetch(`${walk.hosts.local('acme')}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id,
      redirect_uri: walk.hosts.app,
      code: new URL(walk.page.url()).searchParams.get('code') ?? '',
      code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    }),
  })
  const { id_token } = (await response.json()) as { id_token?: string }
  if (id_token === undefined) throw new Error(`no ID token: ${response.status}`)
  return id_token
}

async function lostPassword(walk: Walker) {
  const email = await walk.signUp('acme')
  await walk.signOut('acme')
  await walk.authorize('acme', { x_page: 'login' })
  await walk.send({ x_login_id: email })
  await walk.press('.alternatives a[href*=forgot]')
  await walk.see('lost password')
  await walk.send()
  await walk.see('lost password, link sent')
  const link = walk.link(email)
  await walk.page.goto(link)
  await walk.see('reset password, from the link')
  await walk.send({ x_password: 'password', x_confirm_password: 'password' })
  await walk.see('reset password, too easy')
  await walk.send({ x_password: `${mine}!`, x_confirm_password: `${mine}!` })
  await walk.see('reset password, done')
  await walk.page.goto(link)
  await walk.send({ x_password: `${mine}?`, x_confirm_password: `${mine}?` })
  await walk.see('reset password, link spent')
}

async function lostPasswordByCode(walk: Walker) {
  const phone = walk.phone()
  await walk.open('codes', '/')
  await walk.see('one page for both, phone or email')
  await walk.send({ x_login_id: phone })
  await walk.see('code to a phone')
  await walk.send({ x_code: walk.code(phone) })
  await walk.see('choose what to set up')
  await walk.send({ x_password: mine, x_confirm_password: mine })
  const email = walk.email()
  await walk.open('codes', '/settings/identity/add_email')
  await walk.send({ x_login_id: email })
  await walk.send({ x_code: walk.code(email) })
  await walk.signOut('codes')
  await walk.open('codes', '/authflow/v2/forgot_password')
  await walk.see('lost password, phone or email')
  await walk.send({ x_login_id: email })
  await walk.see('lost password, where to send it')
  await walk.send()
  await walk.see('lost password, code')
  await walk.send({ x_code: '111' })
  await walk.see('lost password, wrong code')
  await walk.send({ x_code: walk.code(email) })
  await walk.see('reset password, after a code')
  await walk.send({ x_password: mine, x_confirm_password: `${mine}!` })
  if (await walk.page.locator('[aria-invalid=true]').count()) await walk.see('reset password, typed differently')
}

async function link(walk: Walker) {
  const email = walk.email()
  await walk.open('links', '/signup')
  await walk.send({ x_login_id: email })
  await walk.send({ x_code: walk.code(email) })
  await walk.signOut('links')
  await walk.open('links', '/login')
  await walk.send({ x_login_id: email })
  await walk.see('link sent')
  await walk.send()
  await walk.see('link not opened yet')
  const waiting = walk.page
  const mail = walk.link(email)
  walk.page = await walk.context.newPage()
  await walk.page.goto(mail)
  await walk.see('approve the link')
  await walk.press('.button.secondary')
  await walk.see('link denied')
  await walk.page.goto(mail)
  await walk.send()
  await walk.see('link approved')
  await walk.page.close()
  walk.page = waiting
  await walk.send()
  await walk.open('links', '/authflow/v2/verify_login_link?code=0123456789ABCDEF')
  await walk.see('link spent')
}

async function secondStep(walk: Walker) {
  await walk.open('twostep', '/signup')
  const email = walk.email()
  await walk.send({ x_login_id: email })
  await walk.send({ x_code: walk.code(email) })
  await walk.send({ x_password: mine, x_confirm_password: mine })
  await walk.see('second step, set up a password')
  await walk.press('.alternatives li:first-child > *')
  await walk.see('second step, set up a phone')
  await walk.send({ x_target: '12' })
  await walk.see('second step, not a number')
  const phone = walk.phone()
  await walk.send({ x_target: phone })
  await walk.see('second step, code to set up')
  await walk.send({ x_code: walk.code(phone) })
  await settled(walk)
  await walk.signOut('twostep')
  await walk.open('twostep', '/login')
  await walk.send({ x_login_id: email })
  await walk.send({ x_password: mine })
  await walk.see('second step, code')
  await walk.send({ x_code: walk.code(phone) })
}

/** What an authenticator app shows after scanning the page, half a minute after whatever it showed before. */
async function appCode(walk: Walker): Promise<string> {
  const secret = (await walk.page.locator('#secret').innerText()).replaceAll(/\s/g, '')
  return codeOf(walk, secret)
}

async function codeOf(walk: Walker, secret: string): Promise<string> {
  await walk.hosts.server.clock.advance(60_000)
  return new TOTP({ secret }).generate({ timestamp: walk.hosts.server.clock.now().getTime() })
}

async function authenticatorApp(walk: Walker) {
  const email = walk.email()
  await walk.open('app', '/signup')
  await walk.send({ x_login_id: email })
  await walk.send({ x_code: walk.code(email) })
  await walk.send({ x_password: mine, x_confirm_password: mine })
  await walk.see('app, set up')
  await walk.send({ x_code: '12' })
  await walk.see('app, set up, wrong code')
  const secret = (await walk.page.locator('#secret').innerText()).replaceAll(/\s/g, '')
  await walk.send({ x_code: await appCode(walk) })
  await walk.see('recovery codes')
  const codes = await walk.page.locator('#codes code').allInnerTexts()
  await walk.send()
  await settled(walk)
  await walk.signOut('app')
  const signIn = async () => {
    await walk.open('app', '/login')
    await walk.send({ x_login_id: email })
    await walk.send({ x_password: mine })
  }
  await signIn()
  await walk.see('app, enter its code')
  await walk.send({ x_code: '000000' })
  await walk.see('app, wrong code')
  await walk.press('.alternatives a')
  await walk.see('recovery code')
  await walk.send({ x_recovery_code: 'ABCDE-FGHJK' })
  await walk.see('recovery code, wrong')
  await walk.send({ x_recovery_code: codes[0] ?? '' })
  await settled(walk)
  await walk.signOut('app')
  await signIn()
  await walk.page.locator('#x_device_token').check()
  await walk.send({ x_code: await codeOf(walk, secret) })
  await settled(walk)
  await walk.open('app', '/settings/mfa')
  await walk.see('two-step, one device trusted')
  await walk.press('.row-action button')
  await walk.see('two-step, no device trusted')
}

async function twoStepSettings(walk: Walker) {
  await walk.signUp('acme')
  await walk.hosts.configure('acme', {
    authentication: {
      identities: ['login_id', 'anonymous'],
      primary_authenticators: ['password', 'oob_otp_email', 'oob_otp_sms'],
      secondary_authenticators: ['totp', 'oob_otp_email', 'oob_otp_sms', 'password'],
      recovery_code: { list_enabled: true },
    },
  })
  await walk.open('acme', '/settings/mfa')
  await walk.see('two-step, nothing set up')
  await walk.press('a[href="/settings/mfa/totp"]')
  await walk.see('two-step, apps, none')
  await walk.press('a[href*="create_totp"]')
  await walk.see('two-step, add an app')
  await walk.send({ x_code: '12', x_display_name: '我的手機' })
  await walk.see('two-step, add an app, wrong code')
  await walk.send({ x_code: await appCode(walk), x_display_name: '我的手機' })
  await walk.see('two-step, new recovery codes')
  await walk.send()
  await walk.open('acme', '/settings/mfa/totp')
  await walk.see('two-step, apps')
  await walk.press('a[href*="q_authenticator_id"]')
  await walk.see('two-step, remove the last one?')
  await walk.press('.button.secondary')
  for (const [type, wrong, right] of [
    ['oob_otp_email', 'ana@', walk.email()],
    ['oob_otp_sms', '12', walk.phone()],
  ] as const) {
    await walk.open('acme', `/settings/mfa/${type}`)
    await walk.see(`two-step, ${type}, none`)
    await walk.press(`a[href*="create_${type}"]`)
    await walk.send({ x_target: wrong })
    await walk.see(`two-step, ${type}, wrong`)
    await walk.send({ x_target: right })
    await walk.see(`two-step, ${type}, code`)
    await walk.send({ x_code: walk.code(right) })
    await walk.see(`two-step, ${type}, added`)
  }
  await walk.open('acme', '/settings/mfa/create_password')
  await walk.see('two-step, second password')
  await walk.send({ x_password: `${mine}?`, x_confirm_password: `${mine}?` })
  await walk.see('two-step, second password, set')
  await walk.press('a[href*="change_password"]')
  await walk.see('two-step, second password, change')
  await walk.open('acme', '/settings/mfa/view_recovery_code')
  await walk.see('two-step, recovery codes')
  await walk.press('a[href*="q_renew"]')
  await walk.see('two-step, renew the codes?')
  await walk.open('acme', '/settings/mfa')
  await walk.see('two-step, all set up')
}

async function forcedChange(walk: Walker) {
  const email = await walk.signUp('emails')
  await walk.signOut('emails')
  await walk.hosts.configure('emails', {
    authenticator: { password: { policy: { min_length: 30 }, force_change: true } },
  })
  await walk.open('emails', '/login')
  await walk.send({ x_login_id: email })
  await walk.send({ x_password: mine })
  await walk.see('forced new password')
}

async function questions(walk: Walker) {
  await walk.open('questions', '/signup')
  await walk.see('sign-up by username')
  await walk.send({ x_login_id: walk.email('ana').replace('@example.com', '') })
  await walk.send({ x_password: mine, x_confirm_password: mine })
  await walk.see('a little about you')
  await walk.send()
  await walk.see('a little about you, both missing')
  await walk.send({ '/given_name': 'Ana', '/birthdate': '1990-12-31' })
  await settled(walk)
  await walk.see('settings, little to show')
}

async function oneSession(walk: Walker) {
  const email = await walk.signUp('acme')
  await walk.authorize('acme', { client_id: 'single' })
  await walk.send()
  await tokens(walk, 'single')
  await walk.context.clearCookies()
  await walk.authorize('acme', { client_id: 'single', x_page: 'login' })
  await walk.send({ x_login_id: email })
  await walk.send({ x_password: mine })
  await walk.see('already signed in elsewhere')
}

async function guest(walk: Walker) {
  await walk.open('acme', '/login')
  await walk.page.evaluate(() =>
    fetch('/api/anonymous_user/signup', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session_type: 'cookie' }),
    }),
  )
  await walk.open('acme', '/settings')
  await walk.see('settings of a guest')
  await walk.press('main .button.primary')
  await walk.see('keep what a guest did')
}

async function settings(walk: Walker) {
  await walk.signUp('acme')
  await settled(walk)
  await walk.see('settings')
  await walk.open('acme', '/settings/profile')
  await walk.see('profile, empty')
  for (const [variant, fields] of Object.entries(profileFields)) {
    await walk.open('acme', `/settings/profile/${variant}/edit`)
    await walk.see(`profile, edit ${variant}`)
    await walk.send(fields)
  }
  await walk.see('profile, saved')
  await walk.open('acme', '/settings/profile/name/edit')
  await walk.send({ '/website': 'not a web address' })
  await walk.see('profile, not a web address')

  for (const [kind, wrong, right] of [
    ['email', 'ana@', walk.email()],
    ['phone', '12', walk.phone()],
    ['username', 'a b', `ana_silva_${Date.now() % 1_000_000}${Math.floor(Math.random() * 1000)}`],
  ] as const) {
    await walk.open('acme', `/settings/identity/${kind}`)
    await walk.see(`${kind}, list`)
    await walk.press(`a.button[href*="add_${kind}"]`)
    await walk.see(`${kind}, add`)
    await walk.send({ x_login_id: wrong })
    await walk.see(`${kind}, add, wrong`)
    await walk.send({ x_login_id: right })
    if (kind !== 'username') {
      await walk.see(`${kind}, add, code`)
      await walk.send({ x_code: walk.code(right) })
    }
    await walk.see(`${kind}, added`)
    await walk.press(`a[href*="view_${kind}"]`)
    await walk.see(`${kind}, one`)
    await walk.press(`a[href*="change_${kind}"]`)
    await walk.see(`${kind}, change`)
  }
  await walk.open('acme', '/settings/identity/change_primary_email')
  await walk.see('primary email')
  await walk.page.locator('.choice').nth(1).click()
  await walk.send()
  await walk.see('primary email, saved')
  await walk.press('a[href*="view_email"]')
  await walk.press('.button.danger')
  await walk.see('email, removed')

  await walk.open('acme', '/settings/change_password')
  await walk.see('change password')
  await walk.send({ x_old_password: 'wrong', x_new_password: mine, x_confirm_password: mine })
  await walk.see('change password, wrong one')
  await walk.open('acme', '/settings')
  await walk.see('settings, full')
  await walk.press('a[href="/settings/language"]')
  await walk.see('language')
  await walk.press('a[href="/settings"]')
  await walk.press('a[href="/settings/delete_account"]')
  await walk.see('close the account')
  await walk.send({ delete: 'delete' }, '.button.danger')
  await walk.see('close the account, not typed out')
  await walk.send({ delete: 'DELETE' }, '.button.danger')
  await walk.see('account closed')
}

const profileFields: Record<string, Record<string, string>> = {
  name: {
    '/name': 'Maximiliane Friederike von Hohenzollern-Sigmaringen',
    '/given_name': 'Maximiliane',
    '/family_name': 'von Hohenzollern-Sigmaringen',
    '/nickname': 'Maxi',
    '/website': 'https://example.com/people/maximiliane',
  },
  gender: {},
  birthdate: { '/birthdate': '1990-12-31' },
  locale: { '/locale': 'zh-TW' },
  zoneinfo: { '/zoneinfo': 'Asia/Taipei' },
  address: {},
  custom: { '/colour': 'green' },
}

async function devices(walk: Walker) {
  const email = await walk.signUp('acme')
  await walk.open('acme', '/settings/sessions')
  await walk.see('devices, this one alone')
  await walk.context.clearCookies()
  for (let other = 0; other < 2; other++) {
    await walk.open('acme', '/login')
    await walk.send({ x_login_id: email })
    await walk.send({ x_password: mine })
    if (other === 0) await walk.context.clearCookies()
  }
  await walk.authorize('acme', { client_id: 'partner' })
  await walk.send()
  await walk.send()
  await walk.open('acme', '/settings/sessions')
  await walk.see('devices and apps')
  await walk.press('a[href*="q_authorization_id"]')
  await walk.see('remove the access of an app?')
  await walk.press('.button.secondary')
  await walk.press('a[href*="q_session_id"]')
  await walk.see('sign out a device?')
  await walk.send()
  await walk.see('device signed out')
  await walk.press('a[href*="q_all"]')
  await walk.see('sign out everywhere else?')
  await walk.send()
}

async function deadEnds(walk: Walker) {
  const email = await walk.signUp('acme')
  await walk.signOut('acme')
  const { users } = (await walk.hosts.admin(
    'acme',
    `query { users(searchKeyword: "${email}") { edges { node { id } } } }`,
  )) as { users: { edges: { node: { id: string } }[] } }
  await walk.hosts.admin(
    'acme',
    'mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true, reason: "Asked for by the owner" }) { user { id } } }',
    { id: users.edges[0]?.node.id },
  )
  await walk.authorize('acme', { x_page: 'login' })
  await walk.send({ x_login_id: email })
  await walk.send({ x_password: mine })
  await walk.see('account switched off')
  await walk.open('acme', '/nowhere')
  await walk.see('no such page')
  await walk.open('acme', '/authflow/v2/enter_password?x_step=authflowstate_0')
  await walk.see('page waited too long')
  await walk.open('acme', '/errors/cookie_instruction')
  await walk.see('no cookie')
  await walk.authorize('acme', { redirect_uri: 'https://elsewhere.example/' })
  await walk.see('request of an app does not add up')
  await walk.open('closed', '/login')
  await walk.see('sign-in, no new accounts')
  await walk.open('closed', '/signup')
  await walk.see('new accounts by invitation')
  await walk.open('closed', '/errors/feature_disabled')
  await walk.see('switched off')
  await walk.open('shut', '/login')
  await walk.see('start from your app')
  await walk.page.goto(walk.hosts.origin('acme').replace('//acme.', '//nobody.'))
  await walk.see('nothing at this host')
}

/** Every walk by its name. None needs another one. */
/** What a device shows that asks to be signed in. */
async function deviceCode(walk: Walker, more: Record<string, string>): Promise<string> {
  const response = await fetch(`${walk.hosts.local('acme')}/oauth2/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams(more),
  })
  const { user_code } = (await response.json()) as { user_code?: string }
  if (user_code === undefined) throw new Error(`no code: ${response.status}`)
  return user_code
}

async function television(walk: Walker) {
  await walk.signUp('acme')
  await walk.open('acme', '/device')
  await walk.see('device, its code')
  await walk.send({ user_code: '' })
  await walk.see('device, nothing typed')
  await walk.send({ user_code: 'BCDF-GHJK' })
  await walk.see('device, a code that nobody shows')
  await walk.send({ user_code: await deviceCode(walk, { client_id: 'television' }) })
  await walk.see('device, continue as')
  await walk.send()
  await walk.see('device, sign it in?')
  await walk.send()
  await walk.see('device, signed in')

  const asked = {
    client_id: 'partner',
    client_secret: walk.hosts.secret('acme', 'partner'),
    scope: 'openid email phone',
  }
  await walk.open('acme', `/device?user_code=${await deviceCode(walk, asked)}`)
  await walk.see('device, its code filled in')
  await walk.send()
  await walk.send()
  await walk.see('device, of a third party')
  await walk.press('.button.secondary')
  await walk.see('device, not signed in')
}

export const journeys: Record<string, (walk: Walker) => Promise<void>> = {
  signUp,
  signIn,
  reauthenticate,
  lostPassword,
  lostPasswordByCode,
  link,
  secondStep,
  authenticatorApp,
  twoStepSettings,
  forcedChange,
  questions,
  oneSession,
  guest,
  settings,
  devices,
  television,
  deadEnds,
}
