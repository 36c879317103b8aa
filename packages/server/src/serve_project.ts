// `headgear serve`: a node, the project of its files or of a first start, and the line that says it is ready.
import { watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { faultLines, readProjectFiles } from './commands.ts'
import type { Fault } from './config/faults.ts'
import { openControl } from './control.ts'
import { reopenPorts } from './dev/projects.ts'
import { defaultProjectConfig, defaultProjectId } from './dev/seed.ts'
import { saveProject } from './projects/save.ts'
import { projectIds } from './projects/store.ts'
import { Refusal } from './refusal.ts'
import { BadSetup, type Running, serve } from './serve.ts'
import type { Settings } from './settings.ts'

/**
 * Serves by the settings of the command line and logs `ready`. With `--config` the file is the project's truth and is
 * followed; with `--dev` and no file a default project is seeded.
 * @throws BadSetup with every fault of the files; nothing is served then.
 */
export async function serveProject(settings: Settings): Promise<Running & { origin: string }> {
  const { configFile, secretsFile } = settings
  const files = configFile === undefined ? undefined : await readProjectFiles(configFile, secretsFile)
  const running = await serve({ drainMs: 500, ...settings })
  const { node } = running
  try {
    let origin = `http://localhost:${running.port}`
    let seeded: { id: string; config: string; secrets?: string } | undefined = files
    if (seeded === undefined && settings.development)
      seeded = { id: defaultProjectId, config: defaultProjectConfig(origin) }
    if (seeded !== undefined) await saveProject(node.world, node.sealer, seeded)
    const first = seeded?.id ?? (await projectIds(node.world.db.query))[0]
    const project = first === undefined ? undefined : await node.directory.byId(first)
    origin = project?.origins[0].origin ?? origin
    if (settings.development) await reopenPorts(node, running)
    const control =
      settings.databaseUrl === undefined ? await openControl(node, settings.dataDir ?? '.headgear') : undefined
    const followed = configFile === undefined ? undefined : follow(running, configFile, secretsFile)
    node.world.log.info({ origin, database: node.world.db.kind }, 'ready')
    return {
      ...running,
      origin,
      async stop() {
        followed?.()
        await control?.close()
        await running.stop()
      },
    }
  } catch (error) {
    await running.stop()
    if (error instanceof Refusal && Array.isArray(error.info?.causes))
      throw new BadSetup(faultLines(error.info.causes as Fault[], configFile ?? 'authgear.yaml').join('\n'))
    throw error
  }
}

/** A changed file is live at once; a wrong one changes nothing, and the log names every fault. */
function follow(running: Running, configFile: string, secretsFile: string | undefined): () => void {
  const { node } = running
  let pending: NodeJS.Timeout | undefined
  // One after the other: what was read earlier must not be saved later.
  let applying = Promise.resolve()
  const apply = async () => {
    try {
      const files = await readProjectFiles(configFile, secretsFile)
      const { version, changed } = await saveProject(node.world, node.sealer, files)
      if (changed) node.world.log.info({ project: files.id, version }, 'configuration changed')
    } catch (error) {
      const faults =
        error instanceof Refusal && Array.isArray(error.info?.causes)
          ? faultLines(error.info.causes as Fault[], configFile)
          : (error as Error).message.split('\n')
      node.world.log.error({ faults }, 'the changed configuration is not used')
    }
  }
  // The folder, not the file: editors and orchestrators replace a file instead of writing into it.
  const folders = new Set(
    [configFile, secretsFile].filter((file) => file !== undefined).map((file) => dirname(resolve(file))),
  )
  const watchers = [...folders].map((folder) =>
    watch(folder, { persistent: false }, () => {
      clearTimeout(pending)
      pending = setTimeout(() => {
        applying = applying.then(apply)
      }, 100)
    }),
  )
  return () => {
    clearTimeout(pending)
    for (const watcher of watchers) watcher.close()
  }
}
