// «Trust this device»: offered where a second factor is asked for.
import { at } from '../http/context.ts'
import { CheckField } from './fields.tsx'
import { type Asked, dataOf, type Form } from './page.ts'
import type { Visit } from './visit.ts'

/** The box, where the flow takes it; nothing elsewhere. */
export function Remember({ asked, visit }: { asked: Asked; visit: Visit }) {
  const { view, from } = asked
  const data = dataOf(view, 'authentication_data') ?? (from && dataOf(from, 'authentication_data'))
  if (!data?.device_token_enabled) return null
  const n = at(visit.c).project.config.authentication.device_token.expire_in_days
  return <CheckField name="x_device_token" label={visit.words('enter_password.remember', { n })} />
}

export function remembered(form: Form): Record<string, unknown> {
  return form.get('x_device_token') === 'true' ? { request_device_token: true } : {}
}
