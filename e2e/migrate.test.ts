// `headgear migrate` on PostgreSQL, as an operator runs it before the first server.
import { expect, test } from 'vitest'
import { findPostgres, startPostgres } from '../packages/server/test/support/postgres.ts'
import { runHeadgear, startServer } from './support/server.ts'

test.runIf(findPostgres() !== undefined)(
  'brings an empty database up to date, has nothing to do a second time, and leaves it ready to serve',
  async () => {
    await using postgres = await startPostgres()
    const { url } = await postgres.createDatabase()
    const args = ['--database-url', url]
    const first = await runHeadgear(['migrate', ...args])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toMatch(/^0001_projects\n/)
    expect(await runHeadgear(['migrate', ...args])).toMatchObject({ code: 0, stdout: 'the schema is up to date\n' })

    const env = { HEADGEAR_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }
    await using server = await startServer({ args, env })
    expect(server.log().at(-1)).toMatchObject({ msg: 'ready', database: 'postgres' })
  },
)
