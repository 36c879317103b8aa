// The peer on `oidc-provider`, and how people sign in there: by its own redirects, answered by itself.
import { cookiesOf, headerOf, httpRequest, sendAll } from './load.ts'
import { peerFile, startNode } from './processes.ts'
import { type Algorithm, authorizePath, type Provider, redirectUri } from './provider.ts'

export const peerName = 'oidc-provider in memory'

export const startOidcProvider = () => startNode([peerFile('oidc_provider'), redirectUri])

export async function oidcProvider(): Promise<Provider> {
  const started = await startOidcProvider()
  const port = Number(started.ready.port)
  const host = `localhost:${port}`
  const self: Provider = {
    name: peerName,
    port,
    pid: started.pid,
    paths: { authorize: '/auth', token: '/token' },
    scope: 'openid offline_access api',
    async signIn(client: Algorithm, names: readonly string[]) {
      let paths = names.map((login_hint) => authorizePath(self, client, { login_hint }))
      const cookies = names.map(() => new Map<string, string>())
      // To the interaction, back from it, and on to the client.
      for (let hop = 0; hop < 3; hop++) {
        const requests = paths.map((path, index) => {
          const cookie = [...(cookies[index] ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
          return httpRequest(`GET ${path}`, { host, cookie })
        })
        const answers = await sendAll(port, requests)
        answers.forEach((answer, index) => {
          for (const pair of cookiesOf(answer).split('; ')) {
            const [name = '', value = ''] = pair.split('=')
            if (value === '') cookies[index]?.delete(name)
            else cookies[index]?.set(name, value)
          }
        })
        paths = answers.map((answer) => {
          const to = new URL(headerOf(answer, 'location'), `http://${host}`)
          return to.pathname + to.search
        })
      }
      return cookies.map((jar) => [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
  return self
}
