// `npm start` seen from a terminal: what it says, where it keeps quiet, and how it leaves.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, startDemo } from './support/demo.ts'

test('it says ready, then where to click, in twelve lines; the log is a file; SIGTERM is a clean stop', async () => {
  const demo = await startDemo()
  let stopped: { code: number | null } | undefined
  try {
    const [ready = '', ...text] = demo.output().trimEnd().split('\n')
    expect(JSON.parse(ready)).toMatchObject({ msg: 'ready', origin: demo.headgear })
    expect(text).toHaveLength(12)
    for (const link of [`${demo.headgear}/_dev/start`, demo.app, `${demo.headgear}/_dev`]) {
      expect(text.join('\n')).toContain(link)
      expect((await fetch(link)).status, link).toBe(200)
    }
    await fetch(`${demo.headgear}/no-such-page`)
    expect(await readFile(join(demo.dataDir, 'server.log'), 'utf8')).toContain('"msg":"ready"')
    expect(demo.output().trimEnd().split('\n')).toHaveLength(13)
  } finally {
    stopped = await demo.stop()
  }
  expect(stopped.code).toBe(0)
  await expect(fetch(demo.app)).rejects.toThrow()
  await expect(fetch(demo.headgear)).rejects.toThrow()
})

test('a taken port is named, nothing stays behind, and the exit code is 1', async () => {
  const demo = await startDemo()
  try {
    for (const [port, taken] of [
      [demo.port, demo.port],
      [demo.port - 1, demo.port],
      [demo.port + 1, demo.port + 1],
    ] as const) {
      const second = run(
        ['packages/demo/start.ts', '--port', String(port), '--data-dir', join(demo.dataDir, 'second')],
        'Start over',
      )
      expect(await second.ended).toEqual({ code: 1 })
      expect(second.output()).toContain(`Port ${taken}`)
      expect(second.output()).not.toContain('"ready"')
    }
    // The first of the pair was free, and is so again.
    const again = createServer()
    await new Promise<void>((resolve, reject) =>
      again.once('error', reject).listen(demo.port - 1, '127.0.0.1', resolve),
    )
    again.close()
  } finally {
    await demo.stop()
  }
})

test('wrong settings are named, with exit code 2', async () => {
  const wrong = run(['packages/demo/start.ts', '--port', 'http'], 'Start over')
  expect(await wrong.ended).toEqual({ code: 2 })
  expect(wrong.output()).toContain('--port: http is not a port')
})
