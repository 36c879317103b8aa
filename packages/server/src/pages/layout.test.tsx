import { readdirSync, readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { wordsFor } from '../localization/words.ts'
import { assets, assetUrl, monogramUrl, serveTheme, themeUrl } from './assets.ts'
import {
  CodeField,
  Field,
  IdentifierField,
  IdentifierReadonly,
  PasswordField,
  PolicyList,
  passwordRules,
  RepeatField,
} from './fields.tsx'
import { Layout, type Site } from './layout.tsx'
import { Alternatives, Button, Countdown, ErrorSummary, Form, Moment, Notice, Person } from './parts.tsx'
import { ProviderButton } from './providers.tsx'
import { Row, Rows } from './rows.tsx'
import { T } from './sentences.tsx'

const site: Site = { name: 'Acme', theme: {}, terms: 'https://acme.example/terms' }
const english = await wordsFor('en')

const page = (body: unknown, more: Partial<Parameters<typeof Layout>[0]> = {}) =>
  String(
    <Layout site={site} words={english} title="Sign in to Acme" {...more}>
      {body as never}
    </Layout>,
  )

describe('Layout', () => {
  test('is a whole document with one main heading, and asks nothing of the content security policy', () => {
    const html = page(
      <Form hidden={{ x_action: 'login_id' }}>
        <IdentifierField name="x_login_id" kinds={['email', 'phone']} />
        <PasswordField kind="new" name="x_password" label="Password" policy={{ minimum_length: 8 }} />
        <PolicyList policy={{ minimum_length: 8 }} of="x_password" unmet={[]} />
        <Countdown seconds={30} k="code.resend_wait" ready="code.resend_ready" />
        <ProviderButton type="google" alias="google" />
        <Button>Continue</Button>
      </Form>,
    )
    expect(html).toMatch(/^<!doctype html><html lang="en" dir="ltr"><head>/)
    expect(html.match(/<h1/g)).toHaveLength(1)
    expect(html.match(/<main/g)).toHaveLength(1)
    expect(html).not.toMatch(/ style=| on\w+=|<style|javascript:/)
    expect(html.match(/<script[^>]*>/g)).toEqual([`<script src="${assetUrl('headgear.js')}">`])
    expect(html).toContain('<title>Sign in to Acme</title>')
    expect(html).not.toContain('undefined')
  })

  test('the window title says that there is an error, and whose page it is', () => {
    expect(page('', { error: true })).toContain('<title>Error: Sign in to Acme</title>')
    expect(page('', { title: 'Enter your password' })).toContain('<title>Enter your password · Acme</title>')
  })

  test('a forced scheme and the direction of the language are on the root', async () => {
    const arabic = await wordsFor('ar', { 'common.back': 'رجوع' })
    const html = page('', { words: arabic, site: { ...site, scheme: 'dark' }, back: '/x' })
    expect(html).toContain('<html lang="ar" dir="rtl" data-theme="dark">')
    expect(html).toContain('رجوع')
  })

  test('what comes from outside is text, never markup', () => {
    const evil = '"><script>alert(1)</script>'
    const html = page(
      <>
        <Notice>{evil}</Notice>
        <IdentifierReadonly value={evil} />
        <Field name="a" label={evil} value={evil} error={evil} />
        <Person name={evil} detail={evil} />
        <T k="login.title" vars={{ app: evil }} />
        <Countdown seconds={30} k="code.resend_wait" ready="code.resend_ready" />
      </>,
      { title: evil, site: { ...site, name: evil } },
    )
    expect(html.match(/<script/g)).toHaveLength(1)
    expect(html).not.toContain('"><script>')
  })

  test('two languages are one link apart', () => {
    const languages = [
      { tag: 'en', name: 'English', href: '?ui_locales=en', current: true },
      { tag: 'zh-TW', name: '繁體中文', href: '?ui_locales=zh-TW', current: false },
    ]
    const html = page('', { site: { ...site, languages } })
    expect(html).toContain('href="?ui_locales=zh-TW" lang="zh-TW"')
    expect(html).not.toContain('<details')
    expect(
      page('', {
        site: {
          ...site,
          languages: [...languages, { tag: 'fr', name: 'Français', href: '?ui_locales=fr', current: false }],
        },
      }),
    ).toContain('<details')
  })
})

describe('fields', () => {
  test('help comes before the error, and the field names both', () => {
    const html = page(<Field name="x" label="Website" help="With https" error="Not a full address" />)
    expect(html).toContain('aria-describedby="x-help x-error"')
    expect(html).toContain('aria-invalid="true"')
    expect(html.indexOf('id="x-help"')).toBeLessThan(html.indexOf('id="x-error"'))
    expect(html.indexOf('id="x-error"')).toBeLessThan(html.indexOf('<input'))
  })

  test('password managers, passkeys and code autofill find what they look for', () => {
    expect(page(<IdentifierField name="x_login_id" kinds={['email']} />)).toMatch(
      /<input[^>]*autocomplete="username webauthn"/,
    )
    expect(page(<IdentifierField name="x_login_id" kinds={['phone']} use="sign-up" />)).toMatch(
      /type="tel"[^>]*autocomplete="tel"/,
    )
    expect(page(<IdentifierReadonly value="ana@acme.com" />)).toMatch(/<input[^>]*readonly[^>]*autocomplete="username"/)
    expect(page(<PasswordField kind="current" name="p" label="Password" />)).toContain(
      'autocomplete="current-password"',
    )
    const code = page(<CodeField name="x_code" label="Code" />)
    expect(code).toMatch(/<input[^>]*inputmode="numeric" autocomplete="one-time-code"/)
    expect(code).not.toContain('maxlength')
  })

  test('the repeated password is in the page for browsers without script', () => {
    const html = page(<RepeatField name="x_confirm_password" of="x_password" />)
    expect(html).toContain('data-repeats="x_password"')
    expect(html).toContain('name="x_confirm_password"')
  })

  test('the policy lists what it asks for and marks what the last try lacked', () => {
    const policy = { minimum_length: 10, symbol_required: true, minimum_zxcvbn_score: 2, history: { enabled: true } }
    const fresh = page(<PolicyList policy={policy} of="p" />)
    expect(fresh.match(/<li[ >]/g)).toHaveLength(4)
    expect(fresh).toContain('At least 10 characters')
    expect(fresh).toContain('data-test="length:10"')
    expect(fresh).not.toContain('data-state')
    const tried = page(<PolicyList policy={policy} of="p" unmet={['PasswordSymbolRequired']} />)
    expect(tried.match(/data-state="met"/g)).toHaveLength(3)
    expect(tried.match(/data-state="unmet"/g)).toHaveLength(1)
    expect(passwordRules(policy)).toBe('minlength: 12; required: [-_.#&];')
  })
})

describe('parts', () => {
  test('one problem needs no summary, several are linked', () => {
    const problems = [
      { field: 'a', label: 'First', text: 'One' },
      { field: 'b', label: 'Second', text: 'Two' },
    ]
    expect(page(<ErrorSummary problems={problems.slice(1)} />)).not.toContain('role="alert"')
    expect(page(<ErrorSummary problems={problems} />)).toContain('<a href="#b"><bdi>Second</bdi>: <bdi>Two</bdi></a>')
  })

  test('alternatives leave out what is not there', () => {
    expect(page(<Alternatives>{[null, <a href="/x">X</a>, false]}</Alternatives>).match(/<li[ >]/g)).toHaveLength(1)
    expect(page(<Alternatives>{[null]}</Alternatives>)).not.toContain('alternatives')
  })

  test('times are readable without script and exact with it', () => {
    expect(page(<Moment at={new Date('2026-05-03T14:05:00Z')} />)).toMatch(
      /<time datetime="2026-05-03T14:05:00.000Z" data-moment="clock">2:05.PM UTC<\/time>/,
    )
    expect(page(<Countdown seconds={44.2} k="code.resend_wait" ready="code.resend_ready" />)).toContain(
      '<bdi>0:45</bdi>',
    )
    expect(page(<Countdown seconds={0} k="code.resend_wait" ready="code.resend_ready" />)).not.toContain(
      'data-countdown',
    )
  })

  test('a sentence isolates its variables and draws its link', () => {
    const html = page(
      <>
        <T k="code.sent" vars={{ n: 6, target: 'an*@acme.com' }} />
        <T k="login.new_here" tags={{ link: (inner) => <a href="/signup">{inner}</a> }} />
      </>,
    )
    expect(html).toContain('We sent a 6-digit code to <bdi>an*@acme.com</bdi>.')
    expect(html).toContain('New here? <a href="/signup">Create account</a>')
  })

  test('a row is a link or offers an action', () => {
    expect(page(<Rows title="You">{<Row label="Email" value="ana@acme.com" ltr href="/settings" />}</Rows>)).toContain(
      '<a class="row" href="/settings">',
    )
  })
})

describe('assets', () => {
  const app = new Hono().get('/_assets/*', assets).get('/_theme/*', (c) => serveTheme(c, site))

  test('are served for ever under a name that holds their hash, compressed when asked', async () => {
    for (const name of ['headgear.css', 'headgear.js'] as const) {
      const plain = await app.request(assetUrl(name))
      expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(plain.headers.get('content-type')).toMatch(/^text\/(css|javascript); charset=utf-8$/)
      const file = readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8')
      expect(await plain.text()).toBe(file)
      const small = await app.request(assetUrl(name), { headers: { 'accept-encoding': 'gzip, deflate, br' } })
      expect(small.headers.get('content-encoding')).toBe('br')
      expect((await small.arrayBuffer()).byteLength).toBeLessThan(file.length / 2)
      const refused = await app.request(assetUrl(name), { headers: { 'accept-encoding': 'br;q=0, identity' } })
      expect(refused.headers.get('content-encoding')).toBeNull()
    }
  })

  test('another hash gets the present file, which nobody may keep under that name', async () => {
    const other = await app.request('/_assets/headgear.AAAAAAAAAAAA.css')
    expect([other.status, other.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await app.request('/_assets/passwd.AAAA.css')).status).toBe(404)
    expect((await app.request('/_assets/../../package.json')).status).toBe(404)
  })

  test('a theme has its own address, which changes with the brand', async () => {
    const theme = await app.request(themeUrl(site))
    expect(theme.headers.get('cache-control')).toContain('immutable')
    expect(await theme.text()).toContain('--hg-fill:')
    expect(themeUrl({ ...site, theme: { brand: '#ff0000' } })).not.toBe(themeUrl(site))
    const icon = await app.request(monogramUrl({ ...site }))
    expect(icon.headers.get('content-type')).toBe('image/svg+xml')
    expect(await icon.text()).toContain('>A</text>')
  })
})

test('every sentence that a page names exists', () => {
  const keys = new Set(
    Object.keys(JSON.parse(readFileSync(new URL('../../assets/words/en.json', import.meta.url), 'utf8'))),
  )
  const sources = readdirSync(new URL('.', import.meta.url), { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes('.test.'),
  )
  for (const name of sources) {
    const text = readFileSync(new URL(name, import.meta.url), 'utf8')
    for (const [, key] of text.matchAll(/(?:words\(|\bk=|ready=|key: )['"]([a-z_]+\.[\w.]+)['"]/g)) {
      expect(keys, `${name} names ${key}`).toContain(key)
    }
  }
})
