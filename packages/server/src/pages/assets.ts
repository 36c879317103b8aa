// The sheet, the script and each project's theme, at addresses that name their content: a browser fetches each once.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Context, Handler, MiddlewareHandler } from 'hono'
import { palette, type Theme, themeCss } from '../branding/theme.ts'

type Asset = {
  type: string
  hash: string
  body: Buffer
  /** Made when first asked for. */
  encoded: Map<'br' | 'gzip', Buffer>
}

const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' } as const

const files = new Map<string, Asset>(
  (['headgear.css', 'headgear.js'] as const).map((name) => [
    name,
    asset(readFileSync(new URL(`../../assets/${name}`, import.meta.url)), name.endsWith('.css') ? types.css : types.js),
  ]),
)

/** Where a file of `assets/` is served. Throws for a name that is not served. */
export function assetUrl(name: 'headgear.css' | 'headgear.js'): string {
  const found = files.get(name)
  if (!found) throw new Error(`no such asset: ${name}`)
  const dot = name.lastIndexOf('.')
  return `/_assets/${name.slice(0, dot)}.${found.hash}${name.slice(dot)}`
}

/** Answers `/_assets/*`. */
export const assets: Handler = (c) => {
  const [, stem, hash, extension] = /^\/_assets\/([\w-]+)\.([\w-]+)\.(css|js)$/.exec(c.req.path) ?? []
  const found = files.get(`${stem}.${extension}`)
  return found ? answer(c, found, hash) : c.notFound()
}

/** What a project's look is made from. */
export type Look = { theme: Theme; name: string }

/** Where a project's theme sheet is served: a new address whenever brand or overrides change. */
export function themeUrl(look: Look): string {
  return `/_theme/${themed(look, 'css').hash}.css`
}

/** Where the initial of the project stands as an icon in its colour; for projects that uploaded none. */
export function monogramUrl(look: Look): string {
  return `/_theme/${themed(look, 'svg').hash}.svg`
}

/** Answers `/_theme/*` with the sheet or the icon of the project that the request belongs to. */
export function serveTheme(c: Context, look: Look): Response | Promise<Response> {
  const [, hash, kind] = /^\/_theme\/([\w-]+)\.(css|svg)$/.exec(c.req.path) ?? []
  return kind ? answer(c, themed(look, kind === 'svg' ? 'svg' : 'css'), hash) : c.notFound()
}

/** Answers `/_theme/*` by the hash alone: what this process has linked, it also serves while the database is away. */
export const knownTheme: MiddlewareHandler = async (c, next) => {
  const [, hash = ''] = /^\/_theme\/([\w-]+)\.(css|svg)$/.exec(c.req.path) ?? []
  const found = byHash.get(hash)
  if (found === undefined) return next()
  return answer(c, found, hash)
}

const made = new Map<string, Asset>()
const byHash = new Map<string, Asset>()

function themed({ theme, name }: Look, kind: 'css' | 'svg'): Asset {
  const key = JSON.stringify(kind === 'css' ? [theme] : [theme.brand, name])
  let found = made.get(key)
  if (!found) {
    if (made.size >= 1000) {
      made.clear()
      byHash.clear()
    }
    found = asset(Buffer.from(kind === 'css' ? themeCss(theme) : monogram(theme, name)), types[kind])
    made.set(key, found)
    byHash.set(found.hash, found)
  }
  return found
}

function monogram(theme: Theme, name: string): string {
  const colours = palette(theme, 'light')
  const initial = (Array.from(name.trim())[0]?.toLocaleUpperCase() ?? '').replace(/[<>&"']/g, '')
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">',
    `<rect width="32" height="32" rx="8" fill="${colours.fill}"/>`,
    `<text x="16" y="22.5" fill="${colours['on-fill']}" text-anchor="middle" font-family="Segoe UI,Helvetica,Arial,sans-serif" font-size="19" font-weight="600">${initial}</text>`,
    '</svg>',
  ].join('')
}

function asset(body: Buffer, type: string): Asset {
  return { type, body, hash: createHash('sha256').update(body).digest('base64url').slice(0, 12), encoded: new Map() }
}

function answer(c: Context, found: Asset, hash: string | undefined): Response {
  // While nodes of two versions serve one host, a page may ask this one for the other's file. Ours is better than
  // none, but must not be remembered under that name.
  c.header('Cache-Control', hash === found.hash ? 'public, max-age=31536000, immutable' : 'no-store')
  c.header('Content-Type', found.type)
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Vary', 'Accept-Encoding')
  const encoding = accepted(c.req.header('Accept-Encoding') ?? '')
  if (!encoding) return c.body(new Uint8Array(found.body))
  c.header('Content-Encoding', encoding)
  return c.body(new Uint8Array(compressed(found, encoding)))
}

function accepted(header: string): 'br' | 'gzip' | undefined {
  const offers = header
    .toLowerCase()
    .split(',')
    .map((offer) => offer.replaceAll(' ', ''))
    .filter((offer) => !/;q=0(\.0*)?$/.test(offer))
    .map((offer) => offer.split(';')[0])
  return offers.includes('br') ? 'br' : offers.includes('gzip') ? 'gzip' : undefined
}

function compressed(found: Asset, encoding: 'br' | 'gzip'): Buffer {
  let body = found.encoded.get(encoding)
  if (!body) {
    body =
      encoding === 'br'
        ? brotliCompressSync(found.body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
        : gzipSync(found.body, { level: 9 })
    found.encoded.set(encoding, body)
  }
  return body
}
