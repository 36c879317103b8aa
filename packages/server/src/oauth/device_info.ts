// `x_device_info`: what a mobile SDK says of its device (wire contract §2.5).
import { oauthRefusal } from '../refusal.ts'

const fault = (why: string) => oauthRefusal('invalid_request', `invalid device info: ${why}`)

/** Parses the parameter; undefined when it is absent. @throws Refusal `invalid_request`. */
export function parseDeviceInfo(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined || text === '') return undefined
  if (text.length > 16_384) throw fault('too long')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    throw fault('not base64url of JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault('not an object')
  // What JSON can write and the database cannot: NUL and lone surrogates.
  if (/\\u(0000|d[89a-f])/.test(JSON.stringify(value))) throw fault('it holds characters that are none')
  const info = value as Record<string, unknown>
  if (deviceModel(info) === undefined) throw fault('neither android.Build nor ios.uname.machine is there')
  return info
}

const text = (value: unknown, ...path: string[]): string | undefined => {
  let at: unknown = value
  for (const name of path)
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  return typeof at === 'string' && at !== '' ? at : undefined
}

/** The device as its maker names it, such as `Google Pixel 9` or `iPhone17,3`. */
export function deviceModel(info: Record<string, unknown>): string | undefined {
  const [maker, model] = [text(info, 'android', 'Build', 'MANUFACTURER'), text(info, 'android', 'Build', 'MODEL')]
  if (maker !== undefined && model !== undefined) return `${maker} ${model}`
  return text(info, 'ios', 'uname', 'machine')
}
