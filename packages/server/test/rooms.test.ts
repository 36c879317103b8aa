// The house rules of docs/architecture.md, read off the imports. An exception is named with its reason, and goes when it
// is needed no more.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))
type Source = { path: string; code: string; imports: { from: string; typesOnly: boolean }[] }

const sources = globSync('**/*.{ts,tsx}', { cwd: src })
  .filter((path) => !/\.test\.tsx?$/.test(path))
  .map((path): Source => {
    const code = readFileSync(join(src, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    const imports = [...code.matchAll(/^(?:import|export) (type )?((?:(?!from ')[^;])*?)from '([^']+)'/gm)].map(
      ([, type, names = '', from = '']) => ({
        from: from.startsWith('.') ? normalize(join(dirname(path), from)) : from,
        typesOnly: type !== undefined || /^\{(\s*type [^,}]+,?)*\s*\}\s*$/.test(names),
      }),
    )
    return { path, code, imports }
  })

const values = ({ imports }: Source) => imports.filter((one) => !one.typesOnly).map((one) => one.from)
const imported = (source: Source, wanted: RegExp) => values(source).some((from) => wanted.test(from))

/** Sources that break a rule must be exactly those that are excused. */
function onlyExcused(broken: (source: Source) => boolean, excused: Record<string, string>) {
  expect(
    sources
      .filter(broken)
      .map((source) => source.path)
      .sort(),
  ).toEqual(Object.keys(excused).sort())
}

const isStore = ({ path }: Source) => /^storage\/|(^|\/)store\.ts$/.test(path)
const hasSql = ({ code }: Source) => /\.(selectFrom|insertInto|updateTable|deleteFrom)\(|\bsql(<[^`]*>)?`/.test(code)
/** A room's `http.ts`, and what only that and the hosted pages import; the hosted pages; what doors share. */
function isDoor(path: string): boolean {
  if (/^(http|pages)\/|(^|\/)http\.ts$/.test(path)) return true
  const importers = sources.filter((other) => values(other).includes(path)).map((other) => other.path)
  return (
    importers.length > 0 &&
    importers.every((other) => other === join(dirname(path), 'http.ts') || other.startsWith('pages/'))
  )
}

test('the sources are read', () => {
  expect(sources.length).toBeGreaterThan(200)
  expect(values(sources.find((one) => one.path === 'app.ts') as Source)).toContain('oauth/http.ts')
})

test('only stores speak SQL', () => {
  onlyExcused((source) => !isStore(source) && (hasSql(source) || imported(source, /^kysely/)), {
    'authenticators/device_token.ts': 'store of trusted devices',
    'authenticators/recovery_code_store.ts': 'store of recovery codes',
    'delivery/queue.ts': 'nodes take turns making the schema of pg-boss',
    'events/feed.ts': 'store of the revocation feed',
    'events/log.ts': 'the one insert of the log',
    'events/reader.ts': 'keeps the place of a reader',
    'jobs.ts': 'sweeps every table that expires',
    'limits/lockout.ts': 'counting an attempt is a statement on its row',
    'limits/rate.ts': 'a bucket is its statement',
    'messaging/codes.ts': 'guessing and spending a code are statements on its row',
    'messaging/send.ts': 'notes on the code’s row how its delivery went',
    'oauth/codes.ts': 'store of authorization codes',
    'oauth/device_codes.ts': 'store of devices that wait',
    'oauth/logouts.ts': 'store of who is to be told of an ended session',
    'oauth/one_time.ts': 'store of one-time tokens',
    'oauth/requests.ts': 'store of authorization requests',
    'oauth/results.ts': 'store of authentication results',
    'projects/domains.ts': 'store of domains',
    'users/search.ts': 'store of the list of users',
  })
})

test('stores know nothing of HTTP', () => {
  onlyExcused(
    (source) => (isStore(source) || hasSql(source)) && imported(source, /^(hono|http\/|pages\/)|http\.ts$/),
    {},
  )
})

test('only doors speak Hono', () => {
  onlyExcused((source) => !isDoor(source.path) && imported(source, /^(hono(?!\/jsx)|@hono)/), {
    'app.ts': 'knows every door',
    'messaging/templates.tsx': 'writes mails with its JSX',
    'ops.ts': 'the operations port',
    'serve.ts': 'carries the app to the wire',
  })
})

test('no door opens another: only app.ts knows them all', () => {
  const doorOf = (from: string) => (/(^|\/)http\.ts$/.test(from) || from === 'ops.ts' ? from : undefined)
  onlyExcused((source) => values(source).some((from) => doorOf(from) !== undefined), {
    'app.ts': 'knows every door',
    'serve.ts': 'answers the resolver before the app is asked, and has a port for operations',
  })
})

test('rules, which wait for nothing, ask no store', () => {
  const stores = new Set(sources.filter((one) => isStore(one) || hasSql(one)).map((one) => one.path))
  const waits = ({ code }: Source) => /\bawait\b|\basync\b|\bPromise</.test(code)
  onlyExcused(
    (source) => !waits(source) && !stores.has(source.path) && values(source).some((from) => stores.has(from)),
    {
      'authenticators/verify_limits.ts': 'keys its buckets by address as every limit does',
      'oauth/device_secret.ts': 'draws its secrets as one-time tokens do',
    },
  )
})

test('time, chance and the environment come in from outside', () => {
  const touched = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.env\b|\bperformance\.now\(|\brandomBytes\(/
  onlyExcused((source) => touched.test(source.code), {
    'authenticators/hashing.ts': 'paces its own threads',
    'cli.ts': 'reads the environment',
    'log.ts': 'a line bears the machine’s time, whatever the product’s is',
    'world.ts': 'is where they come in',
  })
})
