import { defineConfig } from 'vitest/config'
import { findPostgres } from './packages/server/test/support/postgres.ts'
import { runReport } from './scripts/run_report.ts'

const postgres = process.env.HEADGEAR_TEST_DATABASE_URL !== undefined || findPostgres() !== undefined
if (!postgres && process.env.HEADGEAR_REQUIRE_POSTGRES === '1') {
  throw new Error(
    'HEADGEAR_REQUIRE_POSTGRES=1, but no PostgreSQL was found: install it, or set HEADGEAR_TEST_DATABASE_URL',
  )
}

// Rules need no database. Behaviour is tested on both kinds: the same files, twice.
const behaviour = { include: ['packages/server/test/**/*.test.{ts,tsx}'], testTimeout: 30_000, hookTimeout: 60_000 }

export default defineConfig({
  // As Node resolves packages: one that is both CommonJS and a module must not be loaded as both.
  ssr: { resolve: { conditions: ['node', 'module-sync'] } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  test: {
    maxWorkers: 2,
    reporters: [
      'default',
      runReport(postgres ? undefined : 'tested on the embedded database only: no PostgreSQL found'),
    ],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          testTimeout: 30_000,
          include: ['packages/server/src/**/*.test.{ts,tsx}', 'packages/node/src/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'node',
          include: ['packages/node/test/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          ...(postgres ? { globalSetup: 'packages/server/test/support/postgres_for_run.ts' } : {}),
        },
      },
      { extends: true, test: { ...behaviour, name: 'embedded', env: { HEADGEAR_TEST_STORE: 'embedded' } } },
      ...(postgres
        ? [
            {
              extends: true as const,
              test: {
                ...behaviour,
                name: 'postgres',
                env: { HEADGEAR_TEST_STORE: 'postgres' },
                globalSetup: 'packages/server/test/support/postgres_for_run.ts',
              },
            },
          ]
        : []),
    ],
  },
})
