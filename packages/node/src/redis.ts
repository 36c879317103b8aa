// Keeps sessions in a server that speaks Redis's protocol: Redis 6.2 and later, Valkey, and others that run Lua.
import type { SessionStore, StoredSession } from './store.ts'

/** Sends one command, such as `('GET', 'key')`, and gives its reply. */
export type Command = (...parts: string[]) => Promise<unknown>

// Each script works on one key, as a cluster needs. KEYS[1] is a hash of data, version, and the claim on that version.
const scripts = {
  create: `redis.call('HSET', KEYS[1], 'data', ARGV[1], 'version', 1, 'began', ARGV[2])
    redis.call('PEXPIREAT', KEYS[1], ARGV[3])`,
  claim: `if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local claimed = redis.call('HGET', KEYS[1], 'claimed')
    if claimed and tonumber(claimed) > now then return 0 end
    redis.call('HSET', KEYS[1], 'claimed', now + ARGV[2])
    return 1`,
  release: `if redis.call('HGET', KEYS[1], 'version') == ARGV[1] then redis.call('HDEL', KEYS[1], 'claimed') end`,
  replace: `if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'data', ARGV[2], 'version', ARGV[1] + 1)
    redis.call('HDEL', KEYS[1], 'claimed')
    redis.call('PEXPIREAT', KEYS[1], ARGV[3])
    return 1`,
  removeBefore: `local began = redis.call('HGET', KEYS[1], 'began')
    if began and tonumber(began) < tonumber(ARGV[1]) then redis.call('DEL', KEYS[1]) end`,
  deny: `local held = redis.call('GET', KEYS[1])
    local before = (held and tonumber(held) > tonumber(ARGV[1])) and held or ARGV[1]
    redis.call('SET', KEYS[1], before, 'PXAT', ARGV[2])`,
  /** The keys of a user's sessions, or of those of one `sid`, by when they expire. */
  note: `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
    redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
    redis.call('PEXPIREAT', KEYS[1], ARGV[2])`,
}

/**
 * A store on such a server. `command` is how the app's client sends one: `(...parts) => client.sendCommand(parts)` of
 * `redis`, `(name, ...parts) => client.call(name, ...parts)` of `ioredis`. Keys begin with `prefix`.
 */
export function redisStore(command: Command, prefix = 'headgear:'): SessionStore {
  const session = (key: string) => `${prefix}session:${key}`
  const set = (kind: 'sid' | 'sub', id: string) => `${prefix}${kind}:${id}`
  const denied = (name: string) => `${prefix}denied:${name}`
  const run = (script: keyof typeof scripts, key: string, ...values: (string | number)[]) =>
    command('EVAL', scripts[script], '1', key, ...values.map(String))

  async function note(key: string, { sid, sub, expiresAt }: StoredSession): Promise<void> {
    for (const name of [set('sub', sub), ...(sid === null ? [] : [set('sid', sid)])])
      await run('note', name, key, expiresAt.getTime(), Date.now())
  }

  return {
    async create(key, kept) {
      // Noted first: a note of a session that never came to be does no harm.
      await note(key, kept)
      await run('create', session(key), kept.data, kept.signedInAt.getTime(), kept.expiresAt.getTime())
    },

    async read(key) {
      const [data, version] = (await command('HMGET', session(key), 'data', 'version')) as (string | null)[]
      return data == null ? undefined : { data: String(data), version: Number(version) }
    },

    claim: async (key, version, ms) => Number(await run('claim', session(key), version, Math.ceil(ms))) === 1,

    async release(key, version) {
      await run('release', session(key), version)
    },

    async replace(key, version, kept) {
      await note(key, kept)
      return Number(await run('replace', session(key), version, kept.data, kept.expiresAt.getTime())) === 1
    },

    async remove(key) {
      await command('DEL', session(key))
    },

    async removeAll(of) {
      const name = 'sid' in of ? set('sid', of.sid) : set('sub', of.sub)
      for (const key of (await command('ZRANGE', name, '0', '-1')) as string[]) {
        if ('sid' in of) await command('DEL', session(String(key)))
        else await run('removeBefore', session(String(key)), of.until.getTime())
      }
    },

    async deny(name, before, expires) {
      await run('deny', denied(name), before.getTime(), expires.getTime())
    },

    async denied(names, began) {
      const found = await Promise.all(names.map((name) => command('GET', denied(name))))
      return found.some((before) => before != null && Number(before) > began.getTime())
    },
  }
}
