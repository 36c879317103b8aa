// Moments and spans as people say them. Rules only; `now` comes in.

/** `14:05 UTC`: a clock time never goes without its zone. */
export function clock(lang: string, at: Date, timeZone = 'UTC'): string {
  return format(lang, { hour: 'numeric', minute: '2-digit', timeZoneName: 'short', timeZone }).format(at)
}

/** `3 May 2026` in the order of the language. */
export function day(lang: string, at: Date, timeZone = 'UTC'): string {
  return format(lang, { year: 'numeric', month: 'long', day: 'numeric', timeZone }).format(at)
}

/** `45 seconds`, `5 minutes`, `2 hours`, `30 days`: one unit, rounded up so that nobody comes back too early. */
export function duration(lang: string, seconds: number): string {
  const [count, unit] =
    seconds < 100
      ? [seconds, 'second']
      : seconds < 100 * 60
        ? [seconds / 60, 'minute']
        : seconds < 48 * 3600
          ? [seconds / 3600, 'hour']
          : [seconds / 86400, 'day']
  return new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(count))
}

/** `2 hours ago`, `yesterday`; never in the future. */
export function ago(lang: string, at: Date, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - at.getTime()) / 1000)
  const [count, unit]: [number, Intl.RelativeTimeFormatUnit] =
    seconds < 60
      ? [0, 'second']
      : seconds < 3600
        ? [seconds / 60, 'minute']
        : seconds < 86400
          ? [seconds / 3600, 'hour']
          : seconds < 30 * 86400
            ? [seconds / 86400, 'day']
            : seconds < 365 * 86400
              ? [seconds / (30 * 86400), 'month']
              : [seconds / (365 * 86400), 'year']
  return new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(-Math.floor(count), unit)
}

/** What a ticking countdown shows: `0:45`, `12:00`. */
export function countdown(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(lang: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${lang} ${options.timeZone} ${options.hour ?? ''}`
  let made = formats.get(key)
  if (!made) {
    if (formats.size > 200) formats.clear()
    made = new Intl.DateTimeFormat(lang, options)
    formats.set(key, made)
  }
  return made
}
