// The support of every test looks for secrets in the log of its server. Here each kind is put there on purpose.
import { expect, test } from 'vitest'
import { codeTo, flowClient, signUp } from './support/flow_client.ts'
import { getTokens, openSite, refresh } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

test('a secret in the log fails the tests, whichever it is', async () => {
  const server = await headgear()
  const client = {
    client_id: 'web',
    name: 'Web',
    client_name: 'Web',
    x_application_type: 'confidential',
    redirect_uris: ['https://web.test/cb'],
  }
  const site = await openSite(server, { oauth: { clients: [client] } })
  const app = {
    client_id: 'web',
    redirect_uri: 'https://web.test/cb',
    scope: 'openid offline_access',
    secret: site.made.client_secrets.web,
  }
  const got = await getTokens(site, app)
  await refresh(site, app, got.body.refresh_token)
  await fetch(`${site.origin}/oauth2/userinfo`, { headers: { authorization: `Bearer ${got.body.access_token}` } })
  const finished = await signUp(server, flowClient(site.made), 'ann@example.com', 'Vexing, quartz jolt')
  const project = await site.project()
  const mac = project.ring.keys.get(project.ring.current) ?? Buffer.alloc(0)
  const [signing] = project.signingKeys
  const planted = {
    'a password': 'Vexing, quartz jolt',
    'a code by mail': codeTo(server, 'ann@example.com'),
    'a state of a flow': finished.body.result.state_token,
    'a new cookie': finished.cookies.find((line) => /session=/.test(line))?.split(/[=;]/)[1],
    'a cookie': [...got.browser.cookies].find(([name]) => name.endsWith('session'))?.[1],
    'an authorization code': got.code,
    'a code verifier': got.pkce.verifier,
    'a client secret': app.secret,
    'an access token': got.body.access_token,
    'a refresh token': got.body.refresh_token,
    'an ID token': got.body.id_token,
    'a MAC key': mac.toString('hex'),
    'a signing key': signing?.privateKey.export({ format: 'jwk' }).d,
    'an admin key': site.made.admin_key.d,
    'the master key': Buffer.alloc(32, 7).toString('base64'),
  }
  for (const [kind, secret] of Object.entries(planted)) {
    expect(secret, kind).toBeTypeOf('string')
    server.node.world.log.info({ kind, seen: `of ${secret}, as it were` }, 'planted')
  }
  const error = await server.stop().then(
    () => '',
    (thrown: Error) => thrown.message,
  )
  for (const [kind, secret] of Object.entries(planted)) {
    expect(error).toContain(`"kind":"${kind}","seen":"of <secret>, as it were"`)
    expect(error, kind).not.toContain(secret)
  }
  expect(error.match(/"msg"/g)).toHaveLength(Object.keys(planted).length)
})
