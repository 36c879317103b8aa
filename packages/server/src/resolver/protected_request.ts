// The request that a proxy asks the resolver about. Only a DPoP proof needs it: it is made for one method and address.
import { athOf, checkProof } from '../oauth/dpop.ts'

type HeaderReader = (name: string) => string | undefined

/**
 * Method and address as the proxy forwards them: `X-Original-Method` with a whole `X-Original-URL`, or the four
 * `X-Forwarded-` headers of Traefik and Caddy. The proxy must set them itself, over whatever its client has sent.
 */
export function protectedRequest(header: HeaderReader): { method: string; uri: string } | undefined {
  const method = header('x-original-method') ?? header('x-forwarded-method')
  const [scheme, host, path] = ['proto', 'host', 'uri'].map((part) => header(`x-forwarded-${part}`))
  const url = header('x-original-url') ?? (host && path ? `${scheme ?? 'http'}://${host}${path}` : undefined)
  if (method === undefined || url === undefined || !URL.canParse(url)) return undefined
  const { origin, pathname } = new URL(url)
  return { method, uri: origin + pathname }
}

/** Seconds that a proof may be away from our clock where no nonce was given. */
const skew = 60

/**
 * Thumbprint of the key that a DPoP proof has proved for this access token at the protected request. A proof may be
 * seen twice here: proxies ask again when an internal redirect or a retry takes the same request by once more.
 */
export function keyBehind(
  token: string,
  header: HeaderReader,
  nonceHolds: (nonce: string) => boolean,
  now: Date,
): string | undefined {
  const text = header('dpop')
  const asked = protectedRequest(header)
  if (text === undefined || asked === undefined) return undefined
  const verdict = checkProof(text, { method: asked.method, uris: [asked.uri], nonceHolds, skew }, now)
  return verdict.ok && verdict.proof.ath === athOf(token) ? verdict.proof.jkt : undefined
}
