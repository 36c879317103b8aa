// Node ids: unpadded base64url of `Type:raw id` (management §2.2).
import { Refusal } from '../refusal.ts'

/**
 * Types that `node` finds, with the form of their raw ids: UUIDs, for sessions the public id (D1), and for a delivery of
 * back-channel logout the event and the session that it is about.
 */
const rawForms = {
  User: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  Identity: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  Authenticator: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  Authorization: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  Session: /^[A-Za-z0-9_-]{21}[AQgw]$/,
  BackchannelLogoutDelivery: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[A-Za-z0-9_-]{21}[AQgw]$/,
} as const
export type NodeType = keyof typeof rawForms

export function nodeId(type: NodeType, raw: string): string {
  return Buffer.from(`${type}:${raw}`).toString('base64url')
}

/** What a node id names; undefined when it is malformed or of a type that there is not. */
export function readNodeId(text: string): { type: NodeType; raw: string } | undefined {
  const decoded = Buffer.from(text, 'base64url').toString()
  const cut = decoded.indexOf(':')
  const type = decoded.slice(0, cut) as NodeType
  const raw = decoded.slice(cut + 1)
  if (cut < 0 || !Object.hasOwn(rawForms, type) || !rawForms[type].test(raw)) return undefined
  // One spelling only, as for credentials: what is compared as text must not have twins.
  return nodeId(type, raw) === text ? { type, raw } : undefined
}

/** The raw id of an argument. @throws Refusal `Invalid` when it is no id of this type. */
export function rawId(type: NodeType, text: string): string {
  const read = readNodeId(text)
  if (read?.type === type) return read.raw
  throw new Refusal({ name: 'Invalid', reason: 'Invalid', message: `not the ID of a ${type}` })
}

/** The raw id of a delivery of back-channel logout. */
export function logoutId({ event_id, grant_id }: { event_id: string; grant_id: Buffer }): string {
  return `${event_id}.${grant_id.toString('base64url')}`
}

/** What such a raw id names, once its form is checked. */
export function logoutPosition(raw: string): { event_id: string; grant_id: Buffer } {
  return { event_id: raw.slice(0, 36), grant_id: Buffer.from(raw.slice(37), 'base64url') }
}
