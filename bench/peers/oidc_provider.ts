// A minimal provider on npm's `oidc-provider`: state in a Map, the sign-in page answered by the server itself.
// Where an option decides between more and less work per request, it has the less.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

const redirectUri = process.argv[2] ?? ''

const values = new Map<string, Record<string, unknown>>()
const byGrant = new Map<string, string[]>()
const byUid = new Map<string, string>()

// Its own adapter keeps a thousand entries and walks all tokens of a grant at each refresh; this one does neither.
class MemoryAdapter {
  readonly model: string
  constructor(model: string) {
    this.model = model
  }
  async upsert(id: string, payload: Record<string, unknown>) {
    const key = `${this.model} ${id}`
    values.set(key, payload)
    if (this.model === 'Session') byUid.set(String(payload.uid), id)
    if (typeof payload.grantId !== 'string') return
    const members = byGrant.get(payload.grantId)
    if (members === undefined) byGrant.set(payload.grantId, [key])
    else members.push(key)
  }
  async find(id: string) {
    return values.get(`${this.model} ${id}`)
  }
  async findByUid(uid: string) {
    return this.find(byUid.get(uid) ?? '')
  }
  async findByUserCode() {
    return undefined
  }
  async consume(id: string) {
    const value = values.get(`${this.model} ${id}`)
    if (value !== undefined) value.consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id: string) {
    values.delete(`${this.model} ${id}`)
  }
  async revokeByGrantId(grantId: string) {
    for (const key of byGrant.get(grantId) ?? []) values.delete(key)
    byGrant.delete(grantId)
  }
}

const resource = 'urn:api'
const jwk = (alg: 'ES256' | 'RS256') => {
  const { privateKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }
}

const server = createServer({ keepAliveTimeout: 65_000 })
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  const provider = new Provider(`http://localhost:${port}`, {
    adapter: MemoryAdapter,
    jwks: { keys: [jwk('RS256'), jwk('ES256')] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: (['ES256', 'RS256'] as const).map((alg) => ({
      client_id: alg,
      token_endpoint_auth_method: 'none',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
    })),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_: unknown, __: string, client: { idTokenSignedResponseAlg: string }) => ({
          scope: 'api',
          audience: resource,
          accessTokenTTL: 1800,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: client.idTokenSignedResponseAlg } },
        }),
      },
    },
    interactions: { url: (_: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: {
      AccessToken: 1800,
      IdToken: 300,
      RefreshToken: 86_400 * 30,
      Grant: 86_400 * 30,
      Session: 86_400,
      Interaction: 600,
      AuthorizationCode: 600,
    },
  })
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next()
    const { params } = await provider.interactionDetails(ctx.req, ctx.res)
    const accountId = String(params.login_hint)
    const grant = new provider.Grant({ accountId, clientId: String(params.client_id) })
    grant.addOIDCScope('openid offline_access')
    grant.addResourceScope(resource, 'api')
    const result = { login: { accountId }, consent: { grantId: await grant.save() } }
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
  })
  server.on('request', provider.callback())
  process.stdout.write(`${JSON.stringify({ port })}\n`)
})
