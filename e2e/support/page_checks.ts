// What holds for every hosted page, whichever it is.
import type { Page } from 'playwright-core'

/** Tokens that browsers and password managers know (HTML, autofill), for fields of these names. */
const fills: Record<string, RegExp> = {
  x_login_id: /^(username( webauthn)?|email|tel)$/,
  x_target: /^(email|tel)$/,
  x_password: /^(current|new)-password$/,
  x_old_password: /^current-password$/,
  x_new_password: /^new-password$/,
  x_confirm_password: /^new-password$/,
  x_code: /^one-time-code$/,
  '/name': /^name$/,
  '/given_name': /^given-name$/,
  '/family_name': /^family-name$/,
  '/birthdate': /^bday$/,
  '/gender': /^sex$/,
  '/address/country': /^country$/,
  '/address/street_address': /^street-address$/,
}

/** Everything that is wrong with how the page is built, in words; nothing when it is right. */
export async function faults(page: Page): Promise<string[]> {
  // A browser gives the focus once it has drawn the page.
  await page.waitForFunction(
    () => document.activeElement !== document.body || document.querySelector('[aria-invalid=true]') === null,
  )
  const seen = await page.evaluate(() => {
    const visible = (element: Element) => element.checkVisibility() && !element.closest('.unseen')
    const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)].filter(visible)
    const { activeElement: active } = document
    const invalid = all('[aria-invalid=true]')
    const small = all('a, button, input, select, summary').flatMap((element) => {
      const { width, height } = element.getBoundingClientRect()
      // A link inside a sentence is as tall as its line (WCAG 2.5.8, inline).
      const inSentence =
        element.tagName === 'A' &&
        getComputedStyle(element).display.startsWith('inline') &&
        element.parentElement?.textContent !== element.textContent
      const box = element instanceof HTMLInputElement && ['checkbox', 'radio'].includes(element.type)
      const fits = box
        ? (element.closest('label')?.getBoundingClientRect().height ?? 0) >= 24
        : width >= 24 && height >= 24
      return inSentence || fits || element.classList.contains('who-value')
        ? []
        : [`${element.tagName} "${element.textContent?.trim()}" ${Math.round(width)}×${Math.round(height)}`]
    })
    return {
      inline: [...document.querySelectorAll('script:not([src]), style, [style]')].map((element) => element.outerHTML),
      handlers: [...document.querySelectorAll('*')].flatMap((element) =>
        element.getAttributeNames().filter((name) => name.startsWith('on')),
      ),
      headings: document.querySelectorAll('h1').length,
      filled: all('.button.primary').length,
      title: document.title,
      fields: all('main input, main select').map((field) => ({
        name: field.getAttribute('name') ?? '',
        type: field.getAttribute('type') ?? '',
        readonly: field.hasAttribute('readonly'),
        autocomplete: field.getAttribute('autocomplete'),
        height: field.getBoundingClientRect().height,
      })),
      invalid: invalid.map((field) => field.getAttribute('name') ?? ''),
      focused: active === null ? '' : (active.getAttribute('name') ?? active.getAttribute('role') ?? ''),
      small,
    }
  })
  const found = [
    ...seen.inline.map((html) => `inline: ${html}`),
    ...seen.handlers.map((name) => `inline handler: ${name}`),
    ...seen.small.map((which) => `too small a target: ${which}`),
  ]
  if (seen.headings !== 1) found.push(`${seen.headings} headings of the first level`)
  if (seen.filled > 1) found.push(`${seen.filled} filled buttons`)
  for (const { name, autocomplete, readonly, type, height } of seen.fields) {
    if (['checkbox', 'radio'].includes(type)) continue
    const wanted = readonly ? /^username$/ : fills[name]
    if (wanted !== undefined && !wanted.test(autocomplete ?? '')) found.push(`autocomplete of ${name}: ${autocomplete}`)
    if (type !== '' && autocomplete === null) found.push(`${name || type} has no autocomplete`)
    if (!readonly && height < 48) found.push(`${name} is ${height} tall`)
  }
  const [only, ...others] = seen.invalid
  if (only !== undefined) {
    const wanted = others.length === 0 ? only : 'alert'
    if (seen.focused !== wanted) found.push(`the focus is at ${seen.focused || 'nothing'}, not at ${wanted}`)
  }
  return found
}

/** How far the page can be scrolled sideways at each of these widths: nothing when it fits. */
export async function overflow(page: Page, widths: readonly number[]): Promise<string[]> {
  const found: string[] = []
  const before = page.viewportSize() ?? { width: 1280, height: 800 }
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    if (wide > width) found.push(`${wide} wide in a window of ${width}`)
  }
  await page.setViewportSize(before)
  return found
}

/** Text of the page that stands in English sentences where another language is spoken: words that nobody translated. */
export async function english(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const texts: string[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      // What people typed or what carries a name of its own is nobody's to translate.
      if (node.parentElement?.closest('bdi, code, option, [lang]:not(html), script, .row-value, .row-label, .brand'))
        continue
      const text = (node.textContent ?? '').trim()
      if (/[A-Za-z]{2,} +[a-z]{2,}/.test(text)) texts.push(text)
    }
    return texts
  })
}
