// Every hosted page, looked at: with and without script, in both themes, wide and on a phone, in two languages.
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { violations } from './support/axe.ts'
import { launchChromium } from './support/chromium.ts'
import { type Hosts, newWalker, startHosts } from './support/hosted.ts'
import { journeys } from './support/journeys.ts'
import { english, faults, overflow } from './support/page_checks.ts'

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
// Nobody is slowed down for what the test before did.
beforeEach(async () => {
  troubles = []
  await hosts.server.clock.advance(120_000)
})
afterEach(() => {
  expect(troubles).toEqual([])
})

const desktop = { width: 1280, height: 800 }
const phone = { width: 390, height: 844 }
const small = { width: 320, height: 640 }

describe.each(Object.entries(journeys))('%s', (_, go) => {
  test('with script: sound in light and dark, wide and on a phone', async () => {
    const met = new Map<string, string[]>()
    await using walk = await newWalker({ hosts, browser, troubles }, {}, async (name, page) => {
      await page.emulateMedia({ colorScheme: 'light' })
      const found = [...(await faults(page)), ...(await violations(page)).map((what) => `light: ${what}`)]
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.setViewportSize(phone)
      found.push(...(await violations(page, ['color-contrast', 'target-size'])).map((what) => `dark, phone: ${what}`))
      await page.setViewportSize(desktop)
      // 640 is half of 1280: a zoom of 200%.
      found.push(...(await overflow(page, [320, 640])))
      if (found.length > 0) met.set(name, found)
    })
    await go(walk)
    expect(Object.fromEntries(met)).toEqual({})
  })

  test('without script, in Traditional Chinese: every page works, is translated, and fits a small phone', async () => {
    const met = new Map<string, string[]>()
    await using walk = await newWalker(
      { hosts, browser, troubles },
      { javaScriptEnabled: false, locale: 'zh-TW', viewport: small },
      async (name, page) => {
        const found = [...(await faults(page)), ...(await english(page)).map((text) => `not translated: ${text}`)]
        const { lang, scrollWidth } = await page.evaluate(() => {
          const { lang, scrollWidth } = document.documentElement
          return { lang, scrollWidth }
        })
        if (lang !== 'zh-TW') found.push(`lang is ${lang}`)
        if (scrollWidth > small.width) found.push(`${scrollWidth} wide`)
        if (found.length > 0) met.set(name, found)
      },
    )
    await go(walk)
    expect(Object.fromEntries(met)).toEqual({})
  })
})
