// One process is one node: the world it touches, the projects it knows, the sessions it remembers.

import type { Authority } from './certificates/authority.ts'
import { type Certificates, certificatesOf } from './certificates/obtain.ts'
import { type DeliveryQueue, deliveryQueue } from './delivery/queue.ts'
import { type FeedNews, feedNews } from './events/feed.ts'
import { type LogPoll, logPoll } from './events/poll.ts'
import type { TrustedProxies } from './http/proxy.ts'
import { type MasterKey, makeSealer, type Sealer } from './keys/seal.ts'
import { deliver } from './messaging/send.ts'
import { deliverLogout } from './oauth/back_channel_logout.ts'
import { type Directory, projectDirectory } from './projects/find.ts'
import { type Sessions, sessionsOf } from './sessions/resolve.ts'
import type { World } from './world.ts'

export type Node = {
  world: World
  sealer: Sealer
  log: LogPoll
  directory: Directory
  sessions: Sessions
  feed: FeedNews
  queue: DeliveryQueue
  /** There when this node has TLS of its own. */
  certificates: Certificates | undefined
  trusted: TrustedProxies
  /** The development surface is served. */
  development: boolean
  /** Writes what is waiting and lets go; the database stays open. */
  stop(): Promise<void>
}

export type NodeOptions = {
  world: World
  masterKeys: readonly MasterKey[]
  trusted: TrustedProxies
  development?: boolean
  baseHost?: string | undefined
  authority?: Authority | undefined
}

/** Puts a node together. Nothing runs until `start`. */
export function makeNode(options: NodeOptions): Node {
  const { world } = options
  const sealer = makeSealer(options.masterKeys, world.random)
  const log = logPoll(world.db, world.clock, world.log)
  const sessions = sessionsOf(world, log)
  const directory = projectDirectory({ query: world.db.query, sealer, log, baseHost: options.baseHost })
  const queue = deliveryQueue(world, sealer, {
    message: (body, attempt) => deliver({ world, directory }, body, attempt),
    logout: (body, attempt) => deliverLogout({ world, directory }, body, attempt),
  })
  const certificates = options.authority && certificatesOf({ world, sealer, directory }, options.authority)
  return {
    world,
    sealer,
    log,
    directory,
    sessions,
    feed: feedNews(log),
    queue,
    certificates,
    trusted: options.trusted,
    development: options.development ?? false,
    async stop() {
      await certificates?.stop()
      await queue.stop()
      await log.stop()
      await sessions.access.stop()
    },
  }
}
