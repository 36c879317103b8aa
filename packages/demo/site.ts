// The demo on a port of its own: the built app, what it must know, and the backend that checks tokens itself.
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { jwtBackend } from './jwt_backend.ts'

export type Site = {
  /** Headgear's origin. */
  endpoint: string
  /** Where nginx serves, when it does. */
  nginx: string
  /** Shell command that starts nginx in front of its backend. */
  nginxCommand: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Paths that Headgear sends the browser back to; the app tells them apart. */
const routes = new Set(['/', '/reauthenticated', '/settings-done'])

/** Serves the files of `folder` (Vite's output). Throws when the app has not been built. */
export function demoServer(folder: string, site: Site): Server {
  const files = new Map<string, Buffer>(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && extname(entry.name) in types)
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [path.slice(folder.length).replaceAll('\\', '/'), readFileSync(path)] as const
      }),
  )
  const page = files.get('/index.html')
  if (page === undefined) throw new Error(`the demo is not built: there is no ${join(folder, 'index.html')}`)
  const me = jwtBackend(site.endpoint)
  const policy = [
    "default-src 'self'",
    `connect-src 'self' ${site.endpoint} ${site.nginx}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

  return createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader(
      'cache-control',
      path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store',
    )
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else if (path === '/config.json') {
      json(response, 200, {
        endpoint: site.endpoint,
        clientId: 'demo',
        nginx: site.nginx,
        nginxCommand: site.nginxCommand,
      })
    } else if (path === '/api/me') {
      const { status, body } = await me(request.headers.authorization)
      if (status === 401) response.setHeader('www-authenticate', 'Bearer')
      json(response, status, body)
    } else {
      const file = routes.has(path) ? page : files.get(path)
      if (file === undefined) return void json(response, 404, { error: 'not found' })
      if (file === page) {
        response.setHeader('content-security-policy', policy)
        // A code in the address is nobody else's business.
        response.setHeader('referrer-policy', 'no-referrer')
      }
      response.setHeader('content-type', types[file === page ? '.html' : extname(path)] ?? 'application/octet-stream')
      response.end(file)
    }
  })
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
