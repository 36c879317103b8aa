// Colours as numbers: sRGB hex, OKLCH, and the WCAG contrast ratio between two of them.

/** Lightness 0–1, chroma 0–0.4, hue in degrees. */
export type Oklch = { l: number; c: number; h: number }

type Triple = readonly [number, number, number]

/** Reads `#rgb`, `#rrggbb` (an alpha part is dropped) or `rgb(r g b)`; answers `#rrggbb`, or nothing for any other text. */
export function parseColour(text: string): string | undefined {
  const given = text.trim().toLowerCase()
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])[0-9a-f]?$/.exec(given)
  if (short) return `#${short[1]}${short[1]}${short[2]}${short[2]}${short[3]}${short[3]}`
  const long = /^(#[0-9a-f]{6})(?:[0-9a-f]{2})?$/.exec(given)
  if (long) return long[1]
  const rgb = /^rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/][^)]{1,8})?\)$/.exec(given)
  if (!rgb) return undefined
  const channels = [Number(rgb[1]), Number(rgb[2]), Number(rgb[3])]
  return channels.every((channel) => channel <= 255) ? `#${channels.map(hexByte).join('')}` : undefined
}

/** WCAG 2.2 contrast ratio (1–21) of two `#rrggbb` colours, in either order. */
export function contrast(one: string, other: string): number {
  const a = luminance(one)
  const b = luminance(other)
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** `#rrggbb` → OKLCH (Ottosson 2020). */
export function toOklch(hex: string): Oklch {
  const [r, g, b] = linear(hex)
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  const x = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s
  const y = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s
  return {
    l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    c: Math.hypot(x, y),
    h: ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360,
  }
}

/** OKLCH → the `#rrggbb` of the same lightness and hue with as much of the chroma as sRGB can show. */
export function toHex({ l, c, h }: Oklch): string {
  const lightness = Math.min(1, Math.max(0, l))
  let shown = c
  if (!inGamut(toLinear(lightness, c, h))) {
    let low = 0
    let high = c
    while (high - low > 0.0005) {
      shown = (low + high) / 2
      if (inGamut(toLinear(lightness, shown, h))) low = shown
      else high = shown
    }
    shown = low
  }
  return `#${toLinear(lightness, shown, h)
    .map((channel) => hexByte(255 * encode(Math.min(1, Math.max(0, channel)))))
    .join('')}`
}

function toLinear(lightness: number, chroma: number, hue: number): Triple {
  const x = chroma * Math.cos((hue * Math.PI) / 180)
  const y = chroma * Math.sin((hue * Math.PI) / 180)
  const l = (lightness + 0.3963377774 * x + 0.2158037573 * y) ** 3
  const m = (lightness - 0.1055613458 * x - 0.0638541728 * y) ** 3
  const s = (lightness - 0.0894841775 * x - 1.291485548 * y) ** 3
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ]
}

function inGamut(channels: Triple): boolean {
  return channels.every((channel) => channel >= -0.0001 && channel <= 1.0001)
}

function linear(hex: string): Triple {
  const channel = (at: number) => decode(Number.parseInt(hex.slice(at, at + 2), 16) / 255)
  return [channel(1), channel(3), channel(5)]
}

function luminance(hex: string): number {
  const [r, g, b] = linear(hex)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function decode(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
}

function encode(channel: number): number {
  return channel <= 0.0031308 ? channel * 12.92 : 1.055 * channel ** (1 / 2.4) - 0.055
}

function hexByte(value: number): string {
  return Math.round(value).toString(16).padStart(2, '0')
}
