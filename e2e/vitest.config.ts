import { defineConfig } from 'vitest/config'
import { runReport } from '../scripts/run_report.ts'

// Browsers, proxies and whole servers: one file at a time, each with the machine for itself.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ['**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', runReport()],
  },
})
