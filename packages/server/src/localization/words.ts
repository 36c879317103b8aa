// Every sentence a person reads, by key and language: assets/words/<tag>.json, one flat table of ICU messages each.
// Nothing is read or compiled before the first sentence is asked for, so that starting stays quick.
import { readFile } from 'node:fs/promises'
import { bestMatch, direction } from './negotiate.ts'

export type Vars = Readonly<Record<string, string | number>>

/** What a sentence is made of, for a view: plain text, a variable to isolate, or a tag around more of it. */
export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'variable'; text: string }
  | { kind: 'tag'; name: string; parts: Part[] }

export type Words = {
  /** The sentence of `key` as plain text. An unknown key is answered with the key itself. */
  (key: string, vars?: Vars): string
  /** The language the sentences are in: for `lang`. */
  readonly lang: string
  readonly dir: 'ltr' | 'rtl'
  has(key: string): boolean
  /** The same sentence in pieces. */
  parts(key: string, vars?: Vars): Part[]
}

/** Languages that ship with sentences. */
export const translated = ['en', 'zh-TW'] as const

/** Elements a sentence may hold. The plain text of a sentence keeps their content. */
export const sentenceTags = ['b', 'link', 'terms', 'privacy'] as const

type Table = Readonly<Record<string, string>>
type Engine = typeof import('intl-messageformat')
type Message = InstanceType<Engine['IntlMessageFormat']>

/**
 * The sentences of `lang`: the project's own text first, then ours in the nearest language, then English.
 * @param own the project's text for that language, by key; an entry that is not a well-formed message is passed over
 */
export async function wordsFor(lang: string, own: Table = {}): Promise<Words> {
  const ours = bestMatch(lang, translated)
  const hasOwn = Object.keys(own).length > 0
  const [engine, first, english] = await Promise.all([import('intl-messageformat'), table(ours ?? 'en'), table('en')])
  // Without a sentence of our own or theirs in it, a page must not claim the language.
  const spoken = ours ?? (hasOwn ? lang : 'en')
  const plain = ours ?? 'en'
  if (!hasOwn) {
    const known = ready.get(plain)
    if (known) return known
  }
  const layers = [
    { lang: spoken, messages: own },
    { lang: plain, messages: first },
    ...(plain === 'en' ? [] : [{ lang: 'en', messages: english }]),
  ]
  const words = speak(engine, spoken, layers)
  if (!hasOwn) ready.set(plain, words)
  return words
}

const ready = new Map<string, Words>()
const tables = new Map<string, Promise<Table>>()

function table(lang: string): Promise<Table> {
  let found = tables.get(lang)
  if (!found) {
    found = readFile(new URL(`../../assets/words/${lang}.json`, import.meta.url), 'utf8').then((text) =>
      JSON.parse(text),
    )
    found.catch(() => tables.delete(lang))
    tables.set(lang, found)
  }
  return found
}

/** Text that came from outside the sentence. A class, since the engine keeps objects apart and merges strings. */
class Variable {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  // `select` looks its branch up by this.
  toString() {
    return this.text
  }
}

class Tagged {
  readonly name: string
  readonly parts: Part[]
  constructor(name: string, parts: Part[]) {
    this.name = name
    this.parts = parts
  }
}

function speak(engine: Engine, lang: string, layers: readonly { lang: string; messages: Table }[]): Words {
  const compiled = new Map<string, Message | undefined>()
  const dir = direction(lang)

  function message(layer: number, key: string): Message | undefined {
    const id = `${layer}:${key}`
    if (compiled.has(id)) return compiled.get(id)
    const { lang: written, messages } = layers[layer] as (typeof layers)[number]
    const source = Object.hasOwn(messages, key) ? messages[key] : undefined
    let made: Message | undefined
    try {
      if (typeof source === 'string') made = new engine.IntlMessageFormat(source, written)
    } catch {
      // A project's own text with a slip in it: the next layer has a sentence that works.
    }
    compiled.set(id, made)
    return made
  }

  function parts(key: string, vars: Vars = {}): Part[] {
    const values: Record<string, unknown> = {}
    for (const name of sentenceTags) values[name] = (inner: unknown[]) => new Tagged(name, inner.map(part))
    for (const [name, value] of Object.entries(vars)) {
      values[name] = typeof value === 'string' ? new Variable(value) : value
    }
    for (let layer = 0; layer < layers.length; layer++) {
      try {
        const found = message(layer, key)?.formatToParts(values as Record<string, string>)
        if (found) return found.map(({ value }) => part(value))
      } catch {
        // It asks for a variable that this page does not have: again the next layer.
      }
    }
    return [{ kind: 'text', text: key }]
  }

  // In a right-to-left sentence a Latin name would drag the punctuation beside it; FSI … PDI keeps it to itself.
  const isolate = dir === 'rtl' ? (text: string) => `\u2068${text}\u2069` : (text: string) => text
  const plain = (pieces: Part[]): string =>
    pieces
      .map((piece) =>
        piece.kind === 'text' ? piece.text : piece.kind === 'variable' ? isolate(piece.text) : plain(piece.parts),
      )
      .join('')

  const say = (key: string, vars?: Vars) => plain(parts(key, vars))
  const has = (key: string) => layers.some(({ messages }) => Object.hasOwn(messages, key))
  return Object.assign(say, { lang, dir, has, parts })
}

function part(value: unknown): Part {
  if (value instanceof Variable) return { kind: 'variable', text: value.text }
  if (value instanceof Tagged) return { kind: 'tag', name: value.name, parts: value.parts }
  return { kind: 'text', text: String(value) }
}
