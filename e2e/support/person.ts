// Somebody at a browser: answers whatever Headgear's pages ask, reading codes where a person in development does.
import type { Page } from 'playwright-core'

export type Person = { email: string; password: string; newPassword?: string }

type Message = { to: string; subject: string; text: string; at: string }

/** Every message to an address so far, oldest first. */
export async function messagesTo(headgear: string, to: string): Promise<Message[]> {
  const response = await fetch(`${headgear}/_dev/messages?to=${encodeURIComponent(to)}`)
  return (await response.json()) as Message[]
}

/**
 * Fills in page after page until the browser is at `until`. A code is the newest one that was not used before. Returns
 * the paths of the pages it met. Throws what the page shows when a page asks again or asks something unknown.
 */
export async function answerPages(
  page: Page,
  who: Person,
  place: { headgear: string; until: string },
): Promise<string[]> {
  const met: string[] = []
  const used = new Set((await messagesTo(place.headgear, who.email)).map((message) => message.at + message.text))
  const isThere = () => page.url().startsWith(place.until)
  await page.waitForURL((url) => url.href.startsWith(place.headgear) || url.href.startsWith(place.until))
  for (let step = 0; step < 12 && !isThere(); step++) {
    // The page of response_mode=form_post sends itself on.
    if ((await page.locator(`form[action^="${place.until}"]`).count()) > 0) await page.waitForURL(isThere)
    if (isThere()) break
    const path = new URL(page.url()).pathname
    if (met.at(-1) === path && met.at(-2) === path) break // it goes in circles
    met.push(path)
    const main = page.locator('main')
    const field = async (name: string) => {
      const found = main.locator(`input[name="${name}"]:visible:not([readonly])`)
      return (await found.count()) > 0 ? found.first() : undefined
    }
    if ((await main.locator('[aria-invalid=true]').count()) > 0)
      throw new Error(`${path} asks again: ${await main.textContent()}`)
    const loginId = await field('x_login_id')
    const newPassword = await field('x_new_password')
    const password = await field('x_password')
    const code = await field('x_code')
    if (loginId) await loginId.fill(who.email)
    const oldPassword = await field('x_old_password')
    if (oldPassword) await oldPassword.fill(who.password)
    if (newPassword) await newPassword.fill(who.newPassword ?? who.password)
    if (password) await password.fill(who.password)
    if (code) await code.fill(await newCode(place.headgear, who.email, used))
    const before = page.url()
    await page.evaluate(() => document.documentElement.setAttribute('data-seen', ''))
    await main.locator('.button.primary:visible').first().click()
    await page
      .waitForFunction(() => document.documentElement?.hasAttribute('data-seen') === false, undefined, {
        timeout: 15_000,
      })
      .catch((error: Error) => {
        throw new Error(`${before} led nowhere: ${error.message}`)
      })
    await page.waitForLoadState('domcontentloaded')
  }
  if (!isThere())
    throw new Error(`still at ${page.url()} after ${met.join(', ')}: ${await page.locator('body').textContent()}`)
  return met
}

async function newCode(headgear: string, to: string, used: Set<string>): Promise<string> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const fresh = (await messagesTo(headgear, to)).filter((message) => !used.has(message.at + message.text))
    const last = fresh.at(-1)
    const code = last && /\b\d{6}\b/.exec(`${last.subject}\n${last.text}`)?.[0]
    if (last !== undefined && code !== undefined) {
      used.add(last.at + last.text)
      return code
    }
    if (performance.now() > deadline) throw new Error(`no code for ${to}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
