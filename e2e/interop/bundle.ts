// An app for the browser, bundled by vite and served as it would be in production.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, preview } from 'vite'
import { freePort } from '../support/free_port.ts'

export type Bundle = AsyncDisposable & { origin: string }

/** Builds the folder beside this file into `outDir`. */
export async function buildBundle(folder: string, outDir: string) {
  const built = { outDir, emptyOutDir: true, target: 'es2022' } as const
  const site = { root: join(import.meta.dirname, folder), configFile: false, logLevel: 'warn', build: built } as const
  await build(site)
  return site
}

/** Builds the folder beside this file and serves it; every path that is no file is its index.html. */
export async function serveBundle(folder: string): Promise<Bundle> {
  const outDir = await mkdtemp(join(tmpdir(), 'headgear-bundle-'))
  const port = await freePort()
  const site = await buildBundle(folder, outDir)
  const served = await preview({ ...site, preview: { host: '127.0.0.1', port, strictPort: true } })
  return {
    origin: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      await served.close()
      await rm(outDir, { recursive: true, force: true })
    },
  }
}
