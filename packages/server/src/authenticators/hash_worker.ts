// One thread that hashes, and nothing else: libuv's pool stays free for files, names and signatures (decisions D20).
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'

export type HashTask = { id: number; password: string; hash?: string }
export type HashAnswer = { id: number; hash?: string; match?: boolean; error?: string }

// On Linux a priority belongs to the thread that asks; elsewhere it would slow the whole server down.
if (process.platform === 'linux') {
  try {
    setPriority(0, 10)
  } catch {
    // A container may forbid it; hashing then competes as an equal.
  }
}

// OWASP's argon2id with 19 MiB and two passes, said aloud so that a library's new default changes nothing here.
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

parentPort?.on('message', ({ id, password, hash }: HashTask) => {
  const answer: HashAnswer = { id }
  try {
    if (hash === undefined) answer.hash = hashSync(password, options)
    else answer.match = verifySync(hash, password)
  } catch (error) {
    answer.error = error instanceof Error ? error.message : 'hashing failed'
  }
  parentPort?.postMessage(answer)
})
