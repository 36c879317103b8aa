// What a mobile SDK puts on the wire, below its operations: keys of a device, DPoP proofs, forms, JSON, signed requests.
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import type { Headgear } from '../../src/testing.ts'
import { devices, type Pairs, type Sdk } from './sdks.ts'

export type Json = Record<string, unknown>
export type Form = Record<string, string | undefined>
export type Answer = { status: number; body: Json; text: string }

/** What an SDK throws: an OAuth error, or the reason of an API error. */
export class SdkError extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    const { error } = answer.body
    super(String(typeof error === 'object' ? (error as Json).reason : error))
    this.answer = answer
  }
}

export const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

// ---- keys of the device ----

export type Key = { kid: string; alg: 'ES256' | 'RS256'; jwk: Json; privateKey: KeyObject }

/** RSA keys take long to find, and under another name one does for many; `spare` asks for one of its own. */
export function newKey(alg: 'ES256' | 'RS256', spare = false): Key {
  const made = alg === 'RS256' && !spare ? rsa : pairOf(alg)
  const kid = randomUUID()
  return { kid, alg, privateKey: made.privateKey, jwk: { kid, alg, ...made.jwk } }
}

const rsa = pairOf('RS256')
function pairOf(alg: 'ES256' | 'RS256') {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) as Json }
}

export function signed(key: Key, header: Json, payload: Json): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  const how = key.alg === 'ES256' ? { key: key.privateKey, dsaEncoding: 'ieee-p1363' as const } : key.privateKey
  return `${input}.${sign('sha256', Buffer.from(input), how).toString('base64url')}`
}

// ---- requests ----

export function ordered(given: Form, order: readonly string[]): Pairs {
  const stray = Object.keys(given).find((name) => given[name] !== undefined && !order.includes(name))
  if (stray !== undefined) throw new Error(`this SDK sends no ${stray}`)
  return order.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]] as const]))
}

type Sent = { bearer?: string | undefined; type?: string; body?: string; unproven?: boolean }

export function sdkWire(server: Headgear, origin: string, sdk: Sdk) {
  const device = devices[sdk.platform]
  const seconds = () => {
    const now = server.clock.now().getTime() / 1000
    return sdk.fractions ? now : Math.floor(now)
  }
  let configuration: Record<string, string> | undefined

  const wire = {
    proofKey: newKey(sdk.proofAlg),
    xDeviceInfo: encoded(device),
    /** Anything but 200 is an error to the JS SDKs. */
    async send(method: 'GET' | 'POST', url: string, more: Sent = {}): Promise<Answer> {
      const headers: Record<string, string> = { accept: '*/*' }
      if (more.bearer !== undefined) headers.authorization = `Bearer ${more.bearer}`
      if (more.type !== undefined) headers['content-type'] = more.type
      if (more.unproven !== true) headers.dpop = wire.proof(method, url)
      const response = await fetch(url, { method, headers, ...(more.body === undefined ? {} : { body: more.body }) })
      const text = await response.text()
      const answer = { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as Json) : {}, text }
      if (response.status !== 200) throw new SdkError(answer)
      return answer
    },
    proof(method: string, url: string): string {
      const { kid, alg, jwk } = wire.proofKey
      const iat = seconds()
      const claims = { iat, exp: iat + sdk.holds.proof, jti: randomUUID(), htm: method, htu: url }
      return signed(wire.proofKey, { typ: 'dpop+jwt', kid, alg, jwk }, claims)
    },
    /** From discovery, which is asked once, with a proof. iOS and Android decode all five, wanted or not. */
    async endpoint(name: 'authorization' | 'token' | 'userinfo' | 'revocation'): Promise<string> {
      configuration ??= (await wire.send('GET', `${origin}/.well-known/openid-configuration`)).body as Record<
        string,
        string
      >
      for (const one of ['authorization', 'token', 'userinfo', 'revocation', 'end_session'])
        if (typeof configuration[`${one}_endpoint`] !== 'string') throw new Error(`no ${one}_endpoint`)
      return configuration[`${name}_endpoint`] ?? ''
    },
    async token(form: Form, more: Pick<Sent, 'bearer' | 'unproven'> = {}): Promise<Answer> {
      const body = sdk.encodeForm(ordered(form, sdk.formOrder))
      return wire.send('POST', await wire.endpoint('token'), { ...more, type: sdk.formType, body })
    },
    async api(path: string, body: Json, bearer: string | undefined): Promise<Json> {
      const url = new URL(await wire.endpoint('authorization')).origin + path
      const sent = { type: sdk.jsonType, body: JSON.stringify(body) }
      const answer = await wire.send('POST', url, sdk.bearerWith.includes('json') ? { ...sent, bearer } : sent)
      return answer.body.result as Json
    },
    /** A JWT of a key on the device. `known` is one that the server has seen. */
    keyRequest(kind: keyof Sdk['holds'], key: Key, known: boolean, claims: Json): string {
      const encloses = !known || !sdk.withoutKnownKey.includes(kind)
      const header = { typ: `vnd.authgear.${kind}-request`, kid: key.kid, alg: key.alg }
      const iat = seconds()
      const told = sdk.deviceInJwt.includes(kind) ? { device_info: device } : {}
      const payload = { iat, exp: iat + (sdk.holds[kind] ?? 0), ...claims, ...told }
      return signed(key, encloses ? { ...header, jwk: key.jwk } : header, payload)
    },
    /** The app is started again: nothing of the server is known. */
    forget(): void {
      configuration = undefined
    },
  }
  return wire
}
