import { defineConfig } from 'vitest/config'
import { runReport } from '../scripts/run_report.ts'

// Browsers, proxies and whole servers: one file at a time, each with the machine for itself.
export default defineConfig({
  root: import.meta.dirname,
  // As Node resolves packages: one that is both CommonJS and a module must not be loaded as both.
  ssr: { resolve: { conditions: ['node', 'module-sync'] } },
  test: {
    include: ['**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', runReport()],
  },
})
