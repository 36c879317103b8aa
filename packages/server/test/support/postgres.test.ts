// Fault tests stand on these promises, so they are tested too.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { createDatabase, startPostgres } from './postgres.ts'

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    client.end().catch(() => {})
  }
}

describe.runIf(process.env.HEADGEAR_TEST_STORE === 'postgres')('PostgreSQL for tests', () => {
  test('gives each caller an empty database, and drops it under open connections', async () => {
    const [first, second] = [await createDatabase(), await createDatabase()]
    await query(first.url, 'CREATE TABLE mine (id int)')
    expect(await query(second.url, "SELECT to_regclass('mine') AS found")).toEqual([{ found: null }])

    const open = new pg.Client({ connectionString: first.url })
    open.on('error', () => {})
    await open.connect()
    await first.drop()
    await second.drop()
    await expect(query(first.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })
    open.end().catch(() => {})
  })

  test('loses nothing committed when killed, answers nothing while stopped or frozen, and leaves nothing behind', async () => {
    const server = await startPostgres({ durable: true })
    try {
      const { url } = await server.createDatabase()
      const [{ data_directory: data }] = (await query(server.url, 'SHOW data_directory')) as [
        { data_directory: string },
      ]
      await query(url, 'CREATE TABLE kept (id int)')
      await query(url, 'INSERT INTO kept VALUES (1)')

      await server.kill()
      await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await server.start()
      expect(await query(url, 'SELECT * FROM kept')).toEqual([{ id: 1 }])

      await server.stop()
      await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await server.start()

      const held = new pg.Client({ connectionString: url, query_timeout: 300 })
      await held.connect()
      await server.freeze()
      await expect(held.query('SELECT 1')).rejects.toThrow(/timeout/)
      await server.thaw()
      expect(await query(url, 'SELECT * FROM kept')).toEqual([{ id: 1 }])
      held.end().catch(() => {})

      await server.remove()
      expect(existsSync(dirname(data))).toBe(false)
    } finally {
      await server.remove()
    }
  })

  test('is ended and deleted when the tests are killed outright', async () => {
    const script = `
      const { startPostgres } = await import(${JSON.stringify(new URL('postgres.ts', import.meta.url).href)})
      const server = await startPostgres()
      console.log(server.url)
      setInterval(() => {}, 1000)`
    const tests = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [url] = (
      await new Promise<string>((resolve) => tests.stdout.once('data', (text) => resolve(String(text))))
    ).split('\n') as [string]
    const [{ data_directory: data }] = (await query(url, 'SHOW data_directory')) as [{ data_directory: string }]
    tests.kill('SIGKILL')

    const deadline = performance.now() + 10_000
    while (existsSync(dirname(data)) && performance.now() < deadline) await sleep(100)
    expect(existsSync(dirname(data))).toBe(false)
    expect((await promisify(execFile)('ps', ['-A', '-o', 'args='])).stdout).not.toContain(data)
  })
})
