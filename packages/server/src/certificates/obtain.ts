// Certificates of this node: had on demand at a host's first handshake, shared with the other nodes through the database,
// renewed by the upkeep. One node at a time orders for a name; a host that no project has costs no order.

import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Sealer } from '../keys/seal.ts'
import { charge } from '../limits/rate.ts'
import type { Directory, Project } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { after, type World } from '../world.ts'
import { type Authority, orderCertificate } from './authority.ts'
import { isCertifiable, renewAt, retryAt } from './renewal.ts'
import {
  type Certificate,
  claimOrder,
  deleteCertificate,
  dueForRenewal,
  findCertificate,
  noteFailure,
  releaseOrders,
  saveCertificate,
} from './store.ts'

export type Certificates = {
  /**
   * What a handshake for this name is answered with; waits for an order that it takes. Undefined when no project is
   * served there, or no certificate can be had now.
   */
  contextFor(name: string): Promise<SecureContext | undefined>
  /** Renews what is due. Settles when it is done; a call meanwhile waits for the same. */
  renewDue(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds after which a node looks whether another has renewed. */
const readAgainAfter = 60_000
const orderSeconds = 150
/** Seconds after which the place of a node that ordered and died is free. */
const placeSeconds = 180
/** How long a handshake is worth waiting for, in seconds. */
export const handshakeSeconds = 30
/** Orders under way at once on this node; others wait their turn. */
const mostOrders = 5
/** Renewals that one sweep begins. */
const mostRenewals = 100
/** Orders for hosts of one project, so that it does not use up what the authority allows us all. */
const ordersPerProject = { enabled: true, period: 3600, burst: 20 } as const

export function certificatesOf(
  parts: { world: World; sealer: Sealer; directory: Directory },
  authority: Authority,
): Certificates {
  const { world, sealer, directory } = parts
  const { clock, log } = world
  const { query } = world.db
  type Kept = { context: SecureContext; chain: string; notAfter: Date; readAt: number }
  const contexts = new LRUCache<string, Kept>({ max: 5000 })
  const asked = new Map<string, Promise<SecureContext | undefined>>()
  const orders = new Map<string, Promise<void>>()
  let renewing: Promise<void> | undefined
  let stopped = false

  async function projectAt(name: string): Promise<Project | undefined> {
    return isCertifiable(name) ? (await directory.byHost(name))?.project : undefined
  }

  function keep({ name, chain, key, notAfter }: Certificate): SecureContext {
    const known = contexts.peek(name)
    const context = known?.chain === chain ? known.context : createSecureContext({ cert: chain, key })
    contexts.set(name, { context, chain, notAfter, readAt: clock.now().getTime() })
    return context
  }

  /** Whether another node has renewed meanwhile, and whether the host is still ours. Without a database, all stays. */
  async function readAgain(name: string): Promise<SecureContext | undefined> {
    const held = (await projectAt(name)) && (await findCertificate(query, sealer, name))?.held
    if (held !== undefined) return keep(held)
    contexts.delete(name)
    return undefined
  }

  async function obtain(name: string, project: Project): Promise<SecureContext | undefined> {
    const deadline = clock.monotonic() + handshakeSeconds * 1000
    for (;;) {
      const found = await findCertificate(query, sealer, name)
      const now = clock.now()
      if (found?.held !== undefined && found.held.notAfter > now) return keep(found.held)
      if (found?.retryAt != null && found.retryAt > now) return undefined
      await order(name, project)
      if (contexts.has(name)) continue
      if (stopped || clock.monotonic() > deadline) return undefined
      await sleep(300) // Another node orders, or has failed just now.
    }
  }

  /** Orders, unless somebody else does or a pause lasts. How it went is in the table. */
  async function order(name: string, project: Project): Promise<void> {
    while (orders.size >= mostOrders && !orders.has(name)) await Promise.race(orders.values())
    if (stopped) return
    const going = orders.get(name) ?? orderNow(name, project).finally(() => orders.delete(name))
    orders.set(name, going)
    await going
  }

  async function orderNow(name: string, project: Project): Promise<void> {
    const begun = clock.now()
    const failures = await claimOrder(query, name, { now: begun, until: after(begun, placeSeconds) })
    if (failures === undefined) return
    try {
      await count(project, begun)
      const issued = await within(orderSeconds, orderCertificate(parts, authority, name))
      const made = { name, chain: issued.chain, key: issued.key, notAfter: issued.notAfter, renewAt: renewAt(issued) }
      await saveCertificate(query, sealer, made, clock.now())
      keep(made)
      log.info({ domain: name, project: project.id, not_after: issued.notAfter }, 'a certificate was issued')
    } catch (error) {
      if (stopped) return
      const now = clock.now()
      const [reason, retry] = [(error as Error).message.slice(0, 1000), retryAt(failures + 1, now)]
      await noteFailure(query, name, { reason, retryAt: retry, now })
      log.error({ domain: name, project: project.id, reason, retry_at: retry }, 'no certificate could be had')
    }
  }

  async function count(project: Project, now: Date): Promise<void> {
    const bucket = { name: 'CertificateOrder', group: 'certificates', per: 'per_project', of: [] } as const
    await charge({ projectId: project.id, query }, [{ ...bucket, limit: ordersPerProject }], now).catch((error) => {
      if (!(error instanceof Refusal)) throw error
      throw new Error(`${ordersPerProject.burst} orders an hour for hosts of one project are enough`)
    })
  }

  async function load(name: string): Promise<SecureContext | undefined> {
    const project = await projectAt(name)
    return project && obtain(name, project)
  }

  async function renewEach(): Promise<void> {
    for (const name of await dueForRenewal(query, clock.now(), mostRenewals)) {
      if (stopped) return
      const project = await projectAt(name)
      // Asked for again when it is served again.
      if (project === undefined) await deleteCertificate(query, name)
      else await order(name, project)
    }
  }

  return {
    async contextFor(text) {
      const name = text.toLowerCase()
      const now = clock.now().getTime()
      const kept = contexts.get(name)
      if (kept !== undefined && kept.notAfter.getTime() > now) {
        if (now - kept.readAt > readAgainAfter) {
          kept.readAt = now
          readAgain(name).catch((error: Error) => log.debug({ err: error, domain: name }, 'a certificate was not read'))
        }
        return kept.context
      }
      contexts.delete(name)
      const loading = asked.get(name) ?? load(name).finally(() => asked.delete(name))
      asked.set(name, loading)
      return loading
    },
    renewDue() {
      renewing ??= renewEach()
        .catch((error: Error) =>
          log.warn({ err: error }, 'certificates could not be renewed; the next sweep tries again'),
        )
        .finally(() => {
          renewing = undefined
        })
      return renewing
    },
    async stop() {
      stopped = true
      // An order may take minutes. What it made is lost; its place is not.
      await releaseOrders(query, [...orders.keys()]).catch(() => {})
    },
  }
}

async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = sleep(seconds * 1000, undefined, { signal: over.signal, ref: false }).then(() => {
    throw new Error(`the authority took more than ${seconds} seconds`)
  })
  late.catch(() => {})
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
