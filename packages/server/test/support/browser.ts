// A browser without script, over HTTP: keeps cookies, follows redirects on the host, and sends forms as they stand.
import type { DevelopmentProject } from '../../src/dev/projects.ts'
import { type ByName, fetchByName } from './by_name.ts'

export type Seen = {
  status: number
  /** Address of the page, or of the first redirect that leaves the host. */
  url: URL
  html: string
  headers: Headers
  /** Addresses on the way, the first one included. */
  way: string[]
  title: string
  heading: string
  /** What a person reads in the main part, in one line. */
  text: string
}

export type Send = {
  /** Which form, when the page has several: the one that has this field or this `x_action`. */
  form?: { field?: string; action?: string; index?: number }
  headers?: Record<string, string>
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

export function plain(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? '')
}

function textOf(html: string): string {
  const joined = html.replace(/<\/?(a|b|bdi|span|code|time)\b[^>]*>/g, '')
  return plain(joined.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')).trim()
}

export function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}(?:="([^"]*)")?(?=[\\s/>])`).exec(tag)
  return found ? plain(found[1] ?? '') : undefined
}

export type FormFound = { action: string | undefined; fields: Map<string, string>; html: string }

/** The forms of a page, with the fields that a browser would send; of buttons, none. */
export function formsOf(html: string): FormFound[] {
  return [...html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head = '', body = '']) => {
    const fields = new Map<string, string>()
    for (const [tag] of body.matchAll(/<input[^>]*>/g)) {
      const name = attribute(tag, 'name')
      const type = attribute(tag, 'type')
      if (name === undefined || ((type === 'checkbox' || type === 'radio') && attribute(tag, 'checked') === undefined))
        continue
      fields.set(name, attribute(tag, 'value') ?? '')
    }
    for (const [, tag = '', options = ''] of body.matchAll(/<select([^>]*)>([\s\S]*?)<\/select>/g)) {
      const chosen = [...options.matchAll(/<option[^>]*>/g)].map(([option]) => option)
      const option = chosen.find((one) => attribute(one, 'selected') !== undefined) ?? chosen[0]
      const name = attribute(` ${tag} >`, 'name')
      if (name !== undefined && option !== undefined) fields.set(name, attribute(option, 'value') ?? '')
    }
    return { action: attribute(` ${head} >`, 'action'), fields, html: body }
  })
}

export type PlainBrowser = {
  /** Of the first origin. */
  cookies: Map<string, string>
  cookiesOf(origin: string): Map<string, string>
  page: Seen
  open(url: string, headers?: Record<string, string>): Promise<Seen>
  /** Fills in and sends a form of the present page. */
  send(fields?: Record<string, string>, options?: Send): Promise<Seen>
  /** Follows the first link whose text or address contains this. */
  follow(link: string): Promise<Seen>
  post(url: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Seen>
  /** Keeps the present page and may come back to it, as a second tab would. */
  restore(page: Seen): void
}

export function plainBrowser(
  project: Pick<DevelopmentProject, 'local_origin'>,
  more: { headers?: Record<string, string>; names?: { origins: readonly string[]; at: string } } = {},
): PlainBrowser {
  // With names it walks over several origins, which are all served at one address, and keeps their cookies apart.
  const origins = more.names?.origins ?? [project.local_origin]
  const origin = origins[0] ?? ''
  const jars = new Map(origins.map((one) => [one, new Map<string, string>()]))
  const jarOf = (url: URL) => jars.get(url.origin) ?? new Map<string, string>()

  async function request(url: URL, init: ByName): Promise<Seen> {
    const way: string[] = []
    let next = url
    let options = init
    for (let hop = 0; hop < 20; hop++) {
      way.push(next.origin === origin ? next.pathname + next.search : next.href)
      if (!jars.has(next.origin)) return seen(next, new Response(null, { status: 302 }), '', way)
      const cookies = jarOf(next)
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const headers = {
        accept: 'text/html',
        'user-agent': agent,
        ...more.headers,
        ...options.headers,
        ...(cookie === '' ? {} : { cookie }),
      }
      const response = await (more.names === undefined
        ? fetch(next, { ...options, redirect: 'manual', headers })
        : fetchByName(more.names.at, next, { ...options, headers }))
      for (const line of response.headers.getSetCookie()) {
        const [pair = ''] = line.split(';')
        const at = pair.indexOf('=')
        if (/expires=thu, 01 jan 1970|max-age=0/i.test(line)) cookies.delete(pair.slice(0, at))
        else cookies.set(pair.slice(0, at), pair.slice(at + 1))
      }
      const location = response.headers.get('location')
      if (location === null || response.status < 300 || response.status > 399)
        return seen(next, response, await response.text(), way)
      await response.arrayBuffer()
      next = new URL(location, next)
      const { body: _, method: __, headers: ___, ...rest } = options
      options = {
        ...rest,
        ...(init.headers?.['accept-language']
          ? { headers: { 'accept-language': init.headers['accept-language'] } }
          : {}),
      }
    }
    throw new Error(`round in circles: ${way.join(' → ')}`)
  }

  function seen(url: URL, response: Response, html: string, way: string[]): Seen {
    const main = /<main[^>]*>([\s\S]*)<\/main>/.exec(html)?.[1] ?? ''
    self.page = {
      status: response.status,
      url,
      html,
      headers: response.headers,
      way,
      title: plain(/<title>([^<]*)<\/title>/.exec(html)?.[1] ?? ''),
      heading: textOf(/<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? ''),
      text: textOf(main),
    }
    return self.page
  }

  const self: PlainBrowser = {
    cookies: jarOf(new URL(origin)),
    cookiesOf: (at) => jarOf(new URL(at)),
    page: undefined as unknown as Seen,
    open: (url, headers = {}) => request(new URL(url, self.page?.url ?? origin), { headers }),
    post: (url, fields, headers = {}) =>
      request(new URL(url, self.page?.url ?? origin), {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields).toString(),
      }),
    send(fields = {}, options = {}) {
      const { form = {} } = options
      const forms = formsOf(self.page.html).filter(
        (one) =>
          (form.field === undefined || one.fields.has(form.field)) &&
          (form.action === undefined ||
            one.fields.get('x_action') === form.action ||
            one.html.includes(`value="${form.action}"`)),
      )
      const wanted = Object.keys(fields)
      const found =
        forms[form.index ?? 0] === undefined ||
        form.index !== undefined ||
        form.field !== undefined ||
        form.action !== undefined
          ? forms[form.index ?? 0]
          : (forms.find((one) => wanted.every((name) => one.fields.has(name))) ?? forms[0])
      if (found === undefined) throw new Error(`no such form at ${self.page.url}: ${self.page.text}`)
      return self.post(
        found.action ?? self.page.url.href,
        { ...Object.fromEntries(found.fields), ...fields },
        options.headers,
      )
    },
    follow(link) {
      const links = [...self.page.html.matchAll(/<a ([^>]*)>([\s\S]*?)<\/a>/g)]
      const found = links.find(
        ([, head = '', inner = '']) =>
          textOf(inner).includes(link) || (attribute(` ${head} >`, 'href') ?? '').includes(link),
      )
      const href = found && attribute(` ${found[1]} >`, 'href')
      if (href === undefined) throw new Error(`no link ${link} at ${self.page.url}: ${self.page.text}`)
      return self.open(href)
    },
    restore(page) {
      self.page = page
    },
  }
  return self
}

const agent =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
