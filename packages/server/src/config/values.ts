/**
 * The kinds of value that several sections share: durations, origins, addresses, languages, patterns.
 * A section's own shape lives in its room's `config.ts`; nothing here knows a key.
 */
import { isIP } from 'node:net'
import { z } from 'zod'

/** What a check adds to an issue so that `faults.ts` can name the reference's kind. */
export type FaultParams = { kind: string; format?: string; details?: Record<string, unknown> }

/** Raises a fault of `kind` from inside a check or a transform; `path` is relative to the value checked. */
export function raise(
  ctx: { addIssue(issue: { code: 'custom'; message: string; path?: PropertyKey[]; params: FaultParams }): void },
  fault: { kind?: string; message: string; path?: PropertyKey[]; details?: Record<string, unknown> },
): void {
  const { kind = 'general', message, path = [], details } = fault
  ctx.addIssue({ code: 'custom', message, path, params: details ? { kind, details } : { kind } })
}

/** A string that `problem` finds nothing wrong with; otherwise a fault of kind `format`. */
function formatted(format: string, problem: (value: string) => string | undefined) {
  return z
    .string()
    .superRefine((value, ctx) => {
      const message = problem(value)
      const params: FaultParams = { kind: 'format', format }
      if (message !== undefined) ctx.addIssue({ code: 'custom', message, params })
    })
    .meta({ format })
}

// ---- time ---------------------------------------------------------------------------------------------------------

const UNIT_SECONDS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/** Seconds in a Go duration (`300s`, `1h30m`, `1.5h`, `0`), to the microsecond; undefined when it is not one, or is negative. */
export function durationSeconds(text: string): number | undefined {
  if (text === '0') return 0
  if (text.length > 64 || !/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined
  // Microseconds keep sums exact: nanoseconds would leave the safe integers after 104 days.
  let microseconds = 0
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    microseconds += Math.round(Number(amount) * (UNIT_SECONDS[unit ?? ''] ?? 0) * 1e6)
  }
  return Number.isSafeInteger(microseconds) ? microseconds / 1e6 : undefined
}

/** A Go duration string; a number of seconds after parsing. */
export const duration = formatted('x_duration_string', (text) =>
  durationSeconds(text) === undefined ? 'not a duration: write it like 30s, 20m or 1h30m' : undefined,
).transform((text) => durationSeconds(text) ?? 0)

/** A whole number of seconds, at least one. */
export const seconds = z.int().min(1)

/** A time-out: whole seconds, or a Go duration; seconds after parsing, within [1, 60]. */
export const timeout = z.union([z.int(), duration]).superRefine((value, ctx) => {
  if (value < 1)
    raise(ctx, { kind: 'minimum', message: 'must be at least 1 second', details: { actual: value, minimum: 1 } })
  if (value > 60)
    raise(ctx, { kind: 'maximum', message: 'must be at most 60 seconds', details: { actual: value, maximum: 60 } })
})

/** An RFC 3339 date and time with its offset; a `Date` after parsing. */
export const dateTime = formatted('date-time', (text) =>
  /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
    ? undefined
    : 'not a date and time: write it like 2027-01-31T00:00:00Z',
).transform((text) => new Date(text))

// ---- addresses ----------------------------------------------------------------------------------------------------

function readUrl(text: string): URL | undefined {
  // The URL parser forgives leading spaces, tabs and backslashes; a configuration should not need it to.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be here
  return /[\u0000-\u0020\u007f\\]/.test(text) || !URL.canParse(text) ? undefined : new URL(text)
}

/** `http` or `https`, host and port alone, written as browsers write it (lower case, no default port, no slash). */
export const httpOrigin = formatted('http_origin', (text) => {
  const url = readUrl(text)
  if (!url || !['http:', 'https:'].includes(url.protocol)) return 'not an http or https origin'
  return url.origin === text ? undefined : `not a bare origin: write it as ${url.origin}`
})

/** A pattern of origins: `*`, `*.example.com`, `example.com:8080`, each with or without a scheme. */
export const originPattern = formatted('x_origin_spec', (text) => {
  if (text === '*') return undefined
  const rest = text.replace(/^https?:\/\//, '')
  const url = readUrl(`http://${rest.replace(/^\*\./, 'wildcard.')}`)
  return rest !== '' && url && url.pathname === '/' && !/[/?#@*]/.test(rest.replace(/^\*\./, ''))
    ? undefined
    : 'not an origin or an origin pattern such as https://app.example.com or *.example.com'
})

/** Any absolute URI, whatever its scheme. */
export const uri = formatted('uri', (text) => (readUrl(text) ? undefined : 'not an absolute URI'))

/** An `http` or `https` URL. */
export const webUrl = formatted('uri', (text) =>
  ['http:', 'https:'].includes(readUrl(text)?.protocol ?? '') ? undefined : 'not an http or https URL',
)

/** An `https` URL; plain `http` is let through for a loopback host, where development happens. */
export const secureUrl = formatted('uri', (text) => {
  const url = readUrl(text)
  if (url?.protocol === 'https:') return undefined
  return url?.protocol === 'http:' && isLoopback(url.hostname) ? undefined : 'not an https URL'
})

/** Whether a URL's host names this machine: `localhost`, a name below it, 127.0.0.0/8 or [::1]. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\./.test(hostname)
}

/** Where a redirect may end. Schemes that run or read something in the browser are no place for a code. RFC 6749 §3.1.2. */
export const redirectUri = formatted('uri', (text) => {
  const url = readUrl(text)
  if (!url) return 'not an absolute URI'
  if (/^(javascript|data|vbscript|blob|about|file|filesystem|view-source):$/.test(url.protocol)) {
    return `the scheme ${url.protocol} cannot receive a redirect`
  }
  return text.includes('#') ? 'a redirect URI has no fragment' : undefined
})

/** What a hook may call: `https://…`, `http://…`, or `authgeardeno:///deno/<name>.ts` for a script kept with the project. */
export const hookUrl = formatted('x_hook_uri', (text) => {
  const protocol = readUrl(text)?.protocol
  if (protocol === 'http:' || protocol === 'https:') return undefined
  return /^authgeardeno:\/\/\/deno\/[.0-9a-zA-Z]+\.ts$/.test(text)
    ? undefined
    : 'not an http or https URL, nor authgeardeno:///deno/<name>.ts'
})

/** A network in CIDR notation. */
export const cidr = formatted('x_cidr', (text) => {
  const [address = '', prefix, ...rest] = text.split('/')
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1
  return rest.length === 0 && prefix !== undefined && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
    ? undefined
    : 'not a network such as 10.0.0.0/8'
})

export const email = formatted('email', (text) =>
  text.length <= 320 && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? undefined : 'not an e-mail address',
)

// ---- language, place, pattern -------------------------------------------------------------------------------------

/** A BCP 47 language tag, kept as written. */
export const languageTag = formatted('bcp47', (text) => {
  try {
    return Intl.getCanonicalLocales(text).length === 1 ? undefined : 'not a language tag'
  } catch {
    return 'not a language tag such as en or zh-Hant-HK'
  }
})

/** An ISO 3166-1 alpha-2 code, as geolocation reports it. */
export const countryCode = formatted('iso3166-1-alpha-2', (text) =>
  /^[A-Z]{2}$/.test(text) ? undefined : 'not a country code such as HK',
)

/**
 * Compiles a pattern written for RE2, which the reference uses. Throws `SyntaxError`. What RE2 lacks (look-around,
 * back-references) is refused, so that a pattern means the same in both.
 */
export function compilePattern(source: string): RegExp {
  if (/\(\?(?:<?[=!])|\\[1-9]|\\k</.test(source))
    throw new SyntaxError('look-around and back-references are not supported')
  const flags = /^\(\?([ims]+)\)/.exec(source)
  const body = source
    .slice(flags?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\\([Az])/g, (_, edge) => (edge === 'A' ? '^' : '$'))
  return new RegExp(body, `${flags?.[1] ?? ''}u`)
}

/** A regular expression in RE2's syntax; a `RegExp` after parsing. */
export const pattern = z
  .string()
  .max(1000)
  .superRefine((source, ctx) => {
    try {
      compilePattern(source)
    } catch (error) {
      const params: FaultParams = { kind: 'format', format: 'regex' }
      ctx.addIssue({ code: 'custom', message: `not a regular expression: ${(error as Error).message}`, params })
    }
  })
  .meta({ format: 'regex' })
  .transform(compilePattern)

// ---- lists --------------------------------------------------------------------------------------------------------

/** A check for arrays: no two items share what `key` answers. The later one is at fault, at `field` if given. */
export function distinct<T>(key: (item: T) => unknown, field?: string) {
  return (items: readonly T[], ctx: Parameters<typeof raise>[0]): void => {
    const seen = new Map<unknown, number>()
    items.forEach((item, index) => {
      const value = key(item)
      const first = seen.get(value)
      if (first === undefined) seen.set(value, index)
      else {
        raise(ctx, {
          kind: 'uniqueItems',
          message: `repeats item ${first}`,
          path: field === undefined ? [index] : [index, field],
          details: { first, actual: value },
        })
      }
    })
  }
}

const itself = (item: unknown): unknown => item

/** A list of scalars in which none appears twice. */
export function uniqueList<S extends z.ZodType>(item: S) {
  return z.array(item).superRefine(distinct<z.output<S>>(itself))
}
