// Parameters of an OAuth endpoint: query and form body together, the first value of each name (wire contract §2.0).
import { bodyText, isStorable, notStorable } from '../http/body.ts'
import type { Ctx } from '../http/context.ts'
import { Refusal } from '../refusal.ts'
import type { Form } from './client_auth.ts'

/** Reads them once. @throws Refusal 413 over 1 MiB, 400 when a body is there that is no form. */
export async function readForm(c: Ctx): Promise<Form> {
  const form = new Map<string, string>()
  const add = (parameters: URLSearchParams) => {
    for (const [name, value] of parameters) {
      if (!isStorable([name, value])) throw notStorable()
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
