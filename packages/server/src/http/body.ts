// What a request carries, within bounds, and what of it can be kept.
import { Refusal } from '../refusal.ts'
import type { Ctx } from './context.ts'

const mostBytes = 1_048_576

/** The body as text. @throws Refusal 413 as soon as it is larger than 1 MiB, whatever length it claims. */
export async function bodyText(c: Ctx): Promise<string> {
  const tooLarge = () => {
    // The rest stays unread, so nothing else can come over this connection.
    c.header('connection', 'close')
    return new Refusal({
      name: 'RequestEntityTooLarge',
      reason: 'RequestEntityTooLarge',
      message: 'the request body is larger than 1 MiB',
    })
  }
  const announced = c.req.header('content-length')
  if (Number(announced ?? 0) > mostBytes) throw tooLarge()
  // As long as it says and no longer: the parser sees to that. A stream of the web would cost more than the reading.
  if (announced !== undefined) return Buffer.from(await c.req.raw.arrayBuffer()).toString()
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of c.req.raw.body ?? []) {
    size += part.byteLength
    if (size > mostBytes) throw tooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/**
 * Whether every text in a value, names of members included, is one that the database keeps: it takes no NUL, and half of
 * a surrogate pair is no character.
 */
export function isStorable(value: unknown): boolean {
  const waiting = [value]
  for (const one of waiting) {
    if (typeof one === 'string') {
      if (one.includes('\0') || !one.isWellFormed()) return false
    } else if (typeof one === 'object' && one !== null) {
      for (const [name, member] of Object.entries(one)) waiting.push(name, member)
    }
  }
  return true
}

export function notStorable(): Refusal {
  return new Refusal({
    name: 'BadRequest',
    reason: 'BadRequest',
    message: 'a text holds a NUL or half of a surrogate pair',
    oauth: 'invalid_request',
  })
}
