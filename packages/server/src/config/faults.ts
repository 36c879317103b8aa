/**
 * What is wrong with a document, in the reference's words: `{location, kind, details}`. One table maps Zod's issues to its
 * kinds (decisions D24). Used for the configuration files and for any other JSON that is checked with a Zod schema.
 */
import { z } from 'zod'
import type { FaultParams } from './values.ts'

export type Fault = {
  /** JSON pointer (RFC 6901) to what is wrong; for `required`, to the object that lacks something. */
  location: string
  kind: string
  message: string
  details?: Record<string, unknown>
  /** Where it stands in the text, counted from 1. */
  line?: number
  column?: number
  file?: string
}

/** RFC 6901 §3. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((token) => `/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** More faults than this help nobody; the last one then says how many were left out. */
const MAX_FAULTS = 200

export type Checked<T> = { ok: true; data: T } | { ok: false; faults: Fault[] }

/**
 * Checks `input` against `schema`. All faults are found, each key of an object by itself.
 * @param options.secret leaves every value out of messages and details.
 */
export function check<S extends z.ZodType>(
  schema: S,
  input: unknown,
  options: { secret?: boolean } = {},
): Checked<z.output<S>> {
  // Zod forgets which keys an object knows, and which numbers are whole, by the time the issues come out; its error hook
  // still sees the schema.
  const known = new Map<string, string[]>()
  const integers = new Set<string>()
  const result = schema.safeParse(input, {
    error(issue) {
      if (issue.code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject) {
        known.set(pointerTo(issue.path ?? []), Object.keys(issue.inst.shape))
      }
      if (issue.code === 'invalid_type' && issue.inst instanceof z.ZodNumberFormat)
        integers.add(pointerTo(issue.path ?? []))
      return undefined
    },
  })
  if (result.success) return { ok: true, data: result.data }
  return {
    ok: false,
    faults: faultsOf(result.error.issues, input, { secret: options.secret ?? false, known, integers }),
  }
}

type Context = { secret: boolean; known: ReadonlyMap<string, string[]>; integers: ReadonlySet<string> }
type Issue = z.core.$ZodIssue

function faultsOf(issues: readonly Issue[], input: unknown, context: Context): Fault[] {
  const lacking = new Map<string, { path: PropertyKey[]; missing: string[] }>()
  const faults: Fault[] = []
  for (const issue of issues.flatMap((one) => resolveUnion(one, input))) {
    if (isMissing(issue, input)) {
      const path = issue.path.slice(0, -1)
      const entry = lacking.get(pointerTo(path)) ?? { path, missing: [] }
      entry.missing.push(String(issue.path.at(-1)))
      lacking.set(pointerTo(path), entry)
    } else faults.push(...translate(issue, input, context))
  }
  for (const { path, missing } of lacking.values()) {
    const parent = valueAt(input, path)
    const actual = isObject(parent) ? Object.keys(parent) : []
    const what = missing.length === 1 ? 'is missing' : 'are missing'
    faults.push({
      location: pointerTo(path),
      kind: 'required',
      message: `${missing.join(', ')} ${what}`,
      details: { actual, expected: missing, missing },
    })
  }
  return distinctFaults(faults)
}

/** The table. */
function translate(issue: Issue, input: unknown, context: Context): Fault[] {
  const location = pointerTo(issue.path)
  const value = valueAt(input, issue.path)
  const shown = context.secret ? {} : { actual: value }
  const fault = (kind: string, message: string, details?: Record<string, unknown>): Fault[] => [
    details === undefined ? { location, kind, message } : { location, kind, message, details },
  ]
  switch (issue.code) {
    case 'invalid_type': {
      const [actual, expected] = [
        typeName(value),
        context.integers.has(location) ? 'integer' : jsonType(issue.expected),
      ]
      return fault('type', `must be ${article(expected)}, not ${article(actual)}`, {
        actual: [actual],
        expected: [expected],
      })
    }
    case 'invalid_value': {
      const [first] = issue.values
      if (issue.values.length === 1)
        return fault('const', `must be ${JSON.stringify(first)}`, { ...shown, expected: first })
      return fault(
        'enum',
        `must be one of ${issue.values.length > 20 ? 'the known values' : issue.values.join(', ')}`,
        { ...shown, expected: issue.values },
      )
    }
    case 'invalid_union': {
      // The options stand on the issue though its type does not say so.
      const expected = ((issue as { options?: unknown[] }).options ?? []).map(String)
      return fault('enum', `must be one of ${expected.join(', ')}`, { ...shown, expected })
    }
    case 'unrecognized_keys': {
      const expected = context.known.get(location) ?? []
      return issue.keys.map((key) => {
        const near = nearest(key, expected)
        return {
          location: location + pointerTo([key]),
          kind: 'additionalProperties',
          message: near === undefined ? 'unknown key' : `unknown key: did you mean ${near}?`,
          details: { expected },
        }
      })
    }
    case 'too_small':
    case 'too_big': {
      const small = issue.code === 'too_small'
      const bound = Number(small ? issue.minimum : issue.maximum)
      const word = `${issue.inclusive === false ? (small ? 'more than' : 'less than') : small ? 'at least' : 'at most'} ${bound}`
      if (issue.origin === 'string')
        return fault(small ? 'minLength' : 'maxLength', `must have ${word} characters`, { expected: bound })
      if (issue.origin === 'array') {
        const actual = Array.isArray(value) ? value.length : 0
        return fault(small ? 'minItems' : 'maxItems', `must have ${word} items`, { actual, expected: bound })
      }
      return fault(small ? 'minimum' : 'maximum', `must be ${word}`, {
        ...shown,
        [small ? 'minimum' : 'maximum']: bound,
      })
    }
    case 'invalid_format':
      return issue.format === 'regex'
        ? fault('pattern', `must match ${issue.pattern}`, {
            ...shown,
            expected: issue.pattern?.replace(/^\/|\/[a-z]*$/g, ''),
          })
        : fault('format', `is not a valid ${issue.format}`, { format: issue.format })
    case 'custom': {
      const params = issue.params as Partial<FaultParams> | undefined
      const kind = params?.kind ?? 'general'
      if (kind === 'format') return fault(kind, issue.message, { format: params?.format, error: issue.message })
      if (context.secret) return fault(kind, issue.message)
      return fault(kind, issue.message, params?.details ?? (kind === 'general' ? { msg: issue.message } : undefined))
    }
    default:
      return fault('general', issue.message, { msg: issue.message })
  }
}

/** A union without a discriminator: the alternative that the value tried to be, or one issue naming what it may be. */
function resolveUnion(issue: Issue, input: unknown): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const attempts = issue.errors as Issue[][]
  const meant = attempts.find((errors) =>
    errors.every((error) => error.path.length > 0 || !['invalid_type', 'invalid_value'].includes(error.code)),
  )
  if (meant)
    return meant.flatMap((error) => resolveUnion({ ...error, path: [...issue.path, ...error.path] } as Issue, input))
  const values = attempts.flat().flatMap((error) => (error.code === 'invalid_value' ? error.values : []))
  if (values.length > 0 && valueAt(input, issue.path) !== undefined)
    return [{ ...issue, code: 'invalid_value', values } as Issue]
  const first = attempts[0]?.[0]
  return first ? [{ ...first, path: [...issue.path, ...first.path] } as Issue] : [issue]
}

function isMissing(issue: Issue, input: unknown): boolean {
  return (
    ['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code) &&
    issue.path.length > 0 &&
    valueAt(input, issue.path) === undefined
  )
}

/** Drops repeats (the same kind, place and message), and what exceeds `MAX_FAULTS`. */
export function distinctFaults(faults: readonly Fault[]): Fault[] {
  const seen = new Set<string>()
  const kept = faults.filter((fault) => {
    const key = `${fault.kind} ${fault.location} ${fault.message}`
    return !seen.has(key) && seen.add(key)
  })
  if (kept.length <= MAX_FAULTS) return kept
  const message = `and ${kept.length - MAX_FAULTS} more`
  return [...kept.slice(0, MAX_FAULTS), { location: '', kind: 'general', message, details: { msg: message } }]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const token of path) {
    if (!isObject(value) || !Object.hasOwn(value, token)) return undefined
    value = value[token as string]
  }
  return value
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

/** JSON Schema's name for what Zod expected. */
function jsonType(expected: string): string {
  return { int: 'integer', record: 'object', nan: 'number' }[expected] ?? expected
}

function article(type: string): string {
  if (type === 'null') return 'empty'
  return `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type}`
}

/** The known key that `key` is probably a slip of. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((other) => ({ other, slips: distance(key, other) }))
    .filter(({ other, slips }) => slips <= Math.min(3, Math.floor(other.length / 3)))
    .sort((a, b) => a.slips - b.slips)
  return best?.other
}

/** Levenshtein. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 6 || a.length > 64) return 99
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
