// A build step: the data directory that a first embedded start restores. Schema only; it holds no secret and no id.
import { writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import { openEmbedded } from './database.ts'
import { templateFile } from './embedded.ts'
import { prepare } from './prepare.ts'

const pglite = await PGlite.create()
await prepare(openEmbedded(pglite))
await pglite.exec('checkpoint')
const dump = await pglite.dumpDataDir('gzip')
await pglite.close()
await writeFile(templateFile, Buffer.from(await dump.arrayBuffer()))
