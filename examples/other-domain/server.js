// A server-rendered app on a domain of its own, with a session of its own.
//   PORT           where to listen (4002)
//   ISSUER         Headgear's origin (http://localhost:4000)
//   ORIGIN         this app's own (http://127.0.0.1:4002)
//   CLIENT_ID      as in authgear.yaml (shop)
//   CLIENT_SECRET  as in authgear.secrets.yaml
//   COOKIE_KEY     seals the cookies; 32 characters or more
import { createServer } from 'node:http'
import { headgear } from '@headgear/node'
import { demand, sessions } from '@headgear/node/http'

const port = Number(process.env.PORT ?? 4002)

const auth = headgear({
  issuer: process.env.ISSUER ?? 'http://localhost:4000',
  clientId: process.env.CLIENT_ID ?? 'shop',
  clientSecret: process.env.CLIENT_SECRET ?? 'a-secret-for-this-example-only',
  origin: process.env.ORIGIN ?? `http://127.0.0.1:${port}`,
  cookieKeys: [process.env.COOKIE_KEY ?? 'a key for this example only: openssl rand -base64 32'],
})

const server = createServer(
  sessions(auth, (request, response, visit) => {
    const { session } = visit
    const { pathname } = new URL(request.url, auth.origin)
    if (pathname === '/')
      return page(response, session ? `<p>Welcome back.</p>${signOut}` : '<p>Nobody is signed in.</p>')
    if (pathname !== '/orders') return page(response, '<p>There is no such page.</p>', 404)
    if (session === undefined) return demand(auth, request, response, visit)
    page(response, `<p>The orders of <b>${escapeHtml(session.claims.preferred_username)}</b>: none yet.</p>${signOut}`)
  }),
)
server.listen(port, '127.0.0.1', () => console.log(`shop on ${auth.origin}`))

const signOut = '<form method="post" action="/auth/logout"><button>Sign out</button></form>'

function page(response, body, status = 200) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' })
  response.end(`<!doctype html><title>Shop</title><h1>Shop</h1><p><a href="/orders">Orders</a></p>${body}\n`)
}

function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
