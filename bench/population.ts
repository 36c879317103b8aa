// A database as it is after years: many projects, or many users, written by statements rather than by sign-ups.
import pg from 'pg'
import { makeSealer, parseMasterKeys } from '../packages/server/src/keys/seal.ts'
import { type MacRing, mintCookie, newGrantSecret, refreshToken } from '../packages/server/src/sessions/credential.ts'
import { systemRandom } from '../packages/server/src/world.ts'
import type { PostgresServer } from '../packages/server/test/support/postgres.ts'
import { type Headgear, masterKey, projectConfig, projectId } from './headgear.ts'

/** What one signed-in person's browser and app hold. */
export type Live = { host: string; cookie: string; refreshToken: string }

const sealer = makeSealer(parseMasterKeys(masterKey), systemRandom)

/** The size of the installation; every user has a login name, a password, a browser session and a grant. */
export type Size = { projects: number; usersOfEach: number }

/**
 * Fills the database of a server that has just begun.
 * @returns credentials of `live` of its people, over all projects and evenly over the users.
 */
export async function populate(
  headgear: Headgear,
  postgres: PostgresServer,
  size: Size,
  live: number,
): Promise<Live[]> {
  const url = new URL(postgres.url)
  url.pathname = new URL(headgear.databaseUrl ?? '').pathname
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    // Nothing is announced, nobody may be awaited, and the rows are known to fit each other.
    await client.query(`set session_replication_role = replica; set maintenance_work_mem = '512MB'`)
    const projects = await cloneProject(client, headgear.port, size.projects)
    const people = await insertPeople(client, projects, size.usersOfEach, live)
    await client.query('analyze')
    return people
  } finally {
    await client.end()
  }
}

type MadeProject = { id: string; host: string; ring: MacRing }

async function cloneProject(client: pg.Client, port: number, count: number): Promise<MadeProject[]> {
  const first = (await client.query('select secrets from project where id = $1', [projectId])).rows[0]
  const secrets = sealer.open(first.secrets, `project ${projectId}`)
  const keys = (await client.query('select * from signing_key where project_id = $1', [projectId])).rows.map((row) => ({
    ...row,
    private_key: sealer.open(row.private_key, `signing_key ${projectId}`),
  }))
  const macs = (await client.query('select * from mac_key where project_id = $1', [projectId])).rows
  const ringOf = (secret: Buffer): MacRing => ({ current: 1, keys: new Map([[1, secret]]) })
  const made: (MadeProject & Record<string, unknown>)[] = []
  for (let n = 1; n < count; n++) {
    const id = `p${n}`
    const host = `${id}.localhost`
    const origin = `http://${host}:${port}`
    const mac = systemRandom(32)
    made.push({
      id,
      host: `${host}:${port}`,
      ring: ringOf(mac),
      hostKey: host,
      origin,
      config: projectConfig(id, origin),
      secrets: sealer.seal(secrets, `project ${id}`),
      mac: sealer.seal(mac, `mac_key ${id}`),
      keys: keys.map((key) => sealer.seal(key.private_key, `signing_key ${id}`)),
    })
  }
  const column = (name: string) => made.map((one) => one[name])
  await client.query(
    `with p as (insert into project select id, 1, config, secrets, now(), now()
        from unnest($1::text[], $2::text[], $3::text[]) as v (id, config, secrets)),
      h as (insert into project_host select host, id, origin, false
        from unnest($4::text[], $1::text[], $5::text[]) as v (host, id, origin))
     insert into mac_key select id, 1, secret, now(), null from unnest($1::text[], $6::text[]) as v (id, secret)`,
    [column('id'), column('config'), column('secrets'), column('hostKey'), column('origin'), column('mac')],
  )
  for (const [index, key] of keys.entries())
    await client.query(
      `insert into signing_key select v.id, k.id, k.algorithm, v.private_key, k.public_key, k.created_at, k.signs_from
       from unnest($1::text[], $2::text[]) as v (id, private_key), signing_key k where k.project_id = $3 and k.id = $4`,
      [column('id'), made.map((one) => (one.keys as string[])[index]), projectId, key.id],
    )
  const own = ringOf(sealer.open(macs[0].secret, `mac_key ${projectId}`))
  return [{ id: projectId, host: `localhost:${port}`, ring: own }, ...made]
}

async function insertPeople(client: pg.Client, projects: readonly MadeProject[], users: number, live: number) {
  const ids = projects.map((project) => project.id)
  const everyone = `from unnest($1::text[]) as p, generate_series(1, ${users}) as n`
  const userId = `md5(p || ' ' || n)::uuid`
  // Indexes are built afterwards, which takes a third of the time.
  const { rows: indexes } = await client.query(
    `select indexname as name, indexdef as text from pg_indexes where schemaname = 'public'
       and tablename in ('end_user', 'identity', 'authenticator', 'idp_session', 'offline_grant')
       and indexname not like '%\\_pkey'`,
  )
  for (const { name } of indexes) await client.query(`drop index ${name}`)
  await client.query(
    `insert into end_user (project_id, id, created_at, updated_at, standard_attributes)
     select p, ${userId}, now(), now(), jsonb_build_object('preferred_username', 'user' || n) ${everyone}`,
    [ids],
  )
  await client.query(
    `insert into identity (project_id, id, user_id, type, unique_key, login_id_key, login_id_type, login_id,
       original_login_id, claims, created_at, updated_at)
     select p, ${userId}, ${userId}, 'login_id', 'username:user' || n, 'username', 'username', 'user' || n, 'user' || n,
       jsonb_build_object('preferred_username', 'user' || n), now(), now() ${everyone}`,
    [ids],
  )
  await client.query(
    `insert into authenticator (project_id, id, user_id, type, kind, is_default, secret, created_at, updated_at)
     select p, ${userId}, ${userId}, 'password', 'primary', true, 'nobody signs in with it', now(), now() ${everyone}`,
    [ids],
  )
  const session = `insert into idp_session (project_id, id, user_id, origin, auth_time, amr, created_at, created_ip,
    last_access_at, last_access_ip, user_agent) select p, s, u, 'http://localhost', now(), '{pwd}', now(), '127.0.0.1', now(),
    '127.0.0.1', 'bench'`
  const grant = `insert into offline_grant (project_id, id, user_id, kind, client_id, idp_session_id, sso, origin, scopes,
    auth_time, amr, created_at, created_ip, last_access_at, last_access_ip, user_agent, has_refresh_token, generation,
    seen_generation, key_ids, rotated_at) select p, g, u, 'code', 'ES256', s, true, 'http://localhost',
    '{openid,offline_access}', now(), '{pwd}', now(), '127.0.0.1', now(), '127.0.0.1', 'bench', true, 0, 0, '{1}', '{}'`
  const rest = `(select p, ${userId} as u, decode(md5('s' || p || n), 'hex') as s, decode(md5('g' || p || n), 'hex') as g
    ${everyone}) as v`
  await client.query(`${session} from ${rest}`, [ids])
  await client.query(`${grant} from ${rest}`, [ids])

  const people = Array.from({ length: live }, (_, index) => {
    const project = projects[Math.floor((index * projects.length) / live)] as MadeProject
    const n = 1 + Math.floor((((index * projects.length) / live) % 1) * users)
    const from = { ring: project.ring, projectId: project.id, random: systemRandom }
    const cookie = mintCookie('session', from)
    const { secret, id } = newGrantSecret(project.id, systemRandom)
    return { project, n, cookie, grant: id, refreshToken: refreshToken({ secret, generation: 0, keyId: 1 }, from) }
  })
  const chosen = `(select p, ${userId} as u, s, g
    from unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[]) as l (p, n, s, g)) as v`
  const columns = [
    people.map(({ project }) => project.id),
    people.map(({ n }) => n),
    people.map(({ cookie }) => cookie.id),
    people.map(({ grant }) => grant),
  ]
  await client.query(`${session} from ${chosen}`, columns)
  await client.query(`${grant} from ${chosen}`, columns)
  for (const { text } of indexes) await client.query(text)
  return people.map(({ project, cookie, refreshToken }) => ({
    host: project.host,
    cookie: `session=${cookie.token}`,
    refreshToken,
  }))
}
