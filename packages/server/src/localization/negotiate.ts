// Which language a page or message is written in. Rules only.

export type Asked = {
  /** `ui_locales` of the request: tags separated by spaces, best first. */
  uiLocales?: string | undefined
  /** What an earlier `ui_locales` left in the cookie. */
  cookie?: string | undefined
  acceptLanguage?: string | undefined
}

/** `localization` of the project's configuration. */
export type Localization = { supported_languages: readonly string[]; fallback_language: string }

/**
 * The supported language that suits the person best: `ui_locales`, then the cookie, then `Accept-Language`, then the
 * project's fallback. Languages match by tag, else by language and script: `zh-HK` and `zh-Hant` find `zh-TW`, which
 * `zh-Hans` does not. (Authentication §5.3; RFC 4647.)
 */
export function negotiate(asked: Asked, { supported_languages, fallback_language }: Localization): string {
  for (const source of [tags(asked.uiLocales), tags(asked.cookie), accepted(asked.acceptLanguage)]) {
    for (const wanted of source) {
      const found = bestMatch(wanted, supported_languages)
      if (found) return found
    }
  }
  return fallback_language
}

/** The tag among `offered` that serves a reader of `wanted`, or nothing. */
export function bestMatch(wanted: string, offered: readonly string[]): string | undefined {
  const want = likely(wanted)
  if (!want) return undefined
  let best: { tag: string; score: number } | undefined
  for (const tag of offered) {
    const have = likely(tag)
    if (!have || have.language !== want.language || have.script !== want.script) continue
    const score = tag.toLowerCase() === wanted.toLowerCase() ? 3 : have.region === want.region ? 2 : 1
    if (!best || score > best.score) best = { tag, score }
  }
  return best?.tag
}

/** The direction a language is written in. */
export function direction(tag: string): 'ltr' | 'rtl' {
  return rightToLeft.has(likely(tag)?.script ?? '') ? 'rtl' : 'ltr'
}

/** A language in its own words, for a language switch: `繁體中文`, `English`, `español (España)`. */
export function languageName(tag: string): string {
  const given = likely(tag)
  // People look for the script of Chinese, not for the region it implies.
  const shown = given?.language === 'zh' ? `zh-${given.script}` : tag
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(shown) ?? tag
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1)
  } catch {
    return tag
  }
}

const rightToLeft = new Set(['Arab', 'Hebr', 'Thaa', 'Syrc', 'Nkoo', 'Adlm', 'Rohg', 'Mend', 'Mand'])

/** A header is anyone's text: nobody reads more than a few languages. */
const limit = { characters: 1000, tags: 20 }

function tags(list: string | undefined): string[] {
  return (list ?? '').slice(0, limit.characters).split(/\s+/).filter(Boolean).slice(0, limit.tags)
}

function accepted(header: string | undefined): string[] {
  const weighed: { tag: string; q: number }[] = []
  for (const part of (header ?? '').slice(0, limit.characters).split(',').slice(0, limit.tags)) {
    const [tag, ...parameters] = part.split(';').map((piece) => piece.trim())
    const q = Number(parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2) ?? 1)
    if (tag && tag !== '*' && q > 0) weighed.push({ tag, q })
  }
  return weighed.sort((a, b) => b.q - a.q).map(({ tag }) => tag)
}

function likely(tag: string): Intl.Locale | undefined {
  try {
    return new Intl.Locale(tag.replaceAll('_', '-')).maximize()
  } catch {
    return undefined
  }
}
