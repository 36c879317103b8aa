// The skeleton of every hosted page: the host's brand, one task with its heading, and the foot.
// No script or style stands in the page itself, so that a strict Content-Security-Policy holds.

import { raw } from 'hono/html'
import { type Child, Fragment, type PropsWithChildren } from 'hono/jsx'
import type { Scheme, Theme } from '../branding/theme.ts'
import type { Words } from '../localization/words.ts'
import { assetUrl, monogramUrl, themeUrl } from './assets.ts'
import { Icon } from './icons.tsx'
import { SpeakWith, useWords } from './sentences.tsx'

/** What the pages of a project have in common. */
export type Site = {
  /** The host's name, as people know it. */
  name: string
  theme: Theme
  /** Draws this scheme only; otherwise the person's preference decides. */
  scheme?: Scheme | undefined
  logo?: string | undefined
  /** Stands in for `logo` on dark pages. */
  logoDark?: string | undefined
  favicon?: string | undefined
  /** Where the brand leads, such as the host's own site. */
  home?: string | undefined
  languages?: readonly Language[] | undefined
  terms?: string | undefined
  privacy?: string | undefined
  help?: string | undefined
  /** Leaves our name out of the foot. */
  watermarkDisabled?: boolean | undefined
}

/** One language of the switch in the foot; `href` is this page in that language. */
export type Language = { tag: string; name: string; href: string; current: boolean }

export type LayoutProps = PropsWithChildren<{
  site: Site
  words: Words
  /** The task: heading and window title. */
  title: string
  /** The heading, when it holds more than `title`. */
  heading?: Child | undefined
  /** Something on the page needs another look: the window title says so first. */
  error?: boolean | undefined
  /** Where **Back** leads. */
  back?: string | undefined
  /** A picture above the heading. */
  emblem?: Child | undefined
  /** `card` asks one question; `list` holds panels of settings. */
  shape?: 'card' | 'list' | undefined
  /** At the end of the top bar of a `list`. */
  corner?: Child | undefined
}>

/** A complete document, doctype included; `String(<Layout …>)` or `c.html(<Layout …>)` writes it out. */
export function Layout(props: LayoutProps) {
  const { site, words, title, heading, error, back, emblem, shape = 'card', corner, children } = props
  const named = title.includes(site.name) ? title : words('common.page_title', { title, app: site.name })
  return (
    <>
      {raw('<!doctype html>')}
      <html lang={words.lang} dir={words.dir} data-theme={site.scheme}>
        <head>
          <meta charset="utf-8" />
          <title>{error ? words('common.error_title', { title: named }) : named}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content={site.scheme ?? 'light dark'} />
          <meta name="format-detection" content="telephone=no" />
          <link rel="stylesheet" href={themeUrl(site)} />
          <link rel="stylesheet" href={assetUrl('headgear.css')} />
          <link rel="icon" href={site.favicon ?? monogramUrl(site)} />
          {/* The page is drawn once it is whole, so that one follows the other without a half-empty moment. */}
          <link rel="expect" href="#said" blocking="render" />
          {/* Small, and read before the first paint: what only works with script never flashes by. */}
          <script src={assetUrl('headgear.js')} />
        </head>
        <SpeakWith value={words}>
          <body class={`shape-${shape}`}>
            <div class="stage">
              <div class="card">
                <header class="top">
                  <BrandMark site={site} />
                  {corner}
                </header>
                <main class="main">
                  {back !== undefined ? (
                    <a class="back" href={back}>
                      <Icon name="back" />
                      {words('common.back')}
                    </a>
                  ) : null}
                  {emblem}
                  <h1 class="title">{heading ?? title}</h1>
                  {children}
                </main>
              </div>
              <Foot site={site} />
            </div>
            <div class="unseen" role="status" id="said" />
          </body>
        </SpeakWith>
      </html>
    </>
  )
}

function BrandMark({ site }: { site: Site }) {
  const mark = site.logo ? (
    <Logo site={site} logo={site.logo} />
  ) : (
    <>
      <span class="monogram" aria-hidden="true">
        {Array.from(site.name.trim())[0]?.toLocaleUpperCase()}
      </span>
      <bdi class="brand-name">{site.name}</bdi>
    </>
  )
  return site.home ? (
    <a class="brand" href={site.home}>
      {mark}
    </a>
  ) : (
    <span class="brand">{mark}</span>
  )
}

function Logo({ site, logo }: { site: Site; logo: string }) {
  const dark = site.logoDark ?? logo
  if (site.scheme || dark === logo) {
    return <img class="logo" src={site.scheme === 'dark' ? dark : logo} alt={site.name} />
  }
  return (
    <picture>
      <source media="(prefers-color-scheme: dark)" srcset={dark} />
      <img class="logo" src={logo} alt={site.name} />
    </picture>
  )
}

function Foot({ site }: { site: Site }) {
  const words = useWords()
  const links = [
    { key: 'footer.terms', href: site.terms },
    { key: 'footer.privacy', href: site.privacy },
    { key: 'footer.help', href: site.help },
  ].filter((link) => link.href)
  return (
    <footer class="foot">
      <LanguageSwitch languages={site.languages ?? []} />
      {links.map(({ key, href }) => (
        <a href={href}>{words(key)}</a>
      ))}
      {site.watermarkDisabled ? null : <span class="watermark">{words('footer.made_with')}</span>}
    </footer>
  )
}

/** Two languages are one link apart; more open a list. */
function LanguageSwitch({ languages }: { languages: readonly Language[] }) {
  const words = useWords()
  const current = languages.find((language) => language.current)
  const others = languages.filter((language) => !language.current)
  if (others.length === 0) return null
  const link = (language: Language) => (
    <a href={language.href} lang={language.tag} hreflang={language.tag}>
      {language.name}
    </a>
  )
  if (others.length === 1) {
    return (
      <Fragment>
        {others.map((language) => (
          <a class="language" href={language.href} lang={language.tag} hreflang={language.tag}>
            <Icon name="globe" />
            {language.name}
          </a>
        ))}
      </Fragment>
    )
  }
  return (
    <details class="languages">
      <summary class="language">
        <Icon name="globe" />
        <span class="unseen">{words('footer.language')}: </span>
        {current?.name ?? words('footer.language')}
      </summary>
      <ul>
        {others.map((language) => (
          <li>{link(language)}</li>
        ))}
      </ul>
    </details>
  )
}
