// Row types are written by hand; what the migrations make must be what they say.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openStore } from './support/store.ts'

type Shape = Record<string, Record<string, string>>

/** By column, the TypeScript type that a value has once it is read. */
const readAs: Record<string, string> = {
  text: 'string',
  uuid: 'string',
  xid8: 'string',
  boolean: 'boolean',
  smallint: 'number',
  integer: 'number',
  bigint: 'number',
  bytea: 'Buffer',
  date: 'Date',
  'timestamp with time zone': 'Date',
  jsonb: 'json',
  'text[]': 'string[]',
  'smallint[]': 'number[]',
  'timestamp with time zone[]': 'Date[]',
}

function written(): Shape {
  const code = readFileSync(new URL('../src/storage/tables.ts', import.meta.url), 'utf8')
  const types = new Map(
    [...code.matchAll(/^type (\w+Table) = \{([\s\S]*?)\}$/gm)].map(([, name = '', body = '']) => [
      name,
      Object.fromEntries(
        body
          .replace(/\/\*\*.*?\*\//g, '')
          .split(/[;\n]/)
          .map((line) => /^\s*(\w+): (.+?),?\s*$/.exec(line))
          .flatMap((match) => (match === null ? [] : [[match[1] ?? '', plain(match[2] ?? '')]])),
      ),
    ]),
  )
  const tables = /^export type Tables = \{([\s\S]*?)^\}/m.exec(code)?.[1] ?? ''
  return Object.fromEntries(
    [...tables.matchAll(/(\w+): (\w+)/g)].map(([, table = '', type = '']) => [table, types.get(type) ?? {}]),
  )
}

/** Kysely's wrappers taken off: what a column gives when it is read. */
function plain(type: string): string {
  const read = /^Generated<(.+)>$/.exec(type)?.[1] ?? /^ColumnType<([^,]+),.*>$/.exec(type)?.[1] ?? type
  return read.replace(/^Json<.+?>|^JsonObject|^unknown\[\]/, 'json')
}

test('the migrations add up to the row types', async () => {
  const { db, drop } = await openStore()
  try {
    const columns = await db.run<{ table: string; name: string; type: string; optional: boolean }>(
      `select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type, not a.attnotnull as optional
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname !~ '^headgear_migration' order by 1, a.attnum`,
      [],
    )
    const made: Shape = {}
    for (const { table, name, type, optional } of columns) {
      made[table] ??= {}
      made[table][name] = `${readAs[type] ?? `no type for ${type}`}${optional ? ' | null' : ''}`
    }
    expect(Object.keys(made).length).toBeGreaterThan(25)
    expect(made).toEqual(written())
  } finally {
    await drop()
  }
})
