// Somebody with an account, at a browser with one jar for Headgear and one for the app.

import type { Headgear } from 'headgear/testing'
import type { DevelopmentProject } from '../../../server/src/dev/projects.ts'
import { plainBrowser } from '../../../server/test/support/browser.ts'

/** A web-standard server, or one at the other end of a socket. */
export type Site = (request: Request) => Promise<Response>

/** A browser's side of one app: keeps its cookies, and follows nothing by itself. */
export type Tab = {
  cookies: Map<string, string>
  /** The `Cookie` header that it would send now. */
  header(): string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  post(path: string, headers?: Record<string, string>): Promise<Response>
  /** Sends with the cookies of another moment, and takes what the answer sets when told to. */
  late(path: string, cookie: string): { answer: Promise<Response>; arrive(): Promise<void> }
}

export function openTab(origin: string, site: Site): Tab {
  const cookies = new Map<string, string>()
  const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const take = (response: Response) => {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/; max-age=0\b/i.test(line)) cookies.delete(pair.slice(0, at))
      else cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    return response
  }
  const send = (path: string, init: RequestInit & { headers: Record<string, string> }, cookie = header()) =>
    site(
      new Request(new URL(path, origin), {
        ...init,
        redirect: 'manual',
        headers: { accept: 'text/html', ...init.headers, ...(cookie === '' ? {} : { cookie }) },
      }),
    )
  return {
    cookies,
    header,
    get: async (path, headers = {}) => take(await send(path, { headers })),
    post: async (path, headers = {}) => take(await send(path, { method: 'POST', headers })),
    late(path, cookie) {
      const answer = send(path, { headers: {} }, cookie)
      return { answer, arrive: async () => void take(await answer) }
    },
  }
}

export type Person = {
  email: string
  /** What the browser sees at Headgear from an address on until it is sent elsewhere. */
  answer(address: string): Promise<URL>
  /** From the app's sign-in to the place that it leads to. */
  signIn(tab: Tab, path?: string): Promise<Response>
  /** Opens a page of Headgear. */
  browse(address: string): Promise<{ url: URL; text: string }>
}

let serial = 0
const password = 'correct horse battery staple'

/** Creates an account by the pages. */
export async function newPerson(server: Headgear, project: DevelopmentProject): Promise<Person> {
  const email = `person-${++serial}@example.com`
  const browser = plainBrowser(project)
  await browser.open('/signup')
  await browser.send({ x_login_id: email })
  const message = server.outbox.findLast(({ to }) => to === email)
  await browser.send({ x_code: /\b\d{6}\b/.exec(message?.text ?? '')?.[0] ?? '' })
  await browser.send({ x_password: password, x_confirm_password: password })
  if (browser.page.url.pathname !== '/settings') throw new Error(`no account: ${browser.page.text}`)

  const person: Person = {
    email,
    async answer(address) {
      let page = await browser.open(address)
      for (let step = 0; step < 8 && page.url.origin === project.local_origin; step++) {
        if (page.html.includes('name="x_password"')) page = await browser.send({ x_password: password })
        else if (page.html.includes('name="x_login_id"')) page = await browser.send({ x_login_id: email })
        else page = await browser.send()
      }
      if (page.url.origin === project.local_origin) throw new Error(`still at ${page.url}: ${page.text}`)
      return page.url
    },
    async signIn(tab, path = '/auth/login') {
      const out = await tab.get(path)
      const back = await person.answer(locationOf(out))
      return tab.get(back.pathname + back.search)
    },
    async browse(address) {
      const { url, text } = await browser.open(address)
      return { url, text }
    },
  }
  return person
}

/** Where an answer leads. */
export function locationOf(response: Response): string {
  const location = response.headers.get('location')
  if (location === null) throw new Error(`no redirect but ${response.status}`)
  return location
}
