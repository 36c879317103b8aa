// Host → project, before anything else happens. A project in memory is trusted as long as the log is fresh (D13).
import { LRUCache } from 'lru-cache'
import { parseConfig } from '../config/parse.ts'
import type { ClientConfig, Config } from '../config/schema.ts'
import { parseSecrets, type Secrets } from '../config/secrets.ts'
import { touchedBy } from '../events/kinds.ts'
import type { LogPoll } from '../events/poll.ts'
import { givenAt, type MacKeyTimes, signingKeyFromJwk } from '../keys/rotate.ts'
import type { Sealer } from '../keys/seal.ts'
import type { SigningKey } from '../keys/sign.ts'
import { macRing, signingKeys } from '../keys/store.ts'
import type { MacRing } from '../sessions/credential.ts'
import type { Query, Scope } from '../storage/database.ts'
import { hostKey, localOrigin, type Origin, originsOf } from './origins.ts'
import { developmentOrigins, findHost, findProject, type StoredProject } from './store.ts'

export type Project = {
  id: string
  /** Grows with every change of configuration or secrets. */
  version: number
  config: Config
  secrets: Secrets
  /** MAC keys of cookies and tokens. */
  ring: MacRing
  macKeys: readonly MacKeyTimes[]
  signingKeys: readonly SigningKey[]
  /** The hub first. */
  origins: readonly [Origin, ...Origin[]]
  clients: ReadonlyMap<string, ClientConfig>
}

/** Where a request arrived: its project, and the origin it was made to. */
export type Site = { project: Project; origin: Origin; canonical: boolean }

export type Directory = {
  /** @param host the request's host, with its port when it has one. */
  byHost(host: string): Promise<Site | undefined>
  /** The same from memory alone, at once: undefined means «ask `byHost`». */
  warmByHost(host: string): Site | undefined
  byId(id: string): Promise<Project | undefined>
}

export function scopeOf(db: { query: Query }, project: { id: string }): Scope<Query> {
  return { projectId: project.id, query: db.query }
}

async function loadProject(query: Query, sealer: Sealer, stored: StoredProject): Promise<Project> {
  const scope = { projectId: stored.id, query }
  const parsed = parseConfig(stored.config)
  if (!parsed.ok)
    throw new Error(`the stored configuration of ${stored.id} does not parse: ${JSON.stringify(parsed.faults)}`)
  const secrets = parseSecrets(sealer.open(stored.secrets, `project ${stored.id}`).toString())
  if (!secrets.ok) throw new Error(`the stored secrets of ${stored.id} do not parse`)
  const { ring, macKeys } = await macRing(scope, sealer)
  const made = await signingKeys(scope, sealer)
  const local = await developmentOrigins(query, stored.id)
  // Keys given in the secrets file are the operator's: the first of its kind signs, and we make none beside them.
  const given = (secrets.secrets.oauth?.keys ?? []).map((jwk, index) =>
    signingKeyFromJwk(jwk as Record<string, unknown>, givenAt, new Date(1_000_000 - index)),
  )
  const own = made.filter((key) => !given.some((other) => other.algorithm === key.algorithm))
  return {
    id: stored.id,
    version: stored.version,
    config: parsed.config,
    secrets: secrets.secrets,
    ring,
    macKeys,
    signingKeys: [...given, ...own],
    origins: [
      ...originsOf(parsed.config.http),
      ...local.map((origin) => localOrigin(stored.id, origin, parsed.config.http.cookie_prefix)),
    ] as [Origin, ...Origin[]],
    clients: new Map(parsed.config.oauth.clients.map((client) => [client.client_id, client])),
  }
}

/** The directory of a node. `baseHost` serves `<project>.<base host>` beside each project's own origins. */
export function projectDirectory(parts: {
  query: Query
  sealer: Sealer
  log: LogPoll
  baseHost?: string | undefined
}): Directory {
  const { query, sealer, log, baseHost } = parts
  const projects = new LRUCache<string, { loading: Promise<Project | undefined>; turn: number }>({ max: 2000 })
  const hosts = new LRUCache<string, { found: Promise<{ projectId: string } | undefined> }>({ max: 50_000 })
  const sites = new Map<string, Site>()

  /** Counts what was heard, so that an answer put together meanwhile is not remembered. */
  let changes = 0

  log.listen({
    heard(events) {
      for (const event of events) {
        if (!touchedBy(event.kind, event.payload).project) continue
        changes += 1
        projects.delete(event.projectId)
        hosts.clear()
        sites.clear()
      }
    },
    reset() {
      changes += 1
      projects.clear()
      hosts.clear()
      sites.clear()
    },
  })

  async function read(id: string): Promise<Project | undefined> {
    const stored = await findProject(query, id)
    return stored && loadProject(query, sealer, stored)
  }

  async function byId(id: string): Promise<Project | undefined> {
    const known = projects.get(id)
    if (known !== undefined) {
      const project = await known.loading
      if (log.fresh()) return project
      // Behind a silent log the version is asked for; parsing again is not needed when it stands.
      const stored = await findProject(query, id)
      if (stored !== undefined && stored.version === project?.version) return project
      projects.delete(id)
    }
    const turn = log.turn()
    const entry = { loading: read(id), turn }
    projects.set(id, entry)
    entry.loading.then(
      (project) => {
        if (project === undefined && projects.peek(id) === entry) projects.delete(id)
      },
      () => {
        if (projects.peek(id) === entry) projects.delete(id)
      },
    )
    return entry.loading
  }

  async function projectIdOf(key: string): Promise<string | undefined> {
    if (baseHost !== undefined && key.endsWith(`.${baseHost}`)) {
      const label = key.slice(0, -baseHost.length - 1)
      const named = label.includes('.') ? undefined : await byId(label)
      if (named !== undefined) return named.id
    }
    const known = hosts.get(key)
    if (known !== undefined && log.fresh()) return (await known.found)?.projectId
    const entry = { found: findHost(query, key) }
    hosts.set(key, entry)
    entry.found.catch(() => {
      if (hosts.peek(key) === entry) hosts.delete(key)
    })
    return (await entry.found)?.projectId
  }

  return {
    byId,
    warmByHost: (host) => (log.fresh() ? sites.get(host) : undefined),
    async byHost(host) {
      if (!/^[A-Za-z0-9.\-_[\]:]{1,255}$/.test(host)) return undefined
      const key = hostKey(host)
      const heard = changes
      const id = await projectIdOf(key)
      const project = id === undefined ? undefined : await byId(id)
      if (project === undefined) return undefined
      const origin = project.origins.find((candidate) => hostKey(candidate.host) === key)
      const site = { project, origin: origin ?? project.origins[0], canonical: origin !== undefined }
      if (heard === changes && log.fresh()) {
        if (sites.size >= 2000) sites.clear()
        sites.set(host, site)
      }
      return site
    },
  }
}
