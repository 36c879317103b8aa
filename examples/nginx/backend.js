// A backend that nobody reaches but nginx: it reads who is calling from the headers that nginx set.
//   PORT        where to listen (4003)
//   APP_ORIGIN  a browser app on another origin that may call /api/me (the demo app, http://localhost:4001)
import { createServer } from 'node:http'

const port = Number(process.env.PORT ?? 4003)
const appOrigin = process.env.APP_ORIGIN ?? 'http://localhost:4001'

createServer((request, response) => {
  const caller = whoIs(request.headers)
  const path = request.url.split('?')[0]

  // Only because the demo app lives on another port. Behind one host none of this is needed.
  response.setHeader('vary', 'Origin')
  if (request.headers.origin === appOrigin) {
    response.setHeader('access-control-allow-origin', appOrigin)
    response.setHeader('access-control-allow-headers', 'authorization')
    response.setHeader('access-control-max-age', '600')
  }
  if (request.method === 'OPTIONS') return void response.writeHead(204).end()

  if (path === '/api/me')
    return answer(response, caller === undefined ? 401 : 200, caller ?? { error: 'sign in first' })
  if (path === '/members/') return answer(response, 200, { members: 'only', you: caller })
  answer(response, 200, { hello: caller?.user_id ?? 'guest' })
}).listen(port, '127.0.0.1', () => console.log(`backend on http://127.0.0.1:${port}, for nginx alone`))

/** Anything but `true` means nobody: the header is absent for strangers and `false` for an ended session. */
function whoIs(headers) {
  if (headers['x-authgear-session-valid'] !== 'true') return undefined
  return {
    user_id: headers['x-authgear-user-id'],
    anonymous: headers['x-authgear-user-anonymous'] === 'true',
    verified: headers['x-authgear-user-verified'] === 'true',
    roles: headers['x-authgear-user-roles']?.split(',') ?? [],
    signed_in_at: new Date(Number(headers['x-authgear-session-authenticated-at']) * 1000).toISOString(),
  }
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}
