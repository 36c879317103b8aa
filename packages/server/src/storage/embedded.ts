// The embedded database: a data directory, locked while it is open, restored from the build's template when it is new.
import { existsSync, mkdirSync } from 'node:fs'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { type Database, type OnStatement, openEmbedded } from './database.ts'

/** Where the build put the prepared data directory: schema in place, no secret and no id inside. */
export const templateFile = new URL('../../dist/embedded-template.tar.gz', import.meta.url)

async function template(): Promise<Blob | undefined> {
  return existsSync(templateFile) ? new Blob([await readFile(templateFile)]) : undefined
}

/** An embedded database in memory, for tests: gone when closed. */
export async function openInMemory(onStatement?: OnStatement): Promise<Database> {
  const loadDataDir = await template()
  return openEmbedded(await PGlite.create(loadDataDir ? { loadDataDir } : {}), onStatement)
}

/**
 * Opens the data directory, and makes it on first use; one whose making was cut short is made anew. PGlite has no lock
 * of its own, so one is taken here.
 * @throws Error when another process has it open.
 */
export async function openDataDirectory(directory: string): Promise<Database> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const unlock = await lock(directory)
  try {
    const dataDir = join(directory, 'data')
    // Stands beside the data while it is being made, and only then may it be thrown away.
    const unfinished = join(directory, 'unfinished')
    if (existsSync(unfinished)) await rm(dataDir, { recursive: true, force: true })
    const fresh = !existsSync(join(dataDir, 'PG_VERSION'))
    if (fresh) await writeFile(unfinished, '', { mode: 0o600 })
    const loadDataDir = fresh ? await template() : undefined
    const database = openEmbedded(await PGlite.create({ dataDir, ...(loadDataDir ? { loadDataDir } : {}) }))
    if (fresh) await rm(unfinished)
    return {
      ...database,
      async close() {
        await database.close()
        await unlock()
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

// The lock names its holder, so that one left behind by a killed process is taken over.
async function lock(directory: string): Promise<() => Promise<void>> {
  const file = join(directory, 'lock')
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(String(process.pid))
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = Number(await readFile(file, 'utf8').catch(() => ''))
      if (holder > 0 && holder !== process.pid && isRunning(holder))
        throw new Error(`the data directory ${directory} is in use by process ${holder}`)
      await rm(file, { force: true })
    }
  }
  await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 })
  return () => rm(file, { force: true })
}
