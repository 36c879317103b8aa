// One brand colour → every colour of the hosted pages and messages, readable whatever the brand is.
// Rules only. The pages link the sheet that `themeCss` writes; mail takes single values from `palette`.
import { contrast, type Oklch, parseColour, toHex, toOklch } from './colour.ts'

export type Scheme = 'light' | 'dark'

/** What a project may set. Every part is optional; nothing set is the default look. */
export type Theme = {
  /** `#rrggbb` or another form that `parseColour` reads. */
  brand?: string | undefined
  /** A brand colour of its own for the dark scheme. */
  brandDark?: string | undefined
  /** Multiplies every corner radius; 0 is square. */
  radius?: number | undefined
  /** Published CSS variables that win over ours, such as `--primary-btn__bg-color`; names begin with `--`. */
  overrides?: Partial<Record<Scheme, Readonly<Record<string, string>>>> | undefined
}

export const defaultBrand = toHex({ l: 0.47, c: 0.08, h: 212 })

const neutralHue = 250

type Shade = readonly [l: number, c: number, h?: number]

const shades: Record<Scheme, Record<NeutralName, Shade>> = {
  light: {
    page: [0.975, 0.004],
    surface: [1, 0],
    sunken: [0.955, 0.005],
    raised: [1, 0],
    hover: [0.955, 0.005],
    line: [0.9, 0.008],
    outline: [0.82, 0.012],
    control: [0.6, 0.015],
    'text-muted': [0.48, 0.018],
    text: [0.24, 0.02],
    ink: [0.17, 0.01],
    danger: [0.5, 0.175, 27],
    'danger-bg': [0.965, 0.015, 27],
    ok: [0.48, 0.115, 150],
    'ok-bg': [0.965, 0.03, 150],
    warn: [0.48, 0.095, 70],
    'warn-bg': [0.97, 0.02, 70],
    info: [0.47, 0.11, 250],
    'info-bg': [0.965, 0.016, 250],
  },
  dark: {
    page: [0.17, 0.01],
    surface: [0.215, 0.012],
    sunken: [0.145, 0.009],
    raised: [0.255, 0.013],
    hover: [0.255, 0.013],
    line: [0.32, 0.014],
    outline: [0.42, 0.015],
    control: [0.56, 0.016],
    'text-muted': [0.74, 0.014],
    text: [0.95, 0.006],
    ink: [0.17, 0.01],
    danger: [0.74, 0.135, 25],
    'danger-bg': [0.27, 0.05, 25],
    ok: [0.78, 0.13, 152],
    'ok-bg': [0.27, 0.04, 152],
    warn: [0.82, 0.12, 80],
    'warn-bg': [0.28, 0.04, 80],
    info: [0.76, 0.1, 248],
    'info-bg': [0.27, 0.04, 248],
  },
}

export type NeutralName =
  | 'page'
  | 'surface'
  | 'sunken'
  | 'raised'
  | 'hover'
  | 'line'
  | 'outline'
  | 'control'
  | 'text-muted'
  | 'text'
  | 'ink'
  | 'danger'
  | 'danger-bg'
  | 'ok'
  | 'ok-bg'
  | 'warn'
  | 'warn-bg'
  | 'info'
  | 'info-bg'

/** The colours that do not depend on the brand, as `#rrggbb`. */
export const neutrals: Record<Scheme, Readonly<Record<NeutralName, string>>> = {
  light: hexes(shades.light),
  dark: hexes(shades.dark),
}

export type BrandSet = {
  /** Behind the label of the one filled button. */
  fill: string
  'fill-hover': string
  'fill-pressed': string
  'on-fill': string
  /** A border for a fill that the card would swallow; `transparent` when it stands by itself. */
  edge: string
  /** Text of links: 4.5 on every ground and on `soft`. */
  link: string
  /** Focus outline: 3 on every ground and on `soft`. */
  ring: string
  /** A tint for the chosen or the current. */
  soft: string
}

const ratio = { text: 4.5, shape: 3 }
const white = '#ffffff'

/** Derives the set from one colour (`#rrggbb`) for one scheme. Contrast is measured on the rounded result, as WCAG 2.2 defines it. */
export function brandSet(brand: string, scheme: Scheme): BrandSet {
  const ground = neutrals[scheme]
  const dark = scheme === 'dark'
  // A grey too near the card would be a button nobody sees; the text colour is the grey that stands out.
  const grey = toOklch(brand).c < 0.03
  const base = grey && contrast(brand, ground.surface) < ratio.shape ? ground.text : brand
  const given = toOklch(base)
  const fill = readableFill(base, dark ? 0.01 : -0.01, ground.ink)
  const at = toOklch(fill)
  const onFill = labelOn(fill, ground.ink) ?? white
  const away = (onFill === white ? -1 : 1) * (at.l > 0.85 || at.l < 0.2 ? -1 : 1)

  const soft = toHex(
    dark
      ? { l: 0.28, c: Math.min(0.35 * given.c, 0.045), h: given.h }
      : { l: 0.96, c: Math.min(0.2 * given.c, 0.025), h: given.h },
  )
  const grounds = [ground.page, ground.surface, ground.sunken, ground.raised, soft]
  const step = dark ? 0.01 : -0.01
  const ring = stepped(given, step, (hex) => grounds.every((behind) => contrast(hex, behind) >= ratio.shape))

  return {
    fill,
    'fill-hover': toHex({ ...at, l: at.l + 0.05 * away }),
    'fill-pressed': toHex({ ...at, l: at.l + 0.09 * away }),
    'on-fill': onFill,
    edge: contrast(fill, ground.surface) < ratio.shape ? ring : 'transparent',
    // A grey link would look switched off; the line under it tells it apart.
    link: grey
      ? ground.text
      : stepped(given, step, (hex) => grounds.every((behind) => contrast(hex, behind) >= ratio.text)),
    ring,
    soft,
  }
}

/** Every colour of one scheme by name, as `#rrggbb` (`edge` may be `transparent`). An unreadable brand counts as unset. */
export function palette(theme: Theme, scheme: Scheme): Readonly<Record<NeutralName | keyof BrandSet, string>> {
  const light = parseColour(theme.brand ?? '') ?? defaultBrand
  const brand = scheme === 'dark' ? (parseColour(theme.brandDark ?? '') ?? light) : light
  return { ...neutrals[scheme], ...brandSet(brand, scheme) }
}

/**
 * The linked sheet: both schemes on `:root`, chosen by `data-theme` and otherwise by the person's preference.
 * Ours are named `--hg-…`; the published variables (authentication §5.3) point at them, and are what the pages read.
 */
export function themeCss(theme: Theme): string {
  const light = block(theme, 'light')
  const dark = block(theme, 'dark')
  return [
    `:root{${light}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}`,
    `:root[data-theme=dark]{${dark}}`,
    '',
  ].join('\n')
}

/** The scheme a page must be drawn in: what the project leaves, then what the request asks for; nothing means the person's preference. */
export function forcedScheme(
  ui: { light_theme_disabled: boolean; dark_theme_disabled: boolean },
  asked: string | undefined,
): Scheme | undefined {
  if (ui.dark_theme_disabled) return 'light'
  if (ui.light_theme_disabled) return 'dark'
  return asked === 'light' || asked === 'dark' ? asked : undefined
}

/**
 * Reads the project's two theme sheets (`authgear-authflowv2-{light,dark}-theme.css`): custom properties alone, so no
 * selector, import or script of theirs reaches a page. A readable primary button colour becomes the brand, and the rest
 * of the set is derived from it.
 */
export function themeFromSheets(sheets: Partial<Record<Scheme, string>>): Theme {
  const light = customProperties(sheets.light ?? '')
  const dark = customProperties(sheets.dark ?? '')
  return {
    brand: parseColour(light['--primary-btn__bg-color'] ?? ''),
    brandDark: parseColour(dark['--primary-btn__bg-color'] ?? ''),
    overrides: { light, dark },
  }
}

/** `--name: value` declarations of a sheet. A value that could leave its declaration or call out is left out. */
function customProperties(sheet: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [, name, value] of sheet
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .matchAll(/(--[\w-]{1,64})\s*:([^;{}]{1,500})/g)) {
    if (name && value && isSafeValue(value)) found[name] = value.trim()
  }
  return found
}

function isSafeValue(value: string): boolean {
  if (/[;{}<>\\@]/.test(value)) return false
  // Pictures may only come from the server that shows the page.
  return !/url\(/i.test(value) || /^\s*url\(\s*(["']?)\/(?!\/)[\w./%-]*\1\s*\)\s*$/i.test(value)
}

function block(theme: Theme, scheme: Scheme): string {
  const dark = scheme === 'dark'
  const scale = Math.min(4, Math.max(0, theme.radius ?? 1))
  const declared: Record<string, string> = { 'color-scheme': scheme }
  for (const [name, value] of Object.entries(palette(theme, scheme))) declared[`--hg-${name}`] = value
  declared['--hg-radius-control'] = `${6 * scale}px`
  declared['--hg-radius-card'] = `${12 * scale}px`
  declared['--hg-shadow'] = dark ? 'none' : '0 1px 2px #0001,0 8px 24px #0001'
  declared['--hg-card-line'] = dark ? 'var(--hg-line)' : 'transparent'
  Object.assign(declared, published)
  for (const [name, value] of Object.entries(theme.overrides?.[scheme] ?? {})) {
    if (/^--[\w-]+$/.test(name) && isSafeValue(value)) declared[name] = value.trim()
  }
  return Object.entries(declared)
    .map(([name, value]) => `${name}:${value}`)
    .join(';')
}

const published = {
  '--layout__bg-color': 'var(--hg-page)',
  '--layout__bg-image': 'none',
  '--layout__padding-top': '12vh',
  '--widget__bg-color': 'var(--hg-surface)',
  '--widget__border-radius': 'var(--hg-radius-card)',
  '--widget__box-shadow': 'var(--hg-shadow)',
  '--primary-btn__bg-color': 'var(--hg-fill)',
  '--primary-btn__bg-color--hover': 'var(--hg-fill-hover)',
  '--primary-btn__bg-color--active': 'var(--hg-fill-pressed)',
  '--primary-btn__bg-color--disabled': 'var(--hg-sunken)',
  '--primary-btn__text-color': 'var(--hg-on-fill)',
  '--primary-btn__border-color': 'var(--hg-edge)',
  '--primary-btn__border-radius': 'var(--hg-radius-control)',
  '--secondary-btn__bg-color': 'transparent',
  '--secondary-btn__bg-color--hover': 'var(--hg-hover)',
  '--secondary-btn__bg-color--active': 'var(--hg-line)',
  '--secondary-btn__bg-color--disabled': 'transparent',
  '--secondary-btn__text-color': 'var(--hg-text)',
  '--secondary-btn__border-color': 'var(--hg-outline)',
  '--secondary-btn__border-radius': 'var(--hg-radius-control)',
  '--tertiary-btn__bg-color': 'transparent',
  '--tertiary-btn__bg-color--hover': 'var(--hg-hover)',
  '--tertiary-btn__bg-color--active': 'var(--hg-line)',
  '--tertiary-btn__text-color': 'var(--hg-link)',
  '--input__bg-color': 'var(--hg-surface)',
  '--input__bg-color--disabled': 'var(--hg-sunken)',
  '--input__border-color': 'var(--hg-control)',
  '--input__border-color--focus': 'var(--hg-ring)',
  '--input__border-color--error': 'var(--hg-danger)',
  '--input__border-radius': 'var(--hg-radius-control)',
  '--input__text-color': 'var(--hg-text)',
  '--body-text__text-color': 'var(--hg-text)',
  '--body-text__text-color--secondary': 'var(--hg-text-muted)',
  '--color-link': 'var(--hg-link)',
  '--brand-logo__height': '40px',
  '--alert-message__bg-color': 'var(--hg-danger-bg)',
  '--alert-message__text-color': 'var(--hg-danger)',
  '--alert-message__border-radius': 'var(--hg-radius-control)',
  '--otp-input__bg-color': 'var(--input__bg-color)',
  '--otp-input__border-color': 'var(--input__border-color)',
  '--otp-input__text-color': 'var(--input__text-color)',
  '--watermark-display': 'block',
}

function labelOn(fill: string, ink: string): string | undefined {
  if (contrast(white, fill) >= ratio.text) return white
  return contrast(ink, fill) >= ratio.text ? ink : undefined
}

function readableFill(brand: string, step: number, ink: string): string {
  if (labelOn(brand, ink)) return brand
  return stepped(toOklch(brand), step, (hex) => labelOn(hex, ink) !== undefined)
}

/** The first colour at or beyond `from`, moving lightness by `step`, that passes; chroma is clipped on the way. */
function stepped(from: Oklch, step: number, passes: (hex: string) => boolean): string {
  for (let l = from.l; l >= 0 && l <= 1; l += step) {
    const hex = toHex({ ...from, l })
    if (passes(hex)) return hex
  }
  return step < 0 ? '#000000' : white
}

function hexes(of: Record<NeutralName, Shade>): Record<NeutralName, string> {
  const entries = Object.entries(of).map(([name, [l, c, h]]) => [name, toHex({ l, c, h: h ?? neutralHue })])
  return Object.fromEntries(entries) as Record<NeutralName, string>
}
