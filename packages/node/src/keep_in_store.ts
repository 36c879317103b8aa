// Sessions that live in a store; the cookie holds a random id, the store its digest. Of all processes, one renews.
import { base64url } from 'jose'
import type { CookieWriter } from './cookies.ts'
import { reaching, Unavailable } from './errors.ts'
import type { Ask, Held, Keeper, Kept } from './held.ts'
import type { Sealer } from './seal.ts'
import type { SessionStore, StoredSession } from './store.ts'

const cookieLifetime = 400 * 86_400
/** How often others look whether the one that renews has done so. */
const lookMs = 50

export type StoreSurroundings = {
  store: SessionStore
  sealer: Sealer
  writer: CookieWriter
  now(): Date
  /** How long one renewal can take at most. */
  renewalMs: number
  /** How long a session is kept that nobody uses. */
  idleMs: number
}

export function keepInStore({ store, sealer, writer, now, renewalMs, idleMs }: StoreSurroundings): Keeper {
  const renewals = new Map<string, Promise<Kept | 'ended'>>()

  async function row(key: string, { identity, grant }: Held): Promise<StoredSession> {
    return {
      data: await sealer.seal('stored session', { key, identity, grant }),
      sid: identity.sid ?? null,
      sub: identity.sub,
      signedInAt: new Date(identity.signedInAt),
      expiresAt: new Date(now().getTime() + idleMs),
    }
  }

  async function read(key: string): Promise<Held | undefined> {
    const found = await store.read(key)
    const content = found && (await sealer.open('stored session', found.data))
    // A row that was copied under another key is not that session's.
    if (content?.key !== key) return undefined
    return { ...(content as unknown as Held), version: found?.version ?? 0 }
  }

  /** Renews, or waits for the process that does. One that dies leaves its claim, which ends by itself. */
  async function renewOnce(held: Held, ask: Ask): Promise<Kept | 'ended'> {
    const key = await digest(held.identity.id)
    const version = held.version ?? 0
    const deadline = performance.now() + renewalMs
    while (!(await store.claim(key, version, renewalMs + 1000))) {
      const found = await read(key)
      if (found === undefined) return 'ended'
      if (found.version !== version) return { held: found, lines: [] }
      if (performance.now() > deadline)
        throw new Unavailable('another process has been renewing this session for too long')
      await new Promise((resolve) => setTimeout(resolve, lookMs))
    }
    try {
      const grant = await ask(held)
      if (grant === 'ended') return 'ended'
      const next: Held = { identity: held.identity, grant, version: version + 1 }
      const written = await store.replace(key, version, await row(key, next))
      if (written) return { held: next, lines: [] }
      // It was signed out meanwhile, or a process took over that had waited longer than a claim holds.
      const found = await read(key)
      return found === undefined ? 'ended' : { held: found, lines: [] }
    } catch (error) {
      await store.release(key, version).catch(() => {})
      throw error
    }
  }

  const inStore = <T>(work: () => Promise<T>) => reaching('the session store', work)

  return {
    open: (cookies) =>
      inStore(async () => {
        const id = cookies.get(writer.name(''))
        const held = id && (await read(await digest(id)))
        return held ? { held, lines: [] } : undefined
      }),

    begin: (held, cookies) =>
      inStore(async () => {
        const { id } = held.identity
        const key = await digest(id)
        await store.create(key, await row(key, held))
        const replaced = cookies.get(writer.name(''))
        if (replaced !== undefined) await store.remove(await digest(replaced))
        return [writer.set('', id, cookieLifetime)]
      }),

    renew(held, ask) {
      const { id } = held.identity
      const underway = renewals.get(id)
      if (underway !== undefined) return underway
      const renewal = inStore(() => renewOnce(held, ask)).finally(() => renewals.delete(id))
      renewals.set(id, renewal)
      return renewal
    },

    end: (ended) =>
      inStore(async () => {
        if ('id' in ended) await store.remove(await digest(ended.id))
        else await store.removeAll(ended)
      }),

    hasEnded: async () => false,

    clear: () => [writer.clear('')],
  }
}

async function digest(id: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(id))))
}
