// Flags and their environment variables: `--database-url` is `HEADGEAR_DATABASE_URL`.
import { parseArgs } from 'node:util'
import { usualDirectory } from './certificates/authority.ts'
import { BadSetup, type ServeOptions } from './serve.ts'

const flags = {
  port: { type: 'string' },
  'ops-port': { type: 'string' },
  hostname: { type: 'string' },
  'data-dir': { type: 'string' },
  'database-url': { type: 'string' },
  config: { type: 'string' },
  secrets: { type: 'string' },
  'trust-proxy': { type: 'string', multiple: true },
  'allow-outbound': { type: 'string', multiple: true },
  'base-host': { type: 'string' },
  'smtp-url': { type: 'string' },
  acme: { type: 'string' },
  'acme-directory': { type: 'string' },
  'https-port': { type: 'string' },
  'http-port': { type: 'string' },
  'log-level': { type: 'string' },
  dev: { type: 'boolean' },
  primary: { type: 'boolean' },
} as const

export type Settings = ServeOptions & {
  /** Of `domain use`. */
  primary: boolean
  configFile: string | undefined
  secretsFile: string | undefined
  words: string[]
}

function port(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new BadSetup(`${name}: ${text} is not a port`)
  return number
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** Reads flags, then the environment, then defaults. @throws BadSetup naming the flag that is wrong. */
export function readSettings(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Settings {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    throw new BadSetup((error as Error).message)
  }
  const { values, positionals } = parsed
  const variable = (name: string) => env[`HEADGEAR_${name.toUpperCase().replaceAll('-', '_')}`] || undefined
  const one = (
    name:
      | 'port'
      | 'ops-port'
      | 'hostname'
      | 'data-dir'
      | 'database-url'
      | 'config'
      | 'secrets'
      | 'base-host'
      | 'smtp-url'
      | 'acme'
      | 'acme-directory'
      | 'https-port'
      | 'http-port'
      | 'log-level',
  ) => values[name] ?? variable(name)
  const many = (name: 'trust-proxy' | 'allow-outbound') =>
    (values[name] ?? [variable(name) ?? '']).flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== '')
  const development = values.dev ?? ['1', 'true'].includes(variable('dev') ?? '')
  const hostname = one('hostname') ?? (development ? '127.0.0.1' : '0.0.0.0')
  if (development && !loopback.has(hostname)) throw new BadSetup(`--dev serves on loopback only, not on ${hostname}`)
  const level = one('log-level') ?? 'info'
  if (!['debug', 'info', 'warn', 'error', 'fatal'].includes(level))
    throw new BadSetup(`--log-level: ${level} is not one of debug, info, warn, error, fatal`)
  const smtpUrl = one('smtp-url')
  if (smtpUrl !== undefined && !(URL.canParse(smtpUrl) && /^smtps?:$/.test(new URL(smtpUrl).protocol)))
    throw new BadSetup('--smtp-url: not a URL like smtp://user:password@host:port')
  const acme = acmeOf(one('acme'), one('acme-directory'), one('https-port'), one('http-port'))
  if (development && acme !== undefined) throw new BadSetup('--acme is for a name that others know, not for --dev')
  return {
    // With TLS of its own, nothing is served without it unless that is asked for.
    port: port(one('port'), '--port') ?? (acme === undefined ? 4000 : undefined),
    acme,
    opsPort: port(one('ops-port'), '--ops-port'),
    hostname,
    databaseUrl: one('database-url'),
    dataDir: one('data-dir') ?? '.headgear',
    masterKey: variable('master-key'),
    trustProxy: many('trust-proxy'),
    allowOutbound: many('allow-outbound'),
    development,
    baseHost: one('base-host') ?? (development ? 'localhost' : undefined),
    smtpUrl,
    logLevel: level,
    primary: values.primary ?? false,
    configFile: one('config'),
    secretsFile: one('secrets'),
    words: positionals,
  }
}

function acmeOf(
  email: string | undefined,
  directory: string | undefined,
  https: string | undefined,
  http: string | undefined,
): ServeOptions['acme'] {
  if (email === undefined) {
    const given = { '--acme-directory': directory, '--https-port': https, '--http-port': http }
    const [alone] = Object.entries(given).find(([, value]) => value !== undefined) ?? []
    if (alone !== undefined) throw new BadSetup(`${alone} goes with --acme EMAIL`)
    return undefined
  }
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new BadSetup(`--acme: ${email} is not an email address`)
  if (directory !== undefined && !(URL.canParse(directory) && new URL(directory).protocol === 'https:'))
    throw new BadSetup(`--acme-directory: ${directory} is not an https URL`)
  return {
    email,
    directory: directory ?? usualDirectory,
    httpsPort: port(https, '--https-port') ?? 443,
    httpPort: port(http, '--http-port') ?? 80,
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
}
