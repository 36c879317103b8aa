/** JSON Schema of `authgear.yaml`, for editors, the portal's forms and the reference documentation. */
import { z } from 'zod'
import { Sections } from './schema.ts'

/** What may be written (draft 2020-12): keys with a default are not required, durations are strings. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(Sections, { io: 'input' })
}
