// Headgear as a process of its own, with a project for measuring, seen from outside.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runHeadgear, type Server, startServer } from '../e2e/support/server.ts'
import { freePort } from '../packages/server/test/support/free_port.ts'
import type { PostgresServer } from '../packages/server/test/support/postgres.ts'
import { cookiesOf, httpRequest, sendAll } from './load.ts'
import { algorithms, type Provider, redirectUri } from './provider.ts'

/** The published command. */
export const commandFile = fileURLToPath(new URL('../packages/server/bin/headgear.js', import.meta.url))
export const masterKey = Buffer.alloc(32, 7).toString('base64')
export const projectId = 'bench'
export const password = 'a long enough one'

/** `authgear.yaml`: a client for each algorithm; no limit stands in the way of one address that asks for everybody. */
export function projectConfig(id: string, origin: string): string {
  const off = { enabled: false }
  return JSON.stringify({
    id,
    http: { public_origin: origin },
    authentication: {
      identities: ['login_id'],
      rate_limits: {
        general: { per_ip: off, per_user_per_ip: off },
        signup: { per_ip: off },
        account_enumeration: { per_ip: off },
      },
    },
    authentication_flow: { rate_limits: { per_ip: off } },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    oauth: {
      clients: algorithms.map((algorithm) => ({
        client_id: algorithm,
        name: algorithm,
        x_application_type: 'spa',
        redirect_uris: [redirectUri],
        issue_jwt_access_token: true,
        refresh_token_rotation_enabled: true,
        id_token_signed_response_alg: algorithm,
      })),
    },
  })
}

export type Headgear = Provider & {
  /** Signs up with `password`. @returns a Cookie header for each name. */
  signUp(names: readonly string[]): Promise<string[]>
  loginRequest(name: string): Buffer
  databaseUrl: string | undefined
  /** One more node on the same PostgreSQL. @returns its port; it ends with the first. */
  addNode(): Promise<number>
}

/** Starts it on a new database of this PostgreSQL, or else on an embedded one. */
export async function startHeadgear(postgres: PostgresServer | undefined): Promise<Headgear> {
  const folder = await mkdtemp(join(tmpdir(), 'headgear-bench-'))
  const database = await postgres?.createDatabase()
  const port = await freePort()
  const config = join(folder, 'authgear.yaml')
  await writeFile(config, projectConfig(projectId, `http://localhost:${port}`))
  const env = { HEADGEAR_MASTER_KEY: masterKey, NODE_ENV: 'production' }
  const onDatabase = database ? ['--database-url', database.url] : []
  if (database !== undefined) {
    const migrated = await runHeadgear(['migrate', ...onDatabase], { env })
    if (migrated.code !== 0) throw new Error(migrated.stderr)
  }
  const start = (port: number): Promise<Server> =>
    startServer({
      port,
      dataDir: join(folder, `data-${port}`),
      args: ['--config', config, '--hostname', '127.0.0.1', ...onDatabase],
      env,
    })
  const server = await start(port)
  const others: Server[] = []

  const headers = { host: `localhost:${port}`, 'content-type': 'application/json' }
  const flow = (type: string, batch_input: object[]) =>
    httpRequest('POST /api/v1/authentication_flows', headers, JSON.stringify({ type, name: 'default', batch_input }))
  const signUp = async (names: readonly string[]) => {
    const requests = names.map((login_id) =>
      flow('signup', [
        { identification: 'username', login_id },
        { authentication: 'primary_password', new_password: password },
      ]),
    )
    return (await sendAll(port, requests)).map(cookiesOf)
  }
  return {
    name: 'headgear',
    port,
    pid: server.pid,
    paths: { authorize: '/oauth2/authorize', token: '/oauth2/token' },
    scope: 'openid offline_access',
    databaseUrl: database?.url,
    async addNode() {
      const other = await start(await freePort())
      others.push(other)
      return other.port
    },
    signUp,
    signIn: (_, names) => signUp(names),
    loginRequest: (login_id) =>
      flow('login', [
        { identification: 'username', login_id },
        { authentication: 'primary_password', password },
      ]),
    async [Symbol.asyncDispose]() {
      await Promise.all([server, ...others].map((node) => node.stop()))
      await database?.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
