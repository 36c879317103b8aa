// Bodies of the JSON APIs (wire contract §2.0).
import type { z } from 'zod'
import { check } from '../config/faults.ts'
import { Refusal } from '../refusal.ts'
import { bodyText, isStorable, notStorable } from './body.ts'
import type { Ctx } from './context.ts'

/**
 * The body as JSON of this shape. Other content types are refused: they would come from other sites' forms unasked.
 * @throws Refusal 400 `BadRequest`, `InvalidJSON` or `ValidationFailed` with every cause, or 413.
 */
export async function readJson<S extends z.ZodType>(c: Ctx, shape: S): Promise<z.output<S>> {
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(c.req.header('content-type') ?? ''))
    throw new Refusal({ name: 'BadRequest', reason: 'BadRequest', message: 'request content type is invalid' })
  const text = await bodyText(c)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal({ name: 'BadRequest', reason: 'InvalidJSON', message: 'invalid JSON' })
  }
  if (!isStorable(value)) throw notStorable()
  const checked = check(shape, value, { secret: true })
  if (checked.ok) return checked.data
  throw new Refusal({
    name: 'Invalid',
    reason: 'ValidationFailed',
    message: 'invalid request body',
    info: { causes: checked.faults },
  })
}
