// What every page knows of a request: who serves it, in which words and colours, and what brought the person here.
import { at, type Ctx } from '../http/context.ts'
import { languageName, negotiate } from '../localization/negotiate.ts'
import { type Words, wordsFor } from '../localization/words.ts'
import type { OAuthRequest } from '../oauth/request.ts'
import { findOAuthRequest } from '../oauth/requests.ts'
import { scopeOf } from '../projects/find.ts'
import { projectName } from '../projects/name.ts'
import type { Look } from './assets.ts'
import { cookie, keep } from './browser.ts'
import { type Carried, takeCarried } from './carried.ts'
import { destinationOf } from './destination.ts'
import type { Site } from './layout.tsx'

export type Visit = {
  c: Ctx
  url: URL
  words: Words
  site: Site
  now: Date
  /** What a POST before this page left for it. */
  carried: Carried
  /** Set once a field has shown the problem, so that the page need not. */
  shown: boolean
  /** The authorization request that brought the person here: `x_ref` of this address, and what it says. */
  request: ({ ref: string } & OAuthRequest) | undefined
}

/** Where the project's own look is decided, also for its theme sheet. */
export function lookOf(c: Ctx): Look {
  return { theme: {}, name: projectName(at(c).project) }
}

function schemeOf(c: Ctx, url: URL): 'light' | 'dark' | undefined {
  const { dark_theme_disabled, light_theme_disabled } = at(c).project.config.ui
  if (dark_theme_disabled) return 'light'
  if (light_theme_disabled) return 'dark'
  const asked = url.searchParams.get('x_color_scheme') ?? cookie(c, 'x_color_scheme')
  return asked === 'light' || asked === 'dark' ? asked : undefined
}

/** Keeps what the address asks for, so that the next pages are alike. */
function keepPreferences(c: Ctx, url: URL): void {
  for (const name of ['ui_locales', 'x_color_scheme']) {
    const value = url.searchParams.get(name)
    if (value !== null && /^[\w -]{1,200}$/.test(value)) keep(c, name, encodeURIComponent(value))
  }
}

/** Reads what a page needs. One statement when the address has `x_ref`, else none. */
export async function visitOf(c: Ctx): Promise<Visit> {
  const { world, project } = at(c)
  const url = new URL(c.req.url)
  const { localization, ui } = project.config
  const acceptLanguage = c.req.header('accept-language')
  const asked = {
    uiLocales: url.searchParams.get('ui_locales') ?? undefined,
    cookie: cookie(c, 'ui_locales'),
    acceptLanguage,
  }
  const lang = negotiate(asked, localization)
  const languages = localization.supported_languages.map((tag) => {
    const query = new URLSearchParams(url.search)
    query.set('ui_locales', tag)
    return { tag, name: languageName(tag), href: `${url.pathname}?${query}`, current: tag === lang }
  })
  const ref = url.searchParams.get('x_ref')
  const [words, found] = await Promise.all([
    wordsFor(lang),
    ref === null ? undefined : findOAuthRequest(scopeOf(world.db, project), ref, world.clock.now()),
  ])
  keepPreferences(c, url)
  return {
    c,
    url,
    words,
    site: {
      ...lookOf(c),
      scheme: schemeOf(c, url),
      languages,
      home: ui.brand_page_uri,
      watermarkDisabled: ui.watermark_disabled,
    },
    now: world.clock.now(),
    carried: takeCarried(c),
    shown: false,
    request: found && ref !== null ? { ref, ...found.request } : undefined,
  }
}

/** The address of another page of the same journey. Parameters of one page (`q_…`, `x_step`) stay behind. */
export function address(visit: Visit, path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const out = new URLSearchParams()
  // An app's request says itself where the person goes afterwards.
  const name = visit.url.searchParams.has('x_ref') ? 'x_ref' : 'redirect_uri'
  const value = visit.url.searchParams.get(name)
  if (value !== null) out.set(name, value)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) out.set(name, value)
  return out.size === 0 ? path : `${path}?${out}`
}

/** Where a person goes next whom no app waits for. */
export function elsewhere(visit: Visit): string {
  const { project, origin } = at(visit.c)
  return destinationOf(project.config, origin.origin, visit.url.searchParams.get('redirect_uri'))
}
