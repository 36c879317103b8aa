// The demo: what an app does with @authgear/web, and what its two backends learn from it.
// Everything about signing in is the SDK's; this file is buttons, and showing what came back.
import {
  OAuthError,
  Page,
  PromptOption,
  SessionState,
  SessionStateChangeReason,
  type UserInfo,
  WebContainer,
} from '@authgear/web'
import { type Ask, ask } from './backends.ts'
import { chip, drawLog, element, notify, quiet, timeOf } from './page.ts'
import { clearWire, noteNavigation, watchWire, wiredFetch } from './wire.ts'

/** What start.ts knows and a static page cannot. */
type Setup = { endpoint: string; clientId: string; nginx: string; nginxCommand: string }

const authgear = new WebContainer()
const home = `${location.origin}/`
const reauthenticated = `${location.origin}/reauthenticated`
const settingsDone = `${location.origin}/settings-done`

const setup = await begin()
if (setup !== undefined) {
  await comeBack()
  await draw()
  keepAsking(setup)
}

async function begin(): Promise<Setup | undefined> {
  watchWire({ onLine: drawLog, onToken: showToken })
  try {
    const given = (await (await fetch('/config.json')).json()) as Setup
    for (const [id, path] of [
      ['to-inbox', '/_dev'],
      ['to-start', '/_dev/start'],
    ] as const)
      element<HTMLAnchorElement>(id).href = given.endpoint + path
    for (const link of document.querySelectorAll<HTMLAnchorElement>('[data-href=inbox]'))
      link.href = `${given.endpoint}/_dev`
    element('nginx-origin').textContent = given.nginx
    element('nginx-command').textContent = given.nginxCommand
    authgear.delegate = { onSessionStateChange: (_, reason) => sessionChanged(reason) }
    await authgear.configure({
      endpoint: given.endpoint,
      clientID: given.clientId,
      sessionType: 'refresh_token',
      // One session for every app under this host: nginx's backend knows the browser by its cookie, too.
      isSSOEnabled: true,
      fetch: wiredFetch,
    })
    bind()
    return given
  } catch (error) {
    notify('danger', `The demo could not start: ${words(error)}`)
    return undefined
  }
}

// --- Coming back from Headgear ---

async function comeBack(): Promise<void> {
  const query = new URLSearchParams(location.search)
  if (!query.has('code') && !query.has('error')) {
    if (location.pathname !== '/') history.replaceState(null, '', '/')
    return
  }
  const path = location.pathname
  noteNavigation(`${path}?${query.has('code') ? 'code=…' : `error=${query.get('error')}`}`, 'back from Headgear')
  const expected = sessionStorage.getItem('demo.state')
  sessionStorage.removeItem('demo.state')
  try {
    // PKCE already ties the code to this browser; the state ties it to the button that was pressed.
    if (query.get('state') !== expected) throw new Error('this answer belongs to no question of this tab. Start again.')
    if (path === '/reauthenticated') {
      await authgear.finishReauthentication()
      notify('ok', 'Confirmed: it is you. The session is the same, its sign-in time is new.')
    } else if (path === '/settings-done') {
      await authgear.finishChangePassword()
      notify('ok', 'Your password is changed.')
    } else {
      await authgear.finishAuthentication()
    }
  } catch (error) {
    notify('danger', words(error))
  }
  history.replaceState(null, '', '/')
}

/** For a request that leaves this page; remembered so that only its own answer is accepted. */
function newState(): string {
  const state = crypto.randomUUID()
  sessionStorage.setItem('demo.state', state)
  return state
}

// --- Who is signed in ---

function isSignedIn(): boolean {
  return authgear.sessionState === SessionState.Authenticated
}

function sessionChanged(reason: SessionStateChangeReason): void {
  if (reason === SessionStateChangeReason.Invalid)
    notify('info', "You've been signed out: this session was ended. Sign in to carry on where you were.")
  if (reason === SessionStateChangeReason.Invalid || reason === SessionStateChangeReason.Logout) void draw()
}

async function draw(): Promise<void> {
  let person: UserInfo | undefined
  if (isSignedIn()) {
    try {
      person = await authgear.fetchUserInfo()
      // After a reload the SDK has no ID token; it is what says when the person signed in.
      if (authgear.getIDTokenHint() === undefined) await authgear.refreshIDToken()
    } catch (error) {
      if (isSignedIn()) notify('danger', words(error), { label: 'Try again', act: () => location.reload() })
    }
  }
  const signedIn = isSignedIn()
  const guest = person?.isAnonymous ?? false
  document.body.dataset.session = !signedIn ? 'signed-out' : guest ? 'guest' : 'signed-in'
  element('loading').hidden = true
  element('signed-out').hidden = signedIn
  element('signed-in').hidden = !signedIn || person === undefined
  element('actions').hidden = !signedIn
  for (const row of document.querySelectorAll<HTMLElement>('[data-for]'))
    row.hidden = row.dataset.for !== (guest ? 'guest' : 'account')
  if (signedIn && person !== undefined) drawPerson(person)
}

function drawPerson(person: UserInfo): void {
  const name = person.isAnonymous
    ? 'Guest'
    : (person.name ?? person.email ?? person.preferredUsername ?? person.phoneNumber ?? 'Signed in')
  const detail = person.isAnonymous
    ? 'A user like any other, with no way to come back after signing out.'
    : [person.email, person.phoneNumber, person.preferredUsername]
        .filter((text) => text !== undefined && text !== name)
        .join(' · ')
  element('avatar').textContent = Array.from(name)[0]?.toLocaleUpperCase() ?? ''
  element('person-name').textContent = name
  element('person-detail').textContent = detail
  element('person-detail').hidden = detail === ''
  element('user-id').textContent = person.sub
  const chips = [
    person.isAnonymous
      ? chip('Guest')
      : chip(person.isVerified ? 'Verified' : 'Not verified', person.isVerified ? 'ok' : 'warn'),
    ...(person.roles ?? []).map((role) => chip(role)),
  ]
  element('chips').replaceChildren(...chips)
  const since = authgear.getAuthTime()
  element('auth-time').textContent = since === undefined ? '–' : timeOf(since)
  element('userinfo').textContent = JSON.stringify(person.raw, null, 2)
}

function showToken(expiresIn: number): void {
  element('token-state').textContent =
    `good until ${timeOf(Date.now() + expiresIn * 1000)}; the SDK renews it when needed`
}

// --- Buttons ---

function bind(): void {
  on('sign-in', async () => {
    noteNavigation('/oauth2/authorize', 'asks for a code, with a PKCE challenge')
    await authgear.startAuthentication({ redirectURI: home, state: newState() })
  })
  on('sign-up', async () => {
    noteNavigation('/oauth2/authorize', 'the same, with x_page=signup')
    await authgear.startAuthentication({
      redirectURI: home,
      state: newState(),
      page: 'signup',
      prompt: PromptOption.Login,
    })
  })
  on('guest', async () => {
    await authgear.authenticateAnonymously()
    quiet()
    await draw()
  })
  on('promote', async () => {
    await authgear.startPromoteAnonymousUser({ redirectURI: home, state: newState() })
    noteNavigation('/oauth2/authorize', 'with the promotion code as login_hint')
  })
  on('reauthenticate', async () => {
    // The SDK goes by the ID token it holds; a fresh one says what this person can do now.
    await authgear.refreshIDToken()
    if (!authgear.canReauthenticate()) throw new Error('this account has no password or code to confirm with.')
    noteNavigation('/oauth2/authorize', 'max_age=0 and the ID token: the same person, again')
    await authgear.startReauthentication({ redirectURI: reauthenticated, state: newState() })
  })
  on('settings', async () => {
    noteNavigation('/oauth2/authorize', 'prompt=none with the one-time ticket; a new tab lands in the settings')
    await authgear.open(Page.Settings)
  })
  on('change-password', async () => {
    await authgear.refreshIDToken()
    noteNavigation('/oauth2/authorize', 'x_settings_action=change_password')
    await authgear.startChangePassword({ redirectURI: settingsDone, state: newState() })
  })
  on('sign-out', () => signOut(false))
  on('call-backends', async () => {
    if (setup !== undefined) await askAll(setup)
  })
  element('clear-log').addEventListener('click', clearWire)
  // Another tab signed in or out: the refresh token lives in storage that both share.
  addEventListener('storage', (event) => {
    if (event.key === 'authgear_default_refreshToken' && (event.newValue !== null) !== isSignedIn()) location.reload()
  })
}

async function signOut(force: boolean): Promise<void> {
  try {
    await authgear.logout({ redirectURI: home, force })
    notify('info', 'You are signed out, here and in every app that shared this session.')
    if (setup !== undefined) await askAll(setup)
  } catch (error) {
    notify('danger', `${words(error)} You are still signed in.`, {
      label: 'Forget it on this device',
      act: () => void signOut(true),
    })
  }
}

function on(id: string, act: () => Promise<void>): void {
  const button = element<HTMLButtonElement>(id)
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-busy') === 'true') return
    button.setAttribute('aria-busy', 'true')
    try {
      await act()
    } catch (error) {
      notify('danger', words(error))
    } finally {
      button.removeAttribute('aria-busy')
    }
  })
}

function words(error: unknown): string {
  if (error instanceof OAuthError)
    return `Headgear said ${error.error}: ${error.error_description ?? 'no more than that'}.`
  // Browsers tell a page no more about an answer that never came.
  if (error instanceof TypeError)
    return `No answer from ${setup?.endpoint ?? location.origin}. Is npm start still running?`
  return error instanceof Error ? error.message : String(error)
}

// --- The backends ---

async function askAll(by: Setup, skipNginx = false): Promise<boolean> {
  const via =
    (url: string): Ask =>
    async () => {
      const response = await authgear.fetch(url, { cache: 'no-store' })
      return { status: response.status, body: await response.json().catch(() => undefined) }
    }
  const asked = [ask('backend-userinfo', () => userinfo(by)), ask('backend-jwt', via('/api/me'))]
  const nginx = skipNginx ? undefined : ask('backend-nginx', via(`${by.nginx}/api/me`))
  await Promise.all(asked)
  return (await nginx) !== 'down'
}

async function userinfo(by: Setup): ReturnType<Ask> {
  if (!isSignedIn()) {
    const response = await wiredFetch(`${by.endpoint}/oauth2/userinfo`, { credentials: 'omit' })
    return { status: response.status, body: await response.json() }
  }
  try {
    const { sub, isAnonymous, isVerified } = await authgear.fetchUserInfo()
    return { status: 200, body: { sub, anonymous: isAnonymous, verified: isVerified } }
  } catch (error) {
    if (error instanceof OAuthError)
      return { status: 401, body: { error: error.error, error_description: error.error_description } }
    throw error
  }
}

/** Once a second while somebody looks; an nginx that is not there is asked every fifth time. */
function keepAsking(by: Setup): void {
  const live = element<HTMLInputElement>('live')
  let nginxAnswers = true
  let round = 0
  const next = async () => {
    if (live.checked && document.visibilityState === 'visible') {
      const skip = !nginxAnswers && round % 5 !== 0
      round += 1
      const answered = await askAll(by, skip)
      if (!skip) nginxAnswers = answered
    }
    setTimeout(next, 1000)
  }
  void next()
}
