// Projects that between them have every hosted page, an app that sends people there, and a person who walks through.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Headgear, startHeadgear } from 'headgear/testing'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

export const password = 'correct horse battery'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const loginIds = (...types: string[]) => ({ login_id: { keys: types.map((type) => ({ type })) } })
const own = { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' }
const languages = { supported_languages: ['en', 'zh-TW'] }

/** Every project by its name; `app` is the address that an app's requests come back to. */
function configurations(app: string): Record<string, Record<string, unknown>> {
  const client = (client_id: string, name: string, more: object = {}) => ({
    client_id,
    name,
    client_name: name,
    x_application_type: 'spa',
    redirect_uris: [app],
    post_logout_redirect_uris: [app],
    client_uri: app,
    ...more,
  })
  const clients = [client('notes', 'Notes')]
  const common = { localization: languages, oauth: { clients } }
  return {
    acme: {
      ...common,
      authentication: {
        identities: ['login_id', 'anonymous'],
        primary_authenticators: ['password', 'oob_otp_email', 'oob_otp_sms'],
      },
      identity: loginIds('email', 'phone', 'username'),
      authenticator: { password: { policy: { digit_required: true, minimum_guessable_level: 2 } } },
      account_deletion: { scheduled_by_end_user_enabled: true },
      user_profile: {
        standard_attributes: {
          access_control: ['/name', '/nickname', '/website', '/address'].map((pointer) => ({
            pointer,
            access_control: own,
          })),
        },
        custom_attributes: {
          attributes: [
            {
              id: '0000',
              pointer: '/colour',
              type: 'enum',
              enum: ['red', 'green', 'blue'],
              access_control: own,
            },
            { id: '0001', pointer: '/shoes', type: 'number', access_control: own },
          ],
        },
      },
      oauth: {
        clients: [
          client('notes', 'Notes'),
          client('partner', 'Photo Prints', {
            x_application_type: 'third_party_app',
            policy_uri: `${app}privacy`,
            tos_uri: `${app}terms`,
            grant_types: [deviceGrant],
          }),
          client('television', 'Living Room Television', { grant_types: [deviceGrant] }),
          client('single', 'Till', { x_max_concurrent_session: 1 }),
        ],
      },
    },
    emails: { ...common, authenticator: { password: { force_change: true } } },
    links: {
      ...common,
      authentication: { primary_authenticators: ['oob_otp_email'] },
      authenticator: { oob_otp: { email: { email_otp_mode: 'login_link' } } },
    },
    codes: {
      ...common,
      authentication: { primary_authenticators: ['password', 'oob_otp_sms'] },
      identity: loginIds('phone', 'email'),
      ui: {
        signup_login_flow_enabled: true,
        forgot_password: {
          email: [
            { channel: 'email', otp_form: 'code' },
            { channel: 'email', otp_form: 'link' },
          ],
          phone: [{ channel: 'sms', otp_form: 'code' }],
        },
      },
    },
    twostep: {
      ...common,
      authentication: {
        secondary_authentication_mode: 'required',
        secondary_authenticators: ['password', 'oob_otp_sms', 'oob_otp_email'],
        recovery_code: { disabled: true },
      },
    },
    app: {
      ...common,
      authentication: {
        secondary_authentication_mode: 'required',
        secondary_authenticators: ['totp', 'password', 'oob_otp_email'],
      },
    },
    questions: {
      ...common,
      identity: loginIds('username'),
      authentication_flow: {
        signup_flows: [
          {
            name: 'default',
            steps: [
              { name: 'who', type: 'identify', one_of: [{ identification: 'username' }] },
              { type: 'create_authenticator', one_of: [{ authentication: 'primary_password' }] },
              {
                type: 'fill_in_user_profile',
                user_profile: [
                  { pointer: '/given_name', required: true },
                  { pointer: '/birthdate', required: true },
                  { pointer: '/gender', required: false },
                ],
              },
            ],
          },
        ],
      },
    },
    closed: { ...common, authentication: { public_signup_disabled: true }, ui: { settings_disabled: true } },
    shut: { ...common, ui: { direct_access_disabled: true, brand_page_uri: app } },
  }
}

export type Hosts = AsyncDisposable & {
  server: Headgear
  /** Address that the apps' requests come back to. */
  app: string
  /** Origin of a project by its name. */
  origin(project: string): string
  /** The same project at a name that this process can resolve. */
  local(project: string): string
  /** The secret of a client that has one. */
  secret(project: string, client: string): string
  admin(project: string, query: string, variables?: Record<string, unknown>): Promise<Record<string, unknown>>
  /** Replaces parts of a project's configuration. */
  configure(project: string, more: Record<string, unknown>): Promise<void>
}

export async function startHosts(): Promise<Hosts> {
  const server = await startHeadgear()
  const app = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end('<!doctype html><html lang="en"><title>The app</title><h1>The app</h1>')
  })
  const address = await listening(app)
  const configs = configurations(address)
  const made = new Map<string, Awaited<ReturnType<Headgear['project']>>>()
  for (const [id, config] of Object.entries(configs)) made.set(id, await server.project({ id, ...config }))
  const of = (id: string) => {
    const found = made.get(id)
    if (found === undefined) throw new Error(`no project ${id}`)
    return found
  }
  return {
    server,
    app: address,
    origin: (project) => of(project).origin,
    local: (project) => of(project).local_origin,
    secret: (project, client) => of(project).client_secrets[client] ?? '',
    admin: (project, query, variables) => server.admin(query, variables, of(project)),
    async configure(project, more) {
      await server.project({ id: project, ...configs[project], ...more })
    },
    async [Symbol.asyncDispose]() {
      app.closeAllConnections()
      app.close()
      await server.stop()
    },
  }
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://localhost:${(server.address() as AddressInfo).port}/`))
  })
}

/** What a page complained of in the browser, a breach of its own policy included. */
export type Troubles = string[]

/** A person at a browser of their own. `see` hears of each page that a walk shows, once it stands. */
export async function newWalker(
  { hosts, browser, troubles }: { hosts: Hosts; browser: Browser; troubles: Troubles },
  options: BrowserContextOptions = {},
  see: (name: string, page: Page) => Promise<void> = async () => {},
): Promise<Walker & AsyncDisposable> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  })
  context.setDefaultTimeout(15_000)
  context.on('page', (page) => {
    page.on('pageerror', (error) => troubles.push(error.message))
    page.on('console', (message) => {
      // A page that says no has a status that says so, too.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        troubles.push(`${page.url()}: ${message.text()}`)
    })
  })
  const walk = new Walker(hosts, await context.newPage(), see)
  return Object.assign(walk, { [Symbol.asyncDispose]: () => context.close() })
}

let serial = 0

/** One person at one browser. */
export class Walker {
  readonly hosts: Hosts
  readonly context: BrowserContext
  page: Page
  /** Hears of each page that the walk shows, once it stands. */
  readonly #see: (name: string, page: Page) => Promise<void>

  constructor(hosts: Hosts, page: Page, see: (name: string, page: Page) => Promise<void>) {
    this.hosts = hosts
    this.page = page
    this.context = page.context()
    this.#see = see
  }

  see(name: string): Promise<void> {
    return this.#see(name, this.page)
  }

  /** An address that nobody had before. */
  email(name = 'ana.silva'): string {
    serial += 1
    return `${name}.${serial}@example.com`
  }

  phone(): string {
    serial += 1
    return `+8869123${String(10_000 + serial)}`
  }

  async open(project: string, path: string): Promise<void> {
    await this.page.goto(new URL(path, this.hosts.origin(project)).href)
  }

  /** As an app sends people there. */
  async authorize(project: string, more: Record<string, string> = {}): Promise<void> {
    const query = new URLSearchParams({
      client_id: 'notes',
      redirect_uri: this.hosts.app,
      response_type: 'code',
      scope: 'openid offline_access',
      code_challenge_method: 'S256',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      ...more,
    })
    await this.open(project, `/oauth2/authorize?${query}`)
  }

  /** Fills in fields of the page by name, presses its main button (or `button`), and waits for the page that follows. */
  async send(fields: Record<string, string> = {}, button = 'main .button.primary'): Promise<void> {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.page.locator(`main [name="${name}"]`).first()
      if (!(await field.isVisible())) continue // with script, the second password fills itself in
      if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value)
      else await field.fill(value)
    }
    await this.press(button)
  }

  async press(selector: string): Promise<void> {
    await Promise.all([this.page.waitForEvent('load'), this.page.locator(selector).first().click()])
  }

  async path(): Promise<string> {
    return new URL(this.page.url()).pathname
  }

  /** The newest six digits that were sent to `to`. */
  code(to: string): string {
    const text = this.#newest(to)
    const found = /\b\d{6}\b/.exec(text)?.[0]
    if (found === undefined) throw new Error(`no code in: ${text}`)
    return found
  }

  /** The newest link that was sent to `to`. */
  link(to: string): string {
    const text = this.#newest(to)
    const found = /https?:\/\/\S+/.exec(text)?.[0]
    if (found === undefined) throw new Error(`no link in: ${text}`)
    return found
  }

  #newest(to: string): string {
    const message = this.hosts.server.outbox.findLast((one) => one.to === to)
    if (message === undefined) throw new Error(`nothing was sent to ${to}`)
    return `${message.subject}\n${message.text}`
  }

  /** Signs up by email (or number) where that is the way, and stops where the project sends new people. */
  async signUp(project: string, loginId = this.email(), path = '/signup'): Promise<string> {
    await this.open(project, path)
    await this.send({ x_login_id: loginId })
    if ((await this.path()).endsWith('enter_oob_otp')) await this.send({ x_code: this.code(loginId) })
    if ((await this.path()).endsWith('create_password'))
      await this.send({ x_password: `${password} 7`, x_confirm_password: `${password} 7` })
    return loginId
  }

  async signOut(project: string): Promise<void> {
    await this.open(project, '/logout')
    await this.send()
  }
}
