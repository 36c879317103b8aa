// Parameters of an OAuth endpoint: query and form body together, the first value of each name (wire contract §2.0).
import type { Ctx } from '../http/context.ts'
import { Refusal } from '../refusal.ts'
import type { Form } from './client_auth.ts'

const limit = 1024 * 1024

async function bodyText(c: Ctx): Promise<string> {
  const length = Number(c.req.header('content-length') ?? 0)
  const tooLarge = () =>
    new Refusal({
      name: 'RequestEntityTooLarge',
      reason: 'RequestEntityTooLarge',
      message: 'the body is larger than 1 MiB',
    })
  if (length > limit) throw tooLarge()
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of c.req.raw.body ?? []) {
    size += part.byteLength
    if (size > limit) throw tooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Reads them once. @throws Refusal 413 over 1 MiB, 400 when a body is there that is no form. */
export async function readForm(c: Ctx): Promise<Form> {
  const form = new Map<string, string>()
  const add = (parameters: URLSearchParams) => {
    for (const [name, value] of parameters) {
      // The database stores no NUL, and no parameter of ours has a use for one.
      if (name.includes('\0') || value.includes('\0'))
        throw new Refusal({
          name: 'BadRequest',
          reason: 'BadRequest',
          message: 'a parameter holds a NUL',
          oauth: 'invalid_request',
        })
      if (!form.has(name)) form.set(name, value)
    }
  }
  if (c.req.method === 'POST') {
    const type = c.req.header('content-type')
    const text = await bodyText(c)
    if (text !== '') {
      if (type !== undefined && !/^application\/x-www-form-urlencoded *(;|$)/i.test(type))
        throw new Refusal({
          name: 'BadRequest',
          reason: 'BadRequest',
          message: 'send application/x-www-form-urlencoded',
          oauth: 'invalid_request',
        })
      add(new URLSearchParams(text))
    }
  }
  add(new URL(c.req.url).searchParams)
  return form
}
