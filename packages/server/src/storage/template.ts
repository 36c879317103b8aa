// A build step: the data directory that a first embedded start restores. Schema only; it holds no secret and no id.
import { writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import { openEmbedded } from './database.ts'
import { templateFile } from './embedded.ts'
import { prepare } from './prepare.ts'

const pglite = await PGlite.create()
await prepare(openEmbedded(pglite))
// What new databases are copied from is two thirds of all files, and there will be no other database here.
await pglite.exec('update pg_database set datistemplate = false')
for (const name of ['template0', 'template1']) await pglite.exec(`drop database ${name}`)
await pglite.exec('checkpoint')
const dump = await pglite.dumpDataDir('gzip')
await pglite.close()
await writeFile(templateFile, Buffer.from(await dump.arrayBuffer()))
