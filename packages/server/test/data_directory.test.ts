// The embedded database's folder after processes that did not end well.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openDataDirectory } from '../src/storage/embedded.ts'
import { onPostgres } from './support/store.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headgear-data-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function opens(): Promise<void> {
  const db = await openDataDirectory(directory)
  try {
    expect(await db.run('select count(*)::int as projects from project', [])).toEqual([{ projects: 0 }])
  } finally {
    await db.close()
  }
}

const opening = `
  const { openDataDirectory } = await import(${JSON.stringify(new URL('../src/storage/embedded.ts', import.meta.url).href)})
  await openDataDirectory(process.argv[1])
  console.log('open')
  setInterval(() => {}, 1000)`

function openElsewhere() {
  return spawn(process.execPath, ['--input-type=module', '-e', opening, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

describe.runIf(!onPostgres)('a data directory', () => {
  test('is one process’s at a time, and free again when that was killed', async () => {
    const other = openElsewhere()
    await new Promise((resolve) => other.stdout.once('data', resolve))
    await expect(openDataDirectory(directory)).rejects.toThrow(`in use by process ${other.pid}`)
    const gone = new Promise((resolve) => other.once('exit', resolve))
    other.kill('SIGKILL')
    await gone
    await opens()
    expect(await readdir(directory)).toEqual(['data'])
  })

  test('whose lock names nobody is free', async () => {
    await writeFile(join(directory, 'lock'), '')
    await opens()
  })

  test('whose making was cut short is made anew', async () => {
    const other = openElsewhere()
    const gone = new Promise((resolve) => other.once('exit', resolve))
    while (!existsSync(join(directory, 'data', 'PG_VERSION'))) await new Promise(setImmediate)
    other.kill('SIGKILL')
    await gone
    await opens()

    await rm(directory, { recursive: true })
    await mkdir(join(directory, 'data'), { recursive: true })
    await writeFile(join(directory, 'unfinished'), '')
    await writeFile(join(directory, 'data', 'PG_VERSION'), '')
    await opens()
    expect(existsSync(join(directory, 'unfinished'))).toBe(false)
  })

  test('is not waited for by who holds it', async () => {
    const db = await openDataDirectory(directory)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const held = db.query.transaction().execute(async (tx) => {
        const asked = db.run('select 1', [])
        await Promise.all([expect(asked).rejects.toThrow(/timeout exceeded/), vi.advanceTimersByTimeAsync(15_000)])
        return sql<{ alive: number }>`select 1 as alive`.execute(tx)
      })
      expect((await held).rows).toEqual([{ alive: 1 }])
      expect(await db.run('select 2 as next', [])).toEqual([{ next: 2 }])
    } finally {
      vi.useRealTimers()
      await db.close()
    }
  })
})
