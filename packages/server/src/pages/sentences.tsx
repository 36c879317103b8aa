// Sentences inside views: the words of the page being drawn, with what came from outside kept apart.
import { type Child, createContext, useContext } from 'hono/jsx'
import type { Part, sentenceTags, Vars, Words } from '../localization/words.ts'

const WordsContext = createContext<Words | undefined>(undefined)

/** Gives every part inside it the words of this page. */
export const SpeakWith = WordsContext.Provider

/** The words of the page being drawn. Throws outside a `Layout`. */
export function useWords(): Words {
  const words = useContext(WordsContext)
  if (!words) throw new Error('a part was drawn outside a Layout')
  return words
}

type Tags = Partial<Record<(typeof sentenceTags)[number], (inner: Child) => Child>>

/**
 * One sentence. Variables are isolated in `<bdi>`, so that a name in another script keeps its own direction;
 * `tags` draws the elements that the sentence holds.
 */
export function T({ k, vars, tags }: { k: string; vars?: Vars | undefined; tags?: Tags | undefined }) {
  return <>{draw(useWords().parts(k, vars), tags ?? {})}</>
}

function draw(parts: Part[], tags: Tags): Child[] {
  return parts.map((part) => {
    if (part.kind === 'text') return part.text
    if (part.kind === 'variable') return <bdi>{part.text}</bdi>
    const inner = <>{draw(part.parts, tags)}</>
    const drawn = tags[part.name as keyof Tags]
    return drawn ? drawn(inner) : part.name === 'b' ? <b>{inner}</b> : inner
  })
}
