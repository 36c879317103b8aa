// From the start of the process to the line that says it serves.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../packages/server/test/support/free_port.ts'
import { type Claim, middle } from '../claim.ts'
import { commandFile, masterKey, projectConfig } from '../headgear.ts'
import { startOidcProvider } from '../oidc_provider.ts'
import { startNode } from '../processes.ts'
import type { Bench } from '../run.ts'

const rounds = 5
const peer = "oidc-provider's process"

export async function start(bench: Bench): Promise<Claim[]> {
  const folder = await mkdtemp(join(tmpdir(), 'headgear-bench-'))
  const database = await (await bench.postgres()).createDatabase()
  try {
    const port = String(await freePort())
    const config = join(folder, 'authgear.yaml')
    await writeFile(config, projectConfig('bench', `http://localhost:${port}`))
    const serve = async (args: readonly string[]) => {
      await using started = await startNode([commandFile, 'serve', '--port', port, ...args], {
        env: { HEADGEAR_MASTER_KEY: masterKey },
        isReady: (line) => line.msg === 'ready',
      })
      return started.readyAfterMs / 1000
    }
    const onPostgres = () => serve(['--database-url', database.url, '--config', config])
    const embedded = (round: number) => serve(['--dev', '--data-dir', join(folder, `data${round}`)])
    const theirs = async () => {
      await using started = await startOidcProvider()
      return started.readyAfterMs / 1000
    }

    await onPostgres() // makes the schema
    await theirs()
    const times: { postgres: number; embedded: number; theirs: number }[] = []
    for (let round = 0; round < rounds; round++)
      times.push({ postgres: await onPostgres(), theirs: await theirs(), embedded: await embedded(round) })

    const claim = (what: string, of: 'postgres' | 'embedded', goal: number): Claim => ({
      what,
      unit: 's',
      ours: middle(times.map((time) => time[of])),
      peer,
      theirs: middle(times.map((time) => time.theirs)),
      ratio: middle(times.map((time) => time[of] / time.theirs)),
      goal: { of: 'ours', bound: 'at most', is: goal },
    })
    return [claim('start on PostgreSQL', 'postgres', 1), claim('first start of all, embedded', 'embedded', 1.5)]
  } finally {
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  }
}
