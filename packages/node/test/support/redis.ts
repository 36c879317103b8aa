// A server that speaks Redis's protocol, for one test file: on loopback, in memory, gone when the tests are.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createClient } from '@redis/client'
import { freePort } from '../../../server/test/support/free_port.ts'

/** Path of an installed server, or undefined. */
export function findRedis(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const found = ['redis-server', 'valkey-server']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path))
  if (found === undefined && process.env.HEADGEAR_REQUIRE_REDIS === '1')
    throw new Error('HEADGEAR_REQUIRE_REDIS=1, but neither redis-server nor valkey-server was found')
  return found
}

export type RedisServer = { command(...parts: string[]): Promise<unknown>; stop(): Promise<void> }

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort()
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/']
  // The shell's input ends with this process, however that ends.
  const script = '"$@" >/dev/null & server=$!; cat; kill -KILL $server'
  const shell = spawn('/bin/sh', ['-c', script, 'sh', findRedis() ?? 'redis-server', ...options], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const client = createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: 50 } })
  client.on('error', () => {}) // it is not there yet
  await client.connect()
  return {
    command: (...parts) => client.sendCommand(parts),
    async stop() {
      client.destroy()
      const gone = new Promise((resolve) => shell.once('exit', resolve))
      shell.stdin.end()
      await gone
    },
  }
}
