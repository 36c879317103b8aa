/**
 * YAML → sections → defaults → cross-checks → `Config`. All faults are reported at once: a section that is wrong hides only
 * the cross-checks that need it.
 */
import { flowDoubts, flowExists } from '../flows/config.ts'
import { hasSecret } from '../oauth/config.ts'
import { check, distinctFaults, type Fault, pointerTo } from './faults.ts'
import { type Config, ConfigSchema, Sections } from './schema.ts'
import type { Secrets } from './secrets.ts'
import { isLoopback } from './values.ts'
import { readYaml } from './yaml.ts'

export type { Fault } from './faults.ts'

export type ParsedConfig =
  | {
      ok: true
      config: Config
      /** What is legal and yet leads nowhere, or is risky; for `headgear doctor`. */
      warnings: Fault[]
      /** The file as plain values, without defaults; for `withoutEffect`. */
      written: unknown
      /** Adds file, line and column to a fault found later, such as `crossCheck`'s. */
      place: (fault: Fault) => Fault
    }
  | { ok: false; faults: Fault[] }

/** Reads the text of `authgear.yaml`. Reference: authentication §2. */
export function parseConfig(text: string, options: { file?: string } = {}): ParsedConfig {
  const read = readYaml(text, options)
  if (!read.ok) return read
  const written = read.value ?? {}
  const checked = check(ConfigSchema, written)
  if (checked.ok) {
    const faults = crossFaults(checked.data)
    if (faults.length > 0) return { ok: false, faults: faults.map(read.place) }
    return {
      ok: true,
      config: checked.data,
      warnings: doubts(checked.data).map(read.place),
      written,
      place: read.place,
    }
  }
  return {
    ok: false,
    faults: distinctFaults([...checked.faults, ...furtherFaults(written, checked.faults)]).map(read.place),
  }
}

/** Faults that the first ones hide: those a section shows once its unknown keys are gone, and those between sound sections. */
function furtherFaults(written: unknown, faults: readonly Fault[]): Fault[] {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return []
  const cleaned = structuredClone(written) as Record<string, unknown>
  for (const fault of faults) if (fault.kind === 'additionalProperties') remove(cleaned, fault.location)
  const further: Fault[] = []
  const sound: Partial<Config> = {}
  for (const [name, section] of Object.entries(Sections.shape)) {
    const checked = check(section, cleaned[name])
    if (checked.ok) Object.assign(sound, { [name]: checked.data })
    else if (Object.hasOwn(cleaned, name))
      further.push(...checked.faults.map((fault) => ({ ...fault, location: `/${name}${fault.location}` })))
  }
  return [...further, ...crossFaults(sound)]
}

function remove(root: Record<string, unknown>, location: string): void {
  const path = location
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = path.pop()
  let holder: unknown = root
  for (const token of path) holder = (holder as Record<string, unknown> | undefined)?.[token]
  if (last !== undefined && typeof holder === 'object' && holder !== null)
    delete (holder as Record<string, unknown>)[last]
}

// ---- between sections ---------------------------------------------------------------------------------------------

function general(path: PropertyKey[], message: string): Fault {
  return { location: pointerTo(path), kind: 'general', message, details: { msg: message } }
}

/** What sections demand of each other. Sections that did not parse are absent, and what needs them is not asked. */
function crossFaults(config: Partial<Config>): Fault[] {
  const { ui, authentication_flow: flows, saml, oauth } = config
  const faults: Fault[] = []
  if (ui && flows) {
    ui.authentication_flow.groups.forEach((group, index) => {
      group.flows.forEach(({ type, name }, at) => {
        if (flowExists(flows, type, name)) return
        faults.push(
          general(['ui', 'authentication_flow', 'groups', index, 'flows', at], `no ${type} flow is named ${name}`),
        )
      })
    })
  }
  if (saml && oauth) {
    saml.service_providers.forEach((provider, index) => {
      if (oauth.clients.some((client) => client.client_id === provider.client_id)) return
      faults.push(general(['saml', 'service_providers', index, 'client_id'], 'names no client of oauth.clients'))
    })
  }
  return faults
}

/** What the reference accepts although it leads nowhere, or somewhere it should not. */
function doubts(config: Config): Fault[] {
  const found = flowDoubts(config.authentication_flow).map(({ path, message }) =>
    general(['authentication_flow', ...path], message),
  )
  config.oauth.clients.forEach((client, index) => {
    const here = ['oauth', 'clients', index, 'x_authentication_flow_allowlist']
    client.x_authentication_flow_allowlist.flows.forEach(({ type, name }, at) => {
      if (!flowExists(config.authentication_flow, type, name))
        found.push(general([...here, 'flows', at], `no ${type} flow is named ${name}`))
    })
    client.x_authentication_flow_allowlist.groups.forEach(({ name }, at) => {
      if (name === 'default' || config.ui.authentication_flow.groups.some((group) => group.name === name)) return
      found.push(general([...here, 'groups', at], `ui.authentication_flow has no group named ${name}`))
    })
  })
  const aliases = config.identity.oauth.providers.map((provider) => provider.alias)
  config.account_linking.oauth.forEach((rule, index) => {
    if (!aliases.includes(rule.alias))
      found.push(general(['account_linking', 'oauth', index, 'alias'], `no provider is called ${rule.alias}`))
  })
  const keys = config.identity.login_id.keys.map((key) => key.key)
  config.account_linking.login_id.forEach((rule, index) => {
    if (!keys.includes(rule.key))
      found.push(general(['account_linking', 'login_id', index, 'key'], `no login ID is called ${rule.key}`))
  })
  const origins = [config.http.public_origin, ...config.http.alternate_origins]
  origins.forEach((origin, index) => {
    const { protocol, hostname } = new URL(origin)
    if (protocol === 'https:' || isLoopback(hostname)) return
    const path = index === 0 ? ['http', 'public_origin'] : ['http', 'alternate_origins', index - 1]
    found.push(general(path, 'plain http: passwords and cookies cross the network readable'))
  })
  config.test_mode.oob_otp.rules.forEach((rule, index) => {
    if (!config.test_mode.oob_otp.enabled || rule.fixed_code === undefined) return
    found.push(
      general(['test_mode', 'oob_otp', 'rules', index], 'whoever knows the fixed code signs in as any user it matches'),
    )
  })
  if (config.bot_protection.enabled && !config.bot_protection.provider) {
    found.push(general(['bot_protection'], 'enabled, but without a provider nothing is checked'))
  }
  return found
}

// ---- between the two files ----------------------------------------------------------------------------------------

/** What the configuration needs of the secrets. Locations are those of `authgear.yaml`. */
export function crossCheck(config: Config, secrets: Secrets): Fault[] {
  const faults: Fault[] = []
  const needs = (path: PropertyKey[], key: string, message: string) =>
    faults.push({ location: pointerTo(path), kind: 'required', message, details: { missing: [key] } })

  const clientSecrets = secrets['oauth.client_secrets']?.items ?? []
  config.oauth.clients.forEach((client, index) => {
    if (!hasSecret(client.x_application_type) || clientSecrets.some((item) => item.client_id === client.client_id))
      return
    // The SAML side of a client never uses the secret.
    if (config.saml.service_providers.some((provider) => provider.client_id === client.client_id)) return
    needs(
      ['oauth', 'clients', index],
      'oauth.client_secrets',
      `a ${client.x_application_type} client needs an item in the secret oauth.client_secrets`,
    )
  })

  const gateway = config.messaging.sms_gateway
  if (gateway?.use_config_from === 'authgear.secrets.yaml' && gateway.provider && !secrets[`sms.${gateway.provider}`]) {
    needs(
      ['messaging', 'sms_gateway', 'provider'],
      `sms.${gateway.provider}`,
      `needs the secret sms.${gateway.provider}`,
    )
  }

  const bots = config.bot_protection
  if (bots.enabled && bots.provider) {
    const secret = secrets['bot_protection.provider']
    if (!secret)
      needs(['bot_protection', 'provider'], 'bot_protection.provider', 'needs the secret bot_protection.provider')
    else if (secret.type !== bots.provider.type) {
      faults.push(
        general(['bot_protection', 'provider', 'type'], `the secret bot_protection.provider is for ${secret.type}`),
      )
    }
  }

  const signing = secrets['saml.idp.signing']?.certificates
  const key = config.saml.signing.key_id
  if (key !== undefined && signing && !signing.some((one) => one.key.kid === key)) {
    faults.push(general(['saml', 'signing', 'key_id'], 'names no key of the secret saml.idp.signing'))
  }
  config.saml.service_providers.forEach((provider, index) => {
    const certified = secrets['saml.service_providers.signing']?.some(
      (one) => one.service_provider_id === provider.client_id,
    )
    if (!provider.signature_verification_enabled || certified) return
    needs(
      ['saml', 'service_providers', index],
      'saml.service_providers.signing',
      'needs certificates in the secret saml.service_providers.signing',
    )
  })
  return faults
}
