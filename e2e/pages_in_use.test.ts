// The hosted pages under the hands of people: keyboards, impatience, Back, several tabs, small sight, slow mail.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchChromium } from './support/chromium.ts'
import { type Hosts, newWalker, password, startHosts, type Walker } from './support/hosted.ts'
import { overflow } from './support/page_checks.ts'

const mine = `${password} 7`
let hosts: Hosts
let browser: Browser
let troubles: string[]
beforeAll(async () => {
  hosts = await startHosts()
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await hosts?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  troubles = []
  await hosts.server.clock.advance(120_000)
})
afterEach(() => {
  expect(troubles).toEqual([])
})

const walker = (options = {}) => newWalker({ hosts, browser, troubles }, options)

/** Someone who has an account, and is signed out. */
async function known(walk: Walker): Promise<string> {
  const email = await walk.signUp('acme')
  await walk.signOut('acme')
  return email
}

/** What the form looked like as it left, told by the page after it; and how often one was sent. */
async function leaving(page: Page) {
  const posts: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') posts.push(request.url())
  })
  await page.evaluate(() => {
    document.addEventListener('submit', ({ target }) => {
      const [button, password] = ['.button.primary', '#x_password'].map((one) =>
        (target as Element).querySelector<HTMLInputElement>(one),
      )
      const { width } = button?.getBoundingClientRect() ?? { width: 0 }
      const was = { busy: button?.getAttribute('aria-busy'), width, type: password?.type }
      sessionStorage.setItem('was', JSON.stringify(was))
    })
  })
  const was = () =>
    page.evaluate(
      () => JSON.parse(sessionStorage.getItem('was') ?? '{}') as { busy?: string; width?: number; type?: string },
    )
  return { posts, was }
}

/** The page is drawn, and has given the focus to its field. */
const focused = (page: Page, field: string) =>
  page.waitForFunction((name) => document.activeElement?.getAttribute('name') === name, field)

describe('by keyboard', () => {
  test('signing in takes two lines and two Enters', async () => {
    await using walk = await walker()
    const email = await known(walk)
    await walk.authorize('acme', { x_page: 'login' })
    await focused(walk.page, 'x_login_id')
    await walk.page.keyboard.type(email)
    await Promise.all([walk.page.waitForEvent('load'), walk.page.keyboard.press('Enter')])
    await focused(walk.page, 'x_password')
    await walk.page.keyboard.type(mine)
    await Promise.all([walk.page.waitForEvent('load'), walk.page.keyboard.press('Enter')])
    expect(walk.page.url()).toContain(walk.hosts.app)
  })

  test('every control is reached in the order of the page, and shows that it is', async () => {
    await using walk = await walker()
    const email = await known(walk)
    await walk.open('acme', '/login')
    await walk.send({ x_login_id: email })
    await focused(walk.page, 'x_password')
    const reached: string[] = []
    for (let step = 0; step < 12; step++) {
      const { what, outline } = await walk.page.evaluate(() => {
        const element = document.activeElement as HTMLElement
        const { outlineStyle, outlineWidth } = getComputedStyle(element)
        return {
          what: element.getAttribute('name') ?? element.textContent?.trim() ?? '',
          outline: outlineStyle === 'solid' ? Number.parseFloat(outlineWidth) : 0,
        }
      })
      if (what === '' || reached.includes(what)) break
      expect([what, outline >= 2]).toEqual([what, true])
      reached.push(what)
      await walk.page.keyboard.press('Tab')
      if (await walk.page.evaluate(() => document.activeElement === document.body)) break
    }
    expect(reached).toEqual([
      'x_password',
      'Show',
      'Sign in',
      'Forgot your password?',
      `Email a code to ${email}`,
      '繁體中文',
    ])
    await walk.page.locator('#x_password').focus()
    await walk.page.keyboard.press('Shift+Tab')
    expect(await walk.page.evaluate(() => document.activeElement?.textContent)).toBe('Change')
  })

  test('a shown password is hidden again as it leaves', async () => {
    await using walk = await walker()
    const email = await known(walk)
    await walk.open('acme', '/login')
    await walk.send({ x_login_id: email })
    const field = walk.page.locator('#x_password')
    await field.fill(mine)
    await walk.page.keyboard.press('Tab')
    await walk.page.keyboard.press('Space')
    expect(await field.getAttribute('type')).toBe('text')
    expect(await walk.page.locator('#said').textContent()).toBe('Your password is showing.')
    const { was } = await leaving(walk.page)
    await Promise.all([walk.page.waitForEvent('load'), field.press('Enter')])
    expect([await walk.path(), (await was()).type]).toEqual(['/settings', 'password'])
  })
})

describe('impatience', () => {
  test('a double click sends once, and the button says that it is under way', async () => {
    await using walk = await walker()
    await walk.open('acme', '/signup')
    await walk.page.locator('#x_login_id').fill(walk.email())
    const { posts, was } = await leaving(walk.page)
    const button = walk.page.locator('main .button.primary')
    const { width } = (await button.boundingBox()) ?? {}
    // A slow line: the second click comes while the first is on its way.
    await walk.page.route('**', async (route) => {
      if (route.request().method() === 'POST') await new Promise((resolve) => setTimeout(resolve, 400))
      await route.continue()
    })
    await Promise.all([
      walk.page.waitForEvent('load'),
      button.evaluate((element: HTMLElement) => {
        element.click()
        setTimeout(() => element.click(), 100)
      }),
    ])
    expect(await was()).toEqual({ busy: 'true', width })
    expect(posts).toHaveLength(1)
    expect(await walk.path()).toBe('/authflow/v2/enter_oob_otp')
  })

  test('without script a form that is sent twice ends where one would', async () => {
    await using walk = await walker({ javaScriptEnabled: false })
    const email = walk.email()
    await walk.open('acme', '/signup')
    await walk.page.locator('#x_login_id').fill(email)
    await walk.page.locator('main .button.primary').dblclick()
    await walk.page.waitForURL(/enter_oob_otp/)
    await walk.send({ x_code: walk.code(email) })
    for (const field of ['x_password', 'x_confirm_password']) await walk.page.locator(`#${field}`).fill(mine)
    await walk.page.locator('main .button.primary').dblclick()
    await walk.page.waitForURL(/settings/)
    expect(await walk.page.locator('h1').textContent()).toBe('Your account')
  })
})

describe.each([true, false])('Back (script: %s)', (javaScriptEnabled) => {
  test('finds the page as it was, ready to be sent again', async () => {
    await using walk = await walker({ javaScriptEnabled })
    const email = walk.email()
    await walk.open('acme', '/signup')
    await walk.send({ x_login_id: email })
    const code = walk.code(email)
    await walk.send({ x_code: code })
    expect(await walk.path()).toBe('/authflow/v2/create_password')

    // The code is spent, and its page only leads on.
    await walk.page.goBack()
    await walk.page.locator('h1', { hasText: 'Check your email' }).waitFor()
    expect(await walk.page.locator('[aria-busy=true]').count()).toBe(0)
    await walk.send({ x_code: code })
    expect(await walk.path()).toBe('/authflow/v2/create_password')

    // A slip in the address is mended from its own page.
    await walk.page.locator('.who a').click()
    await walk.page.waitForURL(/signup/)
    expect(await walk.page.locator('#x_login_id').inputValue()).toBe(email)
    const second = walk.email()
    await walk.send({ x_login_id: second })
    await walk.send({ x_code: walk.code(second) })
    await walk.send({ x_password: mine, x_confirm_password: mine })
    expect(await walk.path()).toBe('/settings')
    // What is done is done: its pages lead on to where it led.
    await walk.page.goBack()
    await walk.page.waitForURL(/settings$/)
    expect(await walk.page.locator('.person').textContent()).toContain(second)
  })

  test('from the app leads on to the app again', async () => {
    await using walk = await walker({ javaScriptEnabled })
    const email = await known(walk)
    await walk.authorize('acme', { x_page: 'login', state: 'mine' })
    await walk.send({ x_login_id: email })
    await walk.send({ x_password: mine })
    await walk.page.goBack()
    await walk.page.waitForURL((url) => url.href.startsWith(walk.hosts.app))
    const { searchParams } = new URL(walk.page.url())
    expect([searchParams.get('state'), searchParams.get('error')]).toEqual(['mine', null])
  })
})

test('two tabs sign two people in, and neither shows what was typed in the other', async () => {
  await using walk = await walker()
  const [ann, bo] = [await known(walk), await known(walk)]
  const first = walk.page
  const second = await walk.context.newPage()
  const at = async (page: Page, what: () => Promise<void>) => {
    walk.page = page
    await what()
  }
  await at(first, async () => {
    await walk.authorize('acme', { x_page: 'login' })
    await walk.send({ x_login_id: ann })
  })
  await at(second, async () => {
    await walk.authorize('acme', { x_page: 'login' })
    await walk.send({ x_login_id: bo })
    await walk.send({ x_password: 'not this one' })
    expect(await walk.page.locator('#x_password-error').count()).toBe(1)
  })
  await at(first, async () => {
    await walk.page.reload()
    expect(await walk.page.locator('[aria-invalid=true]').count()).toBe(0)
    expect(await walk.page.locator('.who-value').inputValue()).toBe(ann)
    await walk.send({ x_password: mine })
    expect(walk.page.url()).toContain(walk.hosts.app)
    await walk.open('acme', '/settings')
    expect(await walk.page.locator('.person').textContent()).toContain(ann)
  })
  await at(second, async () => {
    await walk.send({ x_password: mine })
    expect(walk.page.url()).toContain(walk.hosts.app)
    await walk.open('acme', '/settings')
    expect(await walk.page.locator('.person').textContent()).toContain(bo)
  })
})

describe('with script', () => {
  test('the page that waits for a mailed link goes on by itself', async () => {
    await using walk = await walker()
    const email = walk.email()
    await walk.open('links', '/signup')
    await walk.send({ x_login_id: email })
    await walk.send({ x_code: walk.code(email) })
    await walk.signOut('links')
    await walk.open('links', '/login')
    await walk.send({ x_login_id: email })
    await using other = await walker()
    await other.page.goto(walk.link(email))
    await other.send()
    await walk.page.waitForURL(/\/settings$/)
  })

  test('a new code can be asked for once the countdown is over', async () => {
    await using walk = await walker()
    await walk.page.clock.install()
    const email = walk.email()
    await walk.open('acme', '/signup')
    await walk.send({ x_login_id: email })
    const resend = walk.page.locator('.resend button')
    const wait = walk.page.locator('[data-countdown]')
    expect([await resend.isVisible(), await wait.textContent()]).toEqual([
      false,
      expect.stringMatching(/^You can ask for a new code in (1:00|0:5\d)\.$/),
    ])
    const first = walk.code(email)
    await hosts.server.clock.advance(61_000)
    await walk.page.clock.fastForward(61_000)
    await resend.waitFor()
    expect([await wait.isVisible(), await walk.page.locator('#said').textContent()]).toEqual([
      false,
      'You can ask for a new code now.',
    ])
    await walk.press('.resend button')
    expect(await walk.page.locator('.notice.ok').textContent()).toContain(`We sent a new code to ${email}.`)
    expect(walk.code(email)).not.toBe(first)
  })

  test('rules of a new password are ticked as they are met', async () => {
    await using walk = await walker()
    const email = walk.email()
    await walk.open('acme', '/signup')
    await walk.send({ x_login_id: email })
    await walk.send({ x_code: walk.code(email) })
    expect(await walk.page.locator('#x_confirm_password').isVisible()).toBe(false)
    const met = () => walk.page.locator('[data-state=met]').allTextContents()
    await walk.page.locator('#x_password').pressSequentially('abcdefgh')
    expect(await met()).toEqual(['At least 8 charactersdone'])
    await walk.page.locator('#x_password').pressSequentially('9')
    expect(await met()).toEqual(['At least 8 charactersdone', 'A number (0–9)done'])
  })

  test('pages fade into each other without a jump; for who wants no motion, nothing moves', async () => {
    const walked = async (reducedMotion: 'reduce' | 'no-preference') => {
      await using walk = await walker({ reducedMotion })
      await walk.page.addInitScript(() => {
        const seen = { faded: false, shift: 0 }
        Object.assign(globalThis, { seen })
        addEventListener('pagereveal', (event) => {
          seen.faded = (event as Event & { viewTransition: unknown }).viewTransition !== null
        })
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) seen.shift += (entry as PerformanceEntry & { value: number }).value
        }).observe({ type: 'layout-shift', buffered: true })
      })
      await walk.open('acme', '/signup')
      await focused(walk.page, 'x_login_id')
      await walk.send({ x_login_id: walk.email() })
      await focused(walk.page, 'x_code')
      const { faded, shift } = await walk.page.evaluate(
        () => (globalThis as unknown as { seen: { faded: boolean; shift: number } }).seen,
      )
      const moving = await walk.page.evaluate(
        () => getComputedStyle(document.querySelector('.button') as Element).transitionDuration !== '0s',
      )
      return { faded, shift, moving }
    }
    expect(await walked('no-preference')).toEqual({ faded: true, shift: 0, moving: true })
    expect(await walked('reduce')).toEqual({ faded: false, shift: 0, moving: false })
  })
})

test('letters twice as large stay within the window', async () => {
  await using walk = await walker()
  const email = await walk.signUp('acme', walk.email('maximilianefriederikevonhohenzollernsigmaringen'))
  const twice = async () => {
    await walk.page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
    return overflow(walk.page, [1280, 640])
  }
  for (const path of ['/settings', '/settings/sessions', '/settings/profile', '/settings/change_password']) {
    await walk.open('acme', path)
    expect([path, await twice()]).toEqual([path, []])
  }
  await walk.signOut('acme')
  await walk.send({ x_login_id: email })
  expect(await twice()).toEqual([])
})

test('another language keeps the step, and is remembered', async () => {
  await using walk = await walker()
  const email = walk.email()
  await walk.open('acme', '/signup')
  await walk.send({ x_login_id: email })
  await walk.press('.foot .language')
  expect(await walk.page.locator('html').getAttribute('lang')).toBe('zh-TW')
  await walk.send({ x_code: walk.code(email) })
  expect([await walk.path(), await walk.page.locator('h1').textContent()]).toEqual([
    '/authflow/v2/create_password',
    '建立密碼',
  ])
})

describe.each([true, false])('whoever has a new password, with script: %s', (javaScriptEnabled) => {
  test('signs the others out, or keeps them by one tick', async () => {
    await using owner = await walker({ javaScriptEnabled })
    await using other = await walker({ javaScriptEnabled })
    const email = await owner.signUp('acme')
    const isIn = async (walk: Walker) => {
      await hosts.server.node.log.poll()
      await walk.open('acme', '/settings')
      return (await walk.path()) === '/settings'
    }
    const signIn = async (secret: string) => {
      await other.open('acme', '/login')
      await other.send({ x_login_id: email })
      await other.send({ x_password: secret })
      expect(await isIn(other)).toBe(true)
    }
    await signIn(mine)

    for (const [round, keeps] of [true, false].entries()) {
      await owner.open('acme', '/settings/change_password')
      const box = owner.page.getByLabel('Keep my other devices signed in')
      expect(await box.isChecked()).toBe(false)
      if (keeps) await box.check()
      const fresh = `${mine} ${round}`
      const old = round === 0 ? mine : `${mine} 0`
      await owner.send({ x_old_password: old, x_new_password: fresh, x_confirm_password: fresh })
      expect([await isIn(owner), await isIn(other)]).toEqual([true, keeps])
    }

    await signIn(`${mine} 1`)
    for (const keeps of [true, false]) {
      await hosts.server.clock.advance(120_000)
      await using lost = await walker({ javaScriptEnabled })
      await lost.open('acme', '/authflow/v2/forgot_password')
      await lost.send({ x_login_id: email })
      await lost.page.goto(lost.link(email))
      const box = lost.page.getByLabel('Keep my devices signed in')
      expect(await box.isChecked()).toBe(false)
      if (keeps) await box.check()
      const fresh = `${mine} and ${keeps}`
      await lost.send({ x_password: fresh, x_confirm_password: fresh })
      expect(await lost.path()).toBe('/authflow/v2/reset_password/success')
      expect([await isIn(owner), await isIn(other)]).toEqual([keeps, keeps])
    }
  })
})
