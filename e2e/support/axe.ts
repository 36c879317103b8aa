import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

type Axe = { run(options: object): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }> }

const script = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const everything = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What WCAG 2.2 (A and AA) and axe's best practices, or these rules alone, find wrong on a page, as `rule: places`. */
export async function violations(page: Page, rules = everything): Promise<string[]> {
  await page.evaluate(await script)
  const found = await page.evaluate(async (runOnly) => {
    const { axe } = globalThis as unknown as { axe: Axe }
    const { violations } = await axe.run({ runOnly, resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  }, rules)
  return found
}
