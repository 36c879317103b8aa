// What a phone does for @authgear/capacitor beyond its web view: secure storage, keys, and the system browser.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type Key, newKey, signed } from '../../packages/server/test/support/sdk_wire.ts'
import { devices } from '../../packages/server/test/support/sdks.ts'

type Options = Record<string, unknown>
type Answer = { value?: unknown; error?: string }

export type PhoneNative = {
  /** Deals with the pages of the system browser that opens next. */
  next: ((page: Page) => Promise<void>) | undefined
  /** The page that was opened last for nothing but to be shown. */
  shown: string
  /** What the system browser reported against its own pages. */
  readonly troubles: string[]
}

/** Makes a context's pages the web view of a native app on this phone. */
export async function plugIn(context: BrowserContext, browser: Browser): Promise<PhoneNative> {
  const stored = new Map<string, string>()
  const keys = new Map<string, Key>()
  const phone: PhoneNative = { next: undefined, shown: '', troubles: [] }

  const keyOf = ({ kid }: Options) => {
    const key = keys.get(String(kid))
    if (key === undefined) throw new Error('no such key')
    return key
  }
  const create = ({ kid }: Options) => {
    const key = newKey('RS256')
    keys.set(String(kid), { ...key, kid: String(kid), jwk: { ...key.jwk, kid } })
  }
  const sign = (options: Options, typ: string) => {
    const { kid, alg, jwk } = keyOf(options)
    return { jwt: signed(keyOf(options), { typ, kid, alg, jwk }, options.payload as Options) }
  }

  const methods: Record<string, (options: Options) => unknown> = {
    storageGetItem: ({ key }) => ({ value: stored.get(String(key)) ?? null }),
    storageSetItem: ({ key, value }) => void stored.set(String(key), String(value)),
    storageDeleteItem: ({ key }) => void stored.delete(String(key)),
    randomBytes: ({ length }) => ({ bytes: [...randomBytes(Number(length))] }),
    sha256String: ({ input }) => ({ bytes: [...createHash('sha256').update(String(input)).digest()] }),
    getDeviceInfo: () => ({ deviceInfo: devices.android }),
    generateUUID: () => ({ uuid: randomUUID() }),
    openAuthorizeURL: ({ url, callbackURL, prefersEphemeralWebBrowserSession }) =>
      openBrowser(String(url), String(callbackURL), prefersEphemeralWebBrowserSession === true),
    openURL: ({ url }) => show(String(url)),
    checkBiometricSupported: () => undefined,
    createBiometricPrivateKey: (options) => {
      create(options)
      return sign(options, 'vnd.authgear.biometric-request')
    },
    signWithBiometricPrivateKey: (options) => sign(options, 'vnd.authgear.biometric-request'),
    removeBiometricPrivateKey: ({ kid }) => void keys.delete(String(kid)),
    checkDPoPSupported: () => ({ ok: true }),
    createDPoPPrivateKey: create,
    signWithDPoPPrivateKey: (options) => sign(options, 'dpop+jwt'),
    checkDPoPPrivateKey: ({ kid }) => ({ ok: keys.has(String(kid)) }),
    computeDPoPJKT: (options) => {
      const { e, kty, n } = keyOf(options).jwk
      return { jkt: createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url') }
    },
  }

  /** Opens the system browser until it is sent to the app. */
  async function openBrowser(url: string, callback: string, ephemeral: boolean): Promise<{ redirectURI: string }> {
    const { next: person = () => Promise.reject(new Error(`nobody expected ${url}`)) } = phone
    phone.next = undefined
    const opened = ephemeral ? await browser.newContext() : context
    const page = await opened.newPage()
    // Leading to an app is no page: that the browser was told to go there, and did not object, is all there is to see.
    page.on('console', (message) => {
      if (message.type() === 'error') phone.troubles.push(message.text())
    })
    const called = new Promise<string>((resolve) => {
      page.on('response', (response) => {
        const to = response.headers().location
        if (to?.startsWith(callback)) resolve(to)
      })
    })
    try {
      await page.goto(url)
      await person(page)
      return { redirectURI: await called }
    } finally {
      await (ephemeral ? opened.close() : page.close())
    }
  }

  async function show(url: string): Promise<void> {
    const page = await context.newPage()
    await page.goto(url)
    phone.shown = page.url()
    await page.close()
  }

  await context.exposeFunction('native', async (method: string, options: Options): Promise<Answer> => {
    try {
      const run = methods[method]
      if (run === undefined) throw new Error(`no native ${method}`)
      return { value: await run(options) }
    } catch (error) {
      return { error: (error as Error).message }
    }
  })
  // As the native side of Capacitor introduces itself to @capacitor/core.
  await context.addInitScript((names) => {
    const there = window as unknown as Record<string, unknown> & {
      native(method: string, options: unknown): Promise<Answer>
    }
    there.androidBridge = {}
    there.Capacitor = {
      PluginHeaders: [{ name: 'Authgear', methods: names.map((name) => ({ name, rtype: 'promise' })) }],
      async nativePromise(_: string, method: string, options: unknown) {
        const { value, error } = await there.native(method, options ?? {})
        if (error !== undefined) throw new Error(error)
        return value
      },
    }
  }, Object.keys(methods))
  return phone
}
