// What a client may do, by its type (wire contract §3.1). Rules only.
import type { ClientConfig } from '../config/schema.ts'
import { hasSecret } from './config.ts'

export function isThirdParty(client: ClientConfig): boolean {
  return client.x_application_type === 'third_party_app'
}

/** A public client keeps no secret: PKCE stands in for it. */
export function isPublic(client: ClientConfig): boolean {
  return !hasSecret(client.x_application_type)
}

/** May this client ask for the full-access scope, and use the grants and settings that need it? */
export function hasFullAccess(client: ClientConfig): boolean {
  return isPublic(client)
}

/** User attributes stand in the ID tokens of clients that authenticate; others read them at userinfo. */
export function hasAttributesInIdToken(client: ClientConfig): boolean {
  return client.x_application_type === 'confidential' || client.x_application_type === 'third_party_app'
}

/** The name that people see. */
export function displayName(client: ClientConfig): string {
  return client.client_name ?? client.name
}
