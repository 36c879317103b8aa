// Which attribute fields need another look after a refusal, and the text that was typed into them. Rules only.
import type { Config } from '../config/schema.ts'
import { attributeFields } from './attribute_fields.tsx'
import { causesOf } from './errors.ts'
import type { Visit } from './visit.ts'

/** Sentences by pointer, in the order of the fields. Marks the problem as shown when there is any. */
export function attributeErrors(
  visit: Visit,
  profile: Config['user_profile'],
  pointers: readonly string[],
): Map<string, string> {
  const { problem } = visit.carried
  const found = new Map<string, string>()
  if (problem?.reason !== 'ValidationFailed') return found
  const causes = causesOf(problem)
  const missing = causes.flatMap(({ kind, details }) =>
    kind === 'required' ? ((details?.missing as string[]) ?? []) : [],
  )
  for (const pointer of pointers) {
    if (missing.includes(pointer)) found.set(pointer, visit.words('error.required.field'))
    else if (causes.some(({ details }) => details?.pointer === pointer))
      found.set(pointer, visit.words(badValue(profile, pointer)))
  }
  if (found.size > 0) visit.shown = true
  return found
}

function badValue(profile: Config['user_profile'], pointer: string): string {
  if (pointer === '/birthdate') return 'error.format.date'
  if (['/website', '/profile', '/picture'].includes(pointer)) return 'error.format.url'
  const type = profile.custom_attributes.attributes.find((attribute) => attribute.pointer === pointer)?.type
  if (type === 'url') return 'error.format.url'
  if (type === 'number' || type === 'integer') return 'error.format.number'
  if (type === 'email') return 'error.format.email'
  if (type === 'phone_number') return 'error.format.phone'
  return 'error.format.field'
}

/** What a refused form had in an attribute's fields, or undefined when nothing was kept. */
export function typedAttribute(visit: Visit, pointer: string): string | Record<string, string> | undefined {
  const { typed } = visit.carried
  if (typed === undefined) return undefined
  if (pointer !== '/address') return typed[pointer]
  return Object.fromEntries(attributeFields(pointer).map((name) => [name.slice('/address/'.length), typed[name] ?? '']))
}
