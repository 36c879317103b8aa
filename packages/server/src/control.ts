// The local socket of a server on an embedded database: PGlite serves one process, so commands are run by that process.

import { rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { type Command, runCommand } from './commands.ts'
import type { Node } from './node.ts'
import { Refusal, type RefusalFacts } from './refusal.ts'

const socketOf = (dataDir: string) => join(dataDir, 'control.sock')

type Reply = { ok: true; text: string } | { ok: false; refusal?: RefusalFacts; message: string }

/** Listens in the data directory, which only its owner can enter. */
export async function openControl(node: Node, dataDir: string): Promise<{ close(): Promise<void> }> {
  const file = socketOf(dataDir)
  await rm(file, { force: true })
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('end', async () => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(await reply(node, Buffer.concat(parts).toString())))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(file, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function reply(node: Node, text: string): Promise<Reply> {
  try {
    return { ok: true, text: await runCommand(node, JSON.parse(text) as Command) }
  } catch (error) {
    if (!(error instanceof Refusal)) return { ok: false, message: (error as Error).message }
    const { name, reason, message, info } = error
    return { ok: false, message, refusal: { name, reason, message, ...(info ? { info } : {}) } }
  }
}

/** Asks the server that holds the data directory; undefined when none listens. @throws Refusal or Error of the command. */
export function askServer(dataDir: string, command: Command): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketOf(dataDir), method: 'POST', path: '/' }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(parts).toString()) as Reply
        if (answer.ok) resolve(answer.text)
        else reject(answer.refusal ? new Refusal(answer.refusal) : new Error(answer.message))
      })
    })
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
    asked.end(JSON.stringify(command))
  })
}
