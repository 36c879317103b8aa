import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contrast, parseColour, toHex, toOklch } from './colour.ts'
import {
  brandSet,
  defaultBrand,
  forcedScheme,
  neutrals,
  palette,
  type Scheme,
  themeCss,
  themeFromSheets,
} from './theme.ts'

const schemes: Scheme[] = ['light', 'dark']
const brand = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }))
  .map(([r, g, b]) => `#${[r, g, b].map((channel) => channel.toString(16).padStart(2, '0')).join('')}`)

describe('any brand, both schemes', () => {
  test.each(schemes)('%s: labels and links reach 4.5, the ring 3', (scheme) => {
    fc.assert(
      fc.property(brand, (colour) => {
        const set = brandSet(colour, scheme)
        const { page, surface, sunken, raised } = neutrals[scheme]
        for (const fill of [set.fill, set['fill-hover'], set['fill-pressed']]) {
          expect(contrast(set['on-fill'], fill)).toBeGreaterThanOrEqual(4.5)
        }
        for (const ground of [page, surface, sunken, raised, set.soft]) {
          expect(contrast(set.link, ground)).toBeGreaterThanOrEqual(4.5)
          expect(contrast(set.ring, ground)).toBeGreaterThanOrEqual(3)
        }
        if (contrast(set.fill, surface) < 3) expect(set.edge).toBe(set.ring)
        else expect(set.edge).toBe('transparent')
      }),
      { numRuns: 2000 },
    )
  })

  test.each(schemes)('%s: at least 94 in 100 fills are the brand itself', (scheme) => {
    const steps = [0, 36, 73, 109, 146, 182, 219, 255].map((channel) => channel.toString(16).padStart(2, '0'))
    const brands = steps.flatMap((r) => steps.flatMap((g) => steps.map((b) => `#${r}${g}${b}`)))
    const kept = brands.filter((colour) => brandSet(colour, scheme).fill === colour)
    expect(kept.length / brands.length).toBeGreaterThan(0.94)
  })
})

test('a colour survives the way through OKLCH', () => {
  fc.assert(
    fc.property(brand, (colour) => {
      expect(toHex(toOklch(colour))).toBe(colour)
    }),
  )
})

test('the fixed colours have the contrast they were chosen for', () => {
  const on = (scheme: Scheme, name: keyof (typeof neutrals)['light'], ground: keyof (typeof neutrals)['light']) =>
    Math.round(contrast(neutrals[scheme][name], neutrals[scheme][ground]) * 10) / 10
  for (const scheme of schemes) {
    expect(on(scheme, 'control', 'surface')).toBeGreaterThanOrEqual(3)
    for (const ground of ['page', 'surface', 'sunken', 'raised', 'hover'] as const) {
      expect(on(scheme, 'text-muted', ground)).toBeGreaterThanOrEqual(4.5)
    }
    for (const tone of ['danger', 'ok', 'warn', 'info'] as const) {
      expect(on(scheme, tone, 'surface')).toBeGreaterThanOrEqual(4.5)
      expect(on(scheme, tone, `${tone}-bg`)).toBeGreaterThanOrEqual(4.5)
    }
  }
  expect([on('light', 'text', 'surface'), on('dark', 'text', 'surface')]).toEqual([16.4, 15.1])
  expect([on('light', 'text-muted', 'surface'), on('dark', 'text-muted', 'surface')]).toEqual([6.5, 7.6])
})

test('a yellow brand stays yellow and gets an edge; a white or black one turns into the text colour where it would vanish', () => {
  expect(brandSet('#ffd400', 'light')).toMatchObject({ fill: '#ffd400', 'on-fill': neutrals.light.ink })
  expect(brandSet('#ffd400', 'light').edge).not.toBe('transparent')
  expect(brandSet('#ffffff', 'light').fill).toBe(neutrals.light.text)
  expect(brandSet('#000000', 'dark').fill).toBe(neutrals.dark.text)
  expect(brandSet('#000000', 'light').fill).toBe('#000000')
})

test('contrast is the ratio of WCAG 2.2', () => {
  expect(contrast('#ffffff', '#000000')).toBe(21)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
})

test('colours are read in the forms people paste', () => {
  expect(parseColour('#ABC')).toBe('#aabbcc')
  expect(parseColour(' #a1b2c3ff ')).toBe('#a1b2c3')
  expect(parseColour('rgb(1, 2, 3)')).toBe('#010203')
  expect(parseColour('rgb(300 2 3)')).toBeUndefined()
  expect(parseColour('red;}')).toBeUndefined()
})

test('the sheet holds both schemes and what the project overrides', () => {
  const css = themeCss({
    brand: '#ffd400',
    overrides: { dark: { '--color-link': '#fff', '--x': 'a}b', '--y': 'url(//evil.example/x)' } },
  })
  expect(css).toContain('--hg-fill:#ffd400')
  expect(css).toContain('--primary-btn__bg-color:var(--hg-fill)')
  expect(css).toContain(':root[data-theme=dark]{color-scheme:dark')
  expect(css).toContain('--color-link:#fff')
  expect(css).not.toContain('a}b')
  expect(css).not.toContain('evil.example')
  expect(css.split('{').length).toBe(css.split('}').length)
})

test('a brand that cannot be read counts as unset', () => {
  expect(palette({ brand: 'bananas' }, 'light').fill).toBe(defaultBrand)
})

test('theme sheets give custom properties and the brand, never rules', () => {
  const theme = themeFromSheets({
    light:
      ':root { --primary-btn__bg-color: #176df3; /* --no: 1 */ --widget__border-radius: 0 }\n@import "//evil.example/a.css"; body{display:none}',
    dark: ':root.dark { --primary-btn__bg-color: #9ab8ff; --layout__bg-image: url("/images/a.png") }',
  })
  expect(theme.brand).toBe('#176df3')
  expect(theme.brandDark).toBe('#9ab8ff')
  expect(theme.overrides).toEqual({
    light: { '--primary-btn__bg-color': '#176df3', '--widget__border-radius': '0' },
    dark: { '--primary-btn__bg-color': '#9ab8ff', '--layout__bg-image': 'url("/images/a.png")' },
  })
})

test('the project decides the scheme before the request does', () => {
  const open = { light_theme_disabled: false, dark_theme_disabled: false }
  expect(forcedScheme(open, undefined)).toBeUndefined()
  expect(forcedScheme(open, 'dark')).toBe('dark')
  expect(forcedScheme(open, 'x')).toBeUndefined()
  expect(forcedScheme({ ...open, dark_theme_disabled: true }, 'dark')).toBe('light')
  expect(forcedScheme({ ...open, light_theme_disabled: true }, 'light')).toBe('dark')
})
