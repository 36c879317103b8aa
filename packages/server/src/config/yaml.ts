/** YAML text → plain values, with the place of each; documents made to exhaust us are faults like any other. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { type Fault, pointerTo } from './faults.ts'

/** Larger documents are refused unread. */
export const MAX_BYTES = 1_048_576
const MAX_DEPTH = 64
const MAX_PROBLEMS = 50

export type ReadYaml = { ok: true; value: unknown; place: (fault: Fault) => Fault } | { ok: false; faults: Fault[] }

/**
 * Reads one YAML 1.2 document (merge keys included, since files written for the reference use them).
 * @param options.secret keeps the text itself out of messages.
 */
export function readYaml(text: string, options: { file?: string | undefined; secret?: boolean } = {}): ReadYaml {
  const inFile = (fault: Fault): Fault => (options.file === undefined ? fault : { ...fault, file: options.file })
  const whole = (message: string): ReadYaml => ({
    ok: false,
    faults: [inFile({ location: '', kind: 'general', message, details: { msg: message } })],
  })
  if (Buffer.byteLength(text) > MAX_BYTES) return whole(`larger than ${MAX_BYTES} bytes`)

  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  // `yaml` looks for repeated keys by comparing every pair of them; `inspect` does it in one walk.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    stringKeys: true,
    uniqueKeys: false,
  })
  const problems = [...document.errors, ...document.warnings].slice(0, MAX_PROBLEMS)
  // The parser recurses, and reports in its own words when the stack ends.
  if (problems.some((problem) => problem.code === 'RESOURCE_EXHAUSTION'))
    return whole(`nested deeper than ${MAX_DEPTH} levels`)
  if (problems.length > 0) {
    const faults = problems.map((problem): Fault => {
      const message = options.secret
        ? `not valid YAML (${problem.code})`
        : problem.code === 'MULTIPLE_DOCS'
          ? 'more than one document'
          : problem.message
      return inFile({ location: '', kind: 'general', message, details: { msg: message }, ...at(problem.pos[0]) })
    })
    return { ok: false, faults }
  }
  const { depth, repeated } = inspect(document.contents)
  if (depth > MAX_DEPTH) return whole(`nested deeper than ${MAX_DEPTH} levels`)
  if (repeated.length > 0) {
    const message = 'stands here twice'
    const faults = repeated.map(
      ({ path, offset }): Fault => ({
        location: pointerTo(path),
        kind: 'general',
        message,
        details: { msg: message },
        ...at(offset),
      }),
    )
    return { ok: false, faults: faults.map(inFile) }
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return { ok: true, value, place: (fault) => inFile({ ...fault, ...placeOf(document, lines, fault.location) }) }
  } catch (error) {
    // `yaml` throws ReferenceError for aliases that multiply, or that contain themselves.
    if (error instanceof ReferenceError) return whole('aliases that repeat too much, or that contain themselves')
    throw error
  }
}

/** How deep the document is, and the keys that appear a second time in their map. Not recursive, since depth is the question. */
function inspect(root: unknown): { depth: number; repeated: { path: PropertyKey[]; offset: number }[] } {
  const repeated: { path: PropertyKey[]; offset: number }[] = []
  let level: { node: unknown; path: PropertyKey[] }[] = [{ node: root, path: [] }]
  let depth = 0
  for (; level.length > 0 && depth <= MAX_DEPTH; depth += 1) {
    const next: typeof level = []
    for (const { node, path } of level) {
      if (isMap(node)) {
        const seen = new Set<string>()
        for (const pair of node.items) {
          const key = isScalar(pair.key) ? String(pair.key.value) : ''
          const here = [...path, key]
          if (key !== '<<' && seen.has(key) && repeated.length < MAX_PROBLEMS) {
            repeated.push({ path: here, offset: (pair.key as Node).range?.[0] ?? 0 })
          }
          seen.add(key)
          next.push({ node: pair.value, path: here })
        }
      } else if (isSeq(node)) {
        for (const [index, item] of node.items.entries()) next.push({ node: item, path: [...path, index] })
      }
    }
    level = next
  }
  return { depth, repeated }
}

/** Line and column of the deepest part of `location` that the document holds: of a key, or of a list's item. */
function placeOf(document: Document.Parsed, lines: LineCounter, location: string): { line?: number; column?: number } {
  let node: unknown = document.contents
  let start = (node as Node | null)?.range?.[0]
  for (const token of location.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find((one) => isScalar(one.key) && String(one.key.value) === name)
      if (!pair) break
      start = (pair.key as Node).range?.[0] ?? start
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(name)] as Node | undefined
      if (!item) break
      start = item.range?.[0] ?? start
      node = item
    } else break
  }
  if (start === undefined) return {}
  const { line, col } = lines.linePos(start)
  return { line, column: col }
}
