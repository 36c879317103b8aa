// S1: the mobile SDKs, replayed. Every operation of theirs as they send it, with a person at the pages in between.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { type PlainBrowser, plainBrowser } from './support/browser.ts'
import { type App, type Person, phone, SdkError } from './support/phone.ts'
import { type Sdk, sdks } from './support/sdks.ts'
import { headgear } from './support/store.ts'

const password = 'correct horse battery'
const hour = 3_600_000

let server: Headgear
let project: DevelopmentProject

beforeAll(async () => {
  server = await headgear()
  project = await server.project({
    authentication: {
      identities: ['login_id', 'anonymous', 'biometric'],
      primary_authenticators: ['password'],
      // More people sign up here within a minute than one address may.
      rate_limits: { signup: { per_ip: { enabled: false } }, account_enumeration: { per_ip: { enabled: false } } },
    },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    account_deletion: { scheduled_by_end_user_enabled: true },
    oauth: {
      clients: [
        {
          client_id: 'app',
          name: 'Notes',
          x_application_type: 'native',
          redirect_uris: [
            'com.example.notes://host/callback',
            'https://notes.example.com/app',
            'capacitor://localhost',
            'https://localhost',
          ],
          x_pre_authenticated_url_enabled: true,
          x_app2app_enabled: true,
        },
        {
          client_id: 'shop',
          name: 'Shop',
          x_application_type: 'native',
          redirect_uris: ['https://shop.example.com/app'],
        },
        {
          client_id: 'web',
          name: 'Notes on the web',
          x_application_type: 'spa',
          redirect_uris: ['https://notes.example.com/cb'],
          x_pre_authenticated_url_enabled: true,
          x_pre_authenticated_url_allowed_origins: ['https://notes.example.com'],
        },
      ],
    },
  })
})
afterAll(() => server.stop())

let serial = 0
const newName = () => `ana${++serial}`

/** Signs up, whatever the first page is. */
const signsUp =
  (username: string): Person =>
  async (view) => {
    if (view.page.url.pathname === '/login') await view.follow('Create account')
    await view.send({ x_login_id: username })
    await view.send({ x_password: password, x_confirm_password: password })
  }
const signsIn =
  (username: string): Person =>
  async (view) => {
    if (view.page.url.pathname === '/signup') await view.follow('Sign in')
    await view.send({ x_login_id: username })
    await view.send({ x_password: password })
  }
const confirms: Person = (view) => view.send({ x_password: password })

const newPhone = (sdk: Sdk, more: Partial<App> = {}) =>
  phone(server, project, sdk, { redirectUri: 'com.example.notes://host/callback', ...more })
async function signedUp(sdk: Sdk, more: Partial<App> = {}) {
  const [mine, username] = [newPhone(sdk, more), newName()]
  const info = await mine.authenticate(signsUp(username), { x_page: 'signup' })
  return { mine, username, info }
}

describe.each(sdks)('S1: %s', (_, sdk: Sdk) => {
  const standing = (view: PlainBrowser) => [
    view.page.status,
    view.page.url.pathname,
    view.page.url.searchParams.get('error'),
  ]

  test('signs up and in, and is listed by its device', async () => {
    const { mine, username, info } = await signedUp(sdk)
    expect(info).toMatchObject({
      preferred_username: username,
      'https://authgear.com/claims/user/is_anonymous': false,
      custom_attributes: {},
    })
    expect(mine.claims()).toMatchObject({ aud: ['app'], sub: info.sub })
    const other = newPhone(sdk, { redirectUri: 'https://notes.example.com/app' })
    expect((await other.authenticate(signsIn(username), { prompt: 'login', ui_locales: 'zh-TW en' })).sub).toBe(
      info.sub,
    )
    const settings = await mine.openSettings()
    await settings.open('/settings/sessions')
    const name = sdk.platform === 'ios' ? 'iPhone' : 'Google Pixel 9 Pro XL'
    expect(settings.page.text.split(name).length - 1).toBe(2)
  })

  test('renews what runs out, also after a restart; on another device its refresh token is worth nothing', async () => {
    const { mine, info } = await signedUp(sdk)
    const { accessToken, refreshToken } = { ...mine.kept }
    await server.clock.advance(hour)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
    expect(mine.kept.accessToken).not.toBe(accessToken)
    // Bound to the key, it does not change: a lost answer loses nothing.
    expect([mine.seen.refresh?.body.refresh_token, mine.kept.refreshToken]).toEqual([undefined, refreshToken])
    mine.restart()
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
    mine.restart()
    mine.copyTokens()
    await expect(mine.fetchUserInfo()).rejects.toThrow('invalid_dpop_proof')
  })

  test('asks for the ID token again, and has the person confirm: the same session, a later time', async () => {
    const { mine, info } = await signedUp(sdk)
    await server.clock.advance(2 * hour)
    await mine.refreshIDToken()
    const before = mine.claims()
    expect(before['https://authgear.com/claims/user/can_reauthenticate']).toBe(true)
    await mine.reauthenticate(confirms)
    const after = mine.claims()
    expect([after.sub, after.sid]).toEqual([info.sub, before.sid])
    expect(Number(after.auth_time) - Number(before.auth_time)).toBeGreaterThanOrEqual(7200)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
  })

  test('signs in by biometrics, signed out or not, until the key is removed', async () => {
    const { mine, info } = await signedUp(sdk)
    await mine.enableBiometric()
    await mine.logout()
    for (let time = 0; time < 2; time++) expect((await mine.authenticateBiometric()).sub).toBe(info.sub)
    expect(mine.claims().amr).toEqual(['x_biometric'])
    await server.clock.advance(hour)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
    await server.node.world.db.query
      .deleteFrom('identity')
      .where('project_id', '=', project.id)
      .where('type', '=', 'biometric')
      .where('user_id', '=', String(info.sub))
      .execute()
    await expect(mine.authenticateBiometric()).rejects.toThrow('invalid_grant')
    expect(mine.keys.biometric).toBeUndefined()
  })

  test('enters anonymously, comes back as the same user, and promotes it', async () => {
    const mine = newPhone(sdk)
    const info = await mine.authenticateAnonymously()
    expect(info['https://authgear.com/claims/user/is_anonymous']).toBe(true)
    await mine.logout()
    expect((await mine.authenticateAnonymously()).sub).toBe(info.sub)
    await server.clock.advance(hour)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
    const username = newName()
    const promoted = await mine.promoteAnonymousUser(signsUp(username))
    expect(promoted).toMatchObject({
      sub: info.sub,
      preferred_username: username,
      'https://authgear.com/claims/user/is_anonymous': false,
    })
    await server.clock.advance(hour)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
  })

  test('opens the settings signed in', async () => {
    const { mine, username } = await signedUp(sdk)
    const view = await mine.openSettings()
    expect(standing(view)).toEqual([200, '/settings', null])
    expect(view.page.text).toContain(username)
    await mine.logout()
    await server.node.log.poll()
    await view.open('/settings')
    expect(view.page.url.pathname).not.toBe('/settings')
  })

  test('changes the password by a settings action, and stays signed in', async () => {
    const { mine, username, info } = await signedUp(sdk)
    await mine.settingsAction('change_password', async (view) => {
      expect(standing(view)).toEqual([200, '/settings/change_password', null])
      await view.send({
        x_old_password: password,
        x_new_password: `${password} 2`,
        x_confirm_password: `${password} 2`,
      })
    })
    await server.clock.advance(hour)
    expect((await mine.fetchUserInfo()).sub).toBe(info.sub)
    const other = plainBrowser(project)
    await other.open('/login')
    await other.send({ x_login_id: username })
    await other.send({ x_password: `${password} 2` })
    expect(other.page.url.pathname).toBe('/settings')
  })

  test('deletes the account by a settings action, and is told that it is done', async () => {
    const { mine, username } = await signedUp(sdk)
    const { refreshToken } = { ...mine.kept }
    await mine.settingsAction('delete_account', async (view) => {
      expect(standing(view)).toEqual([200, '/settings/delete_account', null])
      await view.send({ delete: 'DELETE' })
    })
    expect(mine.seen.cleared).toBe('INVALID')
    mine.kept.refreshToken = refreshToken as string
    await expect(mine.fetchUserInfo()).rejects.toThrow('invalid_grant')
    let shown = ''
    await mine
      .authenticate(async (view) => {
        await signsIn(username)(view)
        shown = view.page.text
      })
      .catch((error: unknown) => expect(error).toBeInstanceOf(SdkError))
    expect(shown).toMatch(/^You closed this account/)
  })

  test('is told by the words it knows that its session has ended elsewhere', async () => {
    for (const operation of ['fetchUserInfo', 'openSettings'] as const) {
      const { mine, info } = await signedUp(sdk)
      const userID = Buffer.from(`User:${info.sub}`).toString('base64url')
      await server.admin(
        'mutation ($userID: ID!) { revokeAllSessions(input: { userID: $userID }) { user { id } } }',
        { userID },
        project,
      )
      mine.restart()
      await mine[operation]().catch((error: unknown) => expect(error).toBeInstanceOf(SdkError))
      expect([operation, mine.seen.cleared, mine.kept.refreshToken]).toEqual([operation, 'INVALID', undefined])
    }
  })

  test('signs out; without a session that is no error', async () => {
    const { mine } = await signedUp(sdk)
    const { refreshToken } = { ...mine.kept }
    await mine.logout()
    expect(mine.seen.cleared).toBe('LOGOUT')
    mine.kept.refreshToken = refreshToken as string
    await mine.refreshAccessTokenIfNeeded()
    expect(mine.seen.cleared).toBe('INVALID')
    await mine.logout()
  })

  test('with single sign-on a second app asks one question only, and one sign-out ends both', async () => {
    const browser = plainBrowser(project)
    const { mine, username, info } = await signedUp(sdk, { browser })
    const other = newPhone(sdk, { browser, redirectUri: 'https://notes.example.com/app' })
    const { sub } = await other.authenticate(async (view) => {
      expect([view.page.url.pathname, view.page.text]).toEqual([
        '/authflow/v2/select_account',
        expect.stringContaining(username),
      ])
      await view.send()
    })
    expect(sub).toBe(info.sub)
    await other.logout()
    mine.restart()
    await expect(mine.fetchUserInfo()).rejects.toThrow('invalid_grant')
    expect(mine.seen.cleared).toBe('INVALID')
  })

  test('signs a web app in by a pre-authenticated URL', async () => {
    const { mine, info } = await signedUp(sdk, { preAuthenticated: true })
    await server.clock.advance(hour)
    await mine.fetchUserInfo()
    const url = await mine.makePreAuthenticatedURL('web', 'https://notes.example.com/page')
    const web = plainBrowser(project)
    await web.open(url)
    expect(web.page.url.href).toBe('https://notes.example.com/page')
    await web.open(`${project.local_origin}/oauth2/userinfo`)
    expect(JSON.parse(web.page.html)).toMatchObject({ sub: info.sub })
  })
})

test.each([
  ['iOS', 'capacitor://localhost', true],
  ['Android', 'https://localhost', true],
  ['no app of ours', 'capacitor://elsewhere', false],
  ['a page of nowhere', 'null', false],
])('S1: the web view of Capacitor on %s calls from its own origin', async (_, origin, allowed) => {
  const asked = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,dpop',
  }
  for (const path of ['token', 'userinfo', 'revoke', 'challenge', 'app_session_token']) {
    const answer = await fetch(`${project.local_origin}/oauth2/${path}`, { method: 'OPTIONS', headers: asked })
    const names = ['origin', 'credentials', 'headers'].map((name) => answer.headers.get(`access-control-allow-${name}`))
    expect(names, path).toEqual(allowed ? [origin, 'true', 'content-type,dpop'] : [null, null, null])
  }
  const discovery = `${project.local_origin}/.well-known/openid-configuration`
  expect((await fetch(discovery, { headers: { origin } })).headers.get('access-control-allow-origin')).toBe('*')
})

test.each(sdks.filter(([, sdk]) => sdk.app2appAlg !== undefined))(
  'S1: %s, one app signs another one in',
  async (_, sdk) => {
    const { mine, info } = await signedUp(sdk, { app2app: true })
    const shop = newPhone(sdk, { clientId: 'shop', redirectUri: 'https://shop.example.com/app' })
    const { sub } = await shop.startApp2AppAuthentication(mine.approveApp2AppAuthenticationRequest)
    expect(sub).toBe(info.sub)
    await server.clock.advance(hour)
    expect((await shop.fetchUserInfo()).sub).toBe(info.sub)
  },
)
