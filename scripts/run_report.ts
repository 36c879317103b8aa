// What a test run says besides Vitest's own summary.
import { appendFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints `note` after the summary, so that a run which left something out says so where people look.
 * When `HEADGEAR_TEST_TALLY` names a file, appends the line `<passed> <failed>`, which `.ci/run` adds up.
 */
export function runReport(note?: string): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const tally = process.env.HEADGEAR_TEST_TALLY
      if (tally !== undefined)
        appendFileSync(tally, `${count(modules, 'passed')} ${failures(modules) + unhandledErrors.length}\n`)
      if (note !== undefined) console.log(`${note}\n`)
    },
  }
}

function count(modules: readonly TestModule[], state: 'passed' | 'failed'): number {
  return modules.reduce((sum, module) => sum + [...module.children.allTests(state)].length, 0)
}

// A file that cannot be loaded, or whose hooks throw, has failed even when no test of it ran.
function failures(modules: readonly TestModule[]): number {
  const silent = modules.filter((module) => module.state() === 'failed' && count([module], 'failed') === 0)
  return count(modules, 'failed') + silent.length
}
