// Settings as a person without script meets them: forms, redirects, and what became of it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { eraseDue } from '../src/users/deletion.ts'
import { headgear } from './support/store.ts'

let server: Headgear
beforeAll(async () => {
  server = await headgear()
})
afterAll(() => server.stop())

/** A browser without script: keeps cookies, follows redirects, fills the first form of the page. */
function browser(origin: string) {
  const jar = new Map<string, string>()
  const state = { url: origin, html: '', status: 0 }
  async function go(url: string, body?: URLSearchParams): Promise<void> {
    let [next, payload] = [new URL(url, state.url).href, body]
    for (let hop = 0; hop < 15; hop++) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(next, {
        redirect: 'manual',
        headers: { accept: 'text/html', cookie, 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0' },
        ...(payload ? { method: 'POST', body: payload } : {}),
      })
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';')
        const name = pair.slice(0, pair.indexOf('='))
        if (/expires=thu, 01 jan 1970|max-age=0/i.test(line)) jar.delete(name)
        else jar.set(name, pair.slice(name.length + 1))
      }
      state.url = next
      state.status = response.status
      const location = response.headers.get('location')
      if (location === null) {
        state.html = await response.text()
        return
      }
      next = new URL(location, next).href
      payload = undefined
      if (!next.startsWith(origin)) return
    }
    throw new Error(`too many redirects at ${next}`)
  }
  return {
    state,
    jar,
    go,
    post: (fields: Record<string, string>, url = state.url) => go(url, new URLSearchParams(fields)),
    text: () => state.html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' '),
    path: () => new URL(state.url).pathname,
  }
}

const codeTo = (to: string) =>
  /\b\d{6}\b/.exec(server.outbox.findLast((message) => message.to === to)?.text ?? '')?.[0] ?? ''
const password = 'correct horse battery'

async function signedUp(email: string, origin = server.origin) {
  const person = browser(origin)
  await person.go(`${origin}/signup`)
  await person.post({ x_action: 'login_id', x_login_id: email })
  await expect.poll(() => codeTo(email)).not.toBe('')
  await person.post({ x_action: 'submit', x_code: codeTo(email) })
  await person.post({ x_password: password, x_confirm_password: password })
  expect(person.path()).toBe('/settings')
  return person
}

async function primaryEmail(loginId: string): Promise<unknown> {
  const user = await server.node.world.db.query
    .selectFrom('end_user')
    .innerJoin('identity', (join) =>
      join.onRef('identity.project_id', '=', 'end_user.project_id').onRef('identity.user_id', '=', 'end_user.id'),
    )
    .select('standard_attributes')
    .where('identity.project_id', '=', 'default')
    .where('identity.login_id', '=', loginId)
    .executeTakeFirstOrThrow()
  return user.standard_attributes.email
}

/** The newest events of changes to accounts, oldest first; signing in is none. */
async function newestEvents(count: number) {
  const rows = await server.node.world.db.query
    .selectFrom('event')
    .select(['kind', 'payload', 'xid'])
    .where('project_id', '=', 'default')
    .where('kind', 'in', ['authenticator.updated', 'user.session.terminated'])
    .orderBy('id', 'desc')
    .limit(count)
    .execute()
  return rows.reverse()
}

async function signedIn(email: string, secret = password) {
  const person = browser(server.origin)
  await person.go(`${server.origin}/login`)
  await person.post({ x_action: 'login_id', x_login_id: email })
  await person.post({ x_password: secret })
  return person
}

describe('settings', () => {
  test('ask a stranger to sign in, and bring them back', async () => {
    await signedUp('back@example.com')
    const stranger = browser(server.origin)
    await stranger.go(`${server.origin}/settings/sessions`)
    expect(stranger.path()).toMatch(/^\/(login|signup)$/)
    await stranger.go('/login?redirect_uri=%2Fsettings%2Fsessions')
    await stranger.post({ x_action: 'login_id', x_login_id: 'back@example.com' })
    await stranger.post({ x_password: password })
    expect(stranger.path()).toBe('/settings/sessions')
  })

  test('list devices, mark this one, and sign out another one only', async () => {
    const first = await signedUp('devices@example.com')
    const second = await signedIn('devices@example.com')
    await first.go('/settings/sessions')
    expect(first.text()).toContain('This device')
    const id = /q_session_id=([^"]+)"/.exec(first.state.html)?.[1] ?? ''
    await first.go(`/settings/sessions?q_session_id=${id}`)
    expect(first.text()).toContain('Sign out Chrome on Linux? It will need to sign in again.')
    await second.go('/settings')
    expect(second.path()).toBe('/settings')
    await first.post({ x_action: 'revoke', x_session_id: id })
    expect(first.text()).toContain('is signed out')
    await server.node.log.poll()
    await second.go('/settings')
    expect(second.path()).not.toBe('/settings')
    await first.go('/settings')
    expect(first.path()).toBe('/settings')
  })

  test('end no session of somebody else, and not the one that asks', async () => {
    const mine = await signedUp('mine@example.com')
    const theirs = await signedUp('theirs@example.com')
    const { rows } = {
      rows: await server.node.world.db.query
        .selectFrom('idp_session')
        .select(['id', 'user_id'])
        .where('project_id', '=', 'default')
        .execute(),
    }
    for (const row of rows) {
      await mine.go('/settings/sessions')
      await mine.post({ x_action: 'revoke', x_session_id: row.id.toString('base64url') })
    }
    await server.node.log.poll()
    await theirs.go('/settings')
    await mine.go('/settings')
    expect([theirs.path(), mine.path()]).toEqual(['/settings', '/settings'])
  })

  test('change the password, and with it end every other session', async () => {
    const first = await signedUp('change@example.com')
    const second = await signedIn('change@example.com')
    await first.go('/settings/change_password')
    await first.post({
      x_old_password: 'not this one',
      x_new_password: 'another long one',
      x_confirm_password: 'another long one',
    })
    expect(first.state.html).toContain('<title>Error: ')
    await first.post({
      x_old_password: password,
      x_new_password: 'another long one',
      x_confirm_password: 'another long one',
    })
    expect(first.text()).toContain('Your password is changed')
    await server.node.log.poll()
    await second.go('/settings')
    expect(second.path()).not.toBe('/settings')
    expect((await signedIn('change@example.com', 'another long one')).path()).toBe('/settings')
    const [written, ended] = await newestEvents(2)
    expect([written, ended]).toMatchObject([
      { kind: 'authenticator.updated' },
      { kind: 'user.session.terminated', payload: { termination_type: 'all_except_current' } },
    ])
    expect(written?.xid).toBe(ended?.xid)
  })

  test('change the password and keep the other devices, when the person says so', async () => {
    const first = await signedUp('keep@example.com')
    const second = await signedIn('keep@example.com')
    await first.go('/settings/change_password')
    expect(first.text()).toContain('Keep my other devices signed in')
    expect(first.state.html).not.toMatch(/name="x_keep_others"[^>]* checked/)
    const choice = { x_new_password: 'another long one', x_confirm_password: 'another long one', x_keep_others: 'true' }
    await first.post({ x_old_password: 'not this one', ...choice })
    // What was ticked stays ticked.
    expect(first.state.html).toMatch(/name="x_keep_others"[^>]* checked/)
    await first.post({ x_old_password: password, ...choice })
    expect(first.text()).toContain('Your password is changed')
    await server.node.log.poll()
    await second.go('/settings')
    expect(second.path()).toBe('/settings')
    expect((await newestEvents(1))[0]?.kind).toBe('authenticator.updated')
  })

  test('add an address with its code, and remove it again; the last way in stays (61)', async () => {
    const person = await signedUp('adder@example.com')
    await person.go('/settings/identity/add_email')
    await person.post({ x_login_id: 'second@example.com' })
    await expect.poll(() => codeTo('second@example.com')).not.toBe('')
    await person.post({ x_action: 'submit', x_code: '000000' === codeTo('second@example.com') ? '111111' : '000000' })
    expect(person.state.html).toContain('<title>Error: ')
    const asked = person.state.url
    await server.clock.advance(61_000)
    await person.post({ x_action: 'resend' }, asked)
    expect(person.text()).toContain('We sent a new code to second@example.com')
    for (let click = 0; click < 2; click++)
      await person.post({ x_action: 'submit', x_code: codeTo('second@example.com') }, asked)
    expect(person.text()).toMatch(/second@example\.com is added\./)
    expect(person.path()).toBe('/settings/identity/email')
    for (const [, id = ''] of person.state.html.matchAll(/view_email\?q_identity_id=([^"]+)"/g)) {
      await person.go(`/settings/identity/view_email?q_identity_id=${id}`)
      await person.post({ x_action: 'remove', x_identity_id: id })
    }
    expect(person.text()).toContain('This is your only way in. Add another before removing it.')
    const left = await server.node.world.db.query
      .selectFrom('identity')
      .select('login_id')
      .where('project_id', '=', 'default')
      .where('login_id', 'in', ['adder@example.com', 'second@example.com'])
      .execute()
    expect(left.length).toBe(1)
  })

  test('let people choose which of their addresses apps see', async () => {
    const person = await signedUp('first@example.com')
    await person.go('/settings/identity/add_email')
    await person.post({ x_login_id: 'newer@example.com' })
    await expect.poll(() => codeTo('newer@example.com')).not.toBe('')
    await person.post({ x_action: 'submit', x_code: codeTo('newer@example.com') })
    await person.go('/settings/identity/change_primary_email')
    await person.post({ x_action: 'save', '/email': 'newer@example.com' })
    expect(person.text()).toContain('newer@example.com is your primary email now.')
    expect(await primaryEmail('newer@example.com')).toBe('newer@example.com')
    await person.go('/settings/identity/change_primary_email')
    await person.post({ x_action: 'save', '/email': 'somebody@example.com' })
    expect(person.state.html).toContain('<title>Error: ')
    expect(await primaryEmail('newer@example.com')).toBe('newer@example.com')
  })

  test('say beside its field which attribute is not right', async () => {
    const project = await server.project({
      user_profile: {
        standard_attributes: {
          access_control: [
            {
              pointer: '/website',
              access_control: { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' },
            },
          ],
        },
      },
    })
    const person = await signedUp('web@example.com', project.local_origin)
    await person.go('/settings/profile/name/edit')
    await person.post({ x_action: 'save', '/given_name': 'Ana', '/website': 'no address' })
    expect(person.state.html).toMatch(/id="\/website-error"[\s\S]*That isn’t a full web address/)
    expect(person.state.html).toMatch(/name="\/website"[^>]*value="no address"/)
  })

  test('close the account once DELETE is typed out; it is erased when its days are over (62)', async () => {
    const project = await server.project({
      account_deletion: { scheduled_by_end_user_enabled: true, grace_period_days: 3 },
    })
    const origin = project.local_origin
    const person = await signedUp('leaver@example.com', origin)
    await person.go('/settings/delete_account')
    await person.post({ x_action: 'delete', delete: 'delete' })
    expect(person.text()).toContain('Type DELETE, in capitals, to go on.')
    await person.post({ x_action: 'delete', delete: 'DELETE' })
    expect([person.path(), person.text()]).toEqual([
      '/settings/delete_account/success',
      expect.stringContaining('Your account is closed'),
    ])
    await person.go('/settings')
    expect(person.path()).not.toBe('/settings')
    await person.go('/login')
    await person.post({ x_login_id: 'leaver@example.com' })
    await person.post({ x_password: password })
    expect([person.path(), person.text()]).toEqual([
      '/authflow/v2/account_status',
      expect.stringContaining('You closed this account'),
    ])

    const { db } = server.node.world
    const users = () => db.query.selectFrom('end_user').select('id').where('project_id', '=', project.id).execute()
    await server.clock.advance(3 * 86_400_000 - 60_000)
    await eraseDue(db, server.clock.now())
    expect(await users()).toHaveLength(1)
    await server.clock.advance(60_000)
    await eraseDue(db, server.clock.now())
    expect(await users()).toEqual([])
  })

  test('know no way to close an account where the project offers none', async () => {
    const person = await signedUp('stayer@example.com')
    await person.go('/settings')
    expect(person.state.html).not.toContain('delete_account')
    await person.go('/settings/delete_account')
    expect(person.text()).toContain('This is switched off')
    await person.post({ x_action: 'delete', delete: 'DELETE' })
    await person.go('/settings')
    expect(person.path()).toBe('/settings')
  })

  test('speak another language, and remember it', async () => {
    const person = await signedUp('polyglot@example.com')
    await person.go('/settings/language')
    await person.post({ ui_locales: 'zh-TW' })
    expect([person.path(), person.state.html]).toEqual(['/settings', expect.stringContaining('<html lang="zh-TW"')])
    await person.go('/settings/language')
    await person.post({ ui_locales: 'tlh' })
    expect(person.state.html).toContain('<html lang="zh-TW"')
  })

  test('keep what people say of themselves', async () => {
    const person = await signedUp('profile@example.com')
    await person.go('/settings/profile/name/edit')
    await person.post({ x_action: 'save', '/given_name': 'Ana <b>', '/family_name': 'Silva' })
    expect(person.path()).toBe('/settings/profile')
    expect(person.state.html).toContain('Ana &lt;b&gt;')
  })

  test('are one page for a guest, whatever they ask for (63)', async () => {
    const project = await server.project({ authentication: { identities: ['login_id', 'anonymous'] } })
    const guest = browser(project.local_origin)
    const response = await fetch(`${project.local_origin}/api/anonymous_user/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session_type: 'cookie' }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      guest.jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    for (const page of ['profile', 'identity/email', 'mfa', 'mfa/create_totp', 'sessions', 'change_password']) {
      await guest.go(`/settings/${page}`)
      expect([page, guest.path()]).toEqual([page, '/settings'])
    }
    expect(guest.text()).toContain('as a guest')
  })

  test('take no form from another site', async () => {
    const person = await signedUp('csrf@example.com')
    const cookie = [...person.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`${server.origin}/settings/sessions`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ x_action: 'revoke_all' }),
    })
    expect(response.status).toBe(200)
    await person.go('/settings')
    expect(person.path()).toBe('/settings')
  })
})
