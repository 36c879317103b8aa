// Vitest's global set-up of the project "postgres": one server for the whole run, unless one is named already.
import { startPostgres } from './postgres.ts'

export default async function postgresForRun(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.HEADGEAR_TEST_DATABASE_URL !== undefined) return undefined
  const server = await startPostgres()
  process.env.HEADGEAR_TEST_DATABASE_URL = server.url // workers inherit it
  return server.remove
}
