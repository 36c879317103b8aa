// A backend that checks access tokens itself: keys by discovery, then signature, issuer, audience and expiry, here.
//   PORT    where to listen (4004)
//   ISSUER  Headgear's origin (http://localhost:4000)
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const port = Number(process.env.PORT ?? 4004)
const issuer = process.env.ISSUER ?? 'http://localhost:4000'

let keys // found when first needed: this may start before Headgear does

async function keySet() {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`)
  if (!response.ok) throw new Error(`discovery answered ${response.status}`)
  const { jwks_uri } = await response.json()
  // Fetched again by jose when a token names a key it does not know, which is how keys are rotated.
  return createRemoteJWKSet(new URL(jwks_uri))
}

/** The claims of a good access token. Throws what is wrong with any other. */
async function verify(token) {
  keys ??= await keySet()
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience: issuer, // access tokens are made out to Headgear's own origin
    typ: 'at+jwt', // an ID token is signed with the same keys, and is no access token
    algorithms: ['RS256', 'ES256'],
  })
  return payload
}

createServer(async (request, response) => {
  const token = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  try {
    if (token === undefined) return refuse(response, 'there is no access token')
    const { sub, client_id, scope, exp } = await verify(token)
    answer(response, 200, { sub, client_id, scope, expires: new Date(exp * 1000).toISOString() })
  } catch (error) {
    // A key server that does not answer says nothing about the caller.
    if (!error.code?.startsWith('ERR_J') || error.code === 'ERR_JWKS_TIMEOUT')
      answer(response, 503, { error: error.message })
    else refuse(response, error.message)
  }
}).listen(port, '127.0.0.1', () => console.log(`backend on http://localhost:${port}, for tokens of ${issuer}`))

function refuse(response, reason) {
  response.setHeader('www-authenticate', 'Bearer error="invalid_token"')
  answer(response, 401, { error: 'invalid_token', reason })
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}
