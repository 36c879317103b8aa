// What stands in a caught message: its code, and text with the links in it.

export type Piece = { text: string; link?: boolean }

/** Text in order, addresses of web pages apart; the punctuation of the sentence is not part of an address. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index) })
    found.push({ text: match[0], link: true })
    from = match.index + match[0].length
  }
  if (from < text.length) found.push({ text: text.slice(from) })
  return found
}

/** The one-time code of a message: six digits that stand alone and in no address. */
export function codeIn(text: string): string | undefined {
  for (const piece of pieces(text)) {
    const code = piece.link ? undefined : /(?<![\w.+-])\d{6}(?![\w-])/.exec(piece.text)?.[0]
    if (code !== undefined) return code
  }
  return undefined
}
