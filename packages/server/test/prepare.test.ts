// Nodes of a fleet start together, on a database that is empty or a day older than they are.
import { describe, expect, test } from 'vitest'
import { openPostgres } from '../src/storage/database.ts'
import { prepare } from '../src/storage/prepare.ts'
import { createDatabase } from './support/postgres.ts'
import { onPostgres } from './support/store.ts'

describe.runIf(onPostgres)('several nodes', () => {
  test('bring one database up to date at once', async () => {
    const database = await createDatabase()
    const nodes = await Promise.all(Array.from({ length: 4 }, () => openPostgres(database.url)))
    try {
      const ran = await Promise.all(nodes.map((db) => prepare(db)))
      expect(ran.filter((names) => names.length > 0)).toHaveLength(1)
      for (const { name } of (await nodes[0]?.run<{ name: string }>(
        "select relname as name from pg_class where relname ~ '^event_[0-9]{8}$'",
        [],
      )) ?? [])
        await nodes[0]?.run(`drop table "${name}"`, [])
      await Promise.all(nodes.map((db) => prepare(db)))
    } finally {
      await Promise.all(nodes.map((db) => db.close()))
      await database.drop()
    }
  })
})
