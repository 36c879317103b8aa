// Settings as a person without script meets them: forms, redirects, and what became of it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
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

async function signedUp(email: string) {
  const person = browser(server.origin)
  await person.go(`${server.origin}/signup`)
  await person.post({ x_action: 'login_id', x_login_id: email })
  await expect.poll(() => codeTo(email)).not.toBe('')
  await person.post({ x_action: 'submit', x_code: codeTo(email) })
  await person.post({ x_password: password, x_confirm_password: password })
  expect(person.path()).toBe('/settings')
  return person
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
    const id = /name="x_session_id" value="([^"]+)"/.exec(first.state.html)?.[1] ?? ''
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
  })

  test('add an address with its code, and remove it again; the last way in stays', async () => {
    const person = await signedUp('adder@example.com')
    await person.go('/settings/identity/add_email')
    await person.post({ x_login_id: 'second@example.com' })
    await expect.poll(() => codeTo('second@example.com')).not.toBe('')
    await person.post({ x_action: 'submit', x_code: '000000' === codeTo('second@example.com') ? '111111' : '000000' })
    expect(person.state.html).toContain('<title>Error: ')
    await person.post({ x_action: 'submit', x_code: codeTo('second@example.com') })
    expect(person.text()).toContain('second@example.com')
    expect(person.path()).toBe('/settings/identity/email')
    for (const id of [
      ...person.state.html.matchAll(
        /name="x_action" value="remove"[^>]*>\s*<input[^>]*name="x_identity_id" value="([^"]+)"/g,
      ),
    ].map((match) => match[1] ?? '')) {
      await person.go('/settings/identity/email')
      await person.post({ x_action: 'remove', x_identity_id: id })
    }
    const left = await server.node.world.db.query
      .selectFrom('identity')
      .select('login_id')
      .where('project_id', '=', 'default')
      .where('login_id', 'in', ['adder@example.com', 'second@example.com'])
      .execute()
    expect(left.length).toBe(1)
  })

  test('keep what people say of themselves', async () => {
    const person = await signedUp('profile@example.com')
    await person.go('/settings/profile/name/edit')
    await person.post({ x_action: 'save', '/given_name': 'Ana <b>', '/family_name': 'Silva' })
    expect(person.path()).toBe('/settings/profile')
    expect(person.state.html).toContain('Ana &lt;b&gt;')
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
