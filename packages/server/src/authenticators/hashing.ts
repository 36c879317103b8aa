// The threads that hash passwords. They start with the first password and wait unseen between two.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Refusal } from '../refusal.ts'
import type { HashAnswer, HashTask } from './hash_worker.ts'

/** What one hash takes, at most, on a slow core; the queue's length times this is its expected wait. */
const patience = 2000

type Waiting = { task: HashTask; since: number; resolve(answer: HashAnswer): void; reject(error: Error): void }
type Thread = { worker: Worker; busy: Waiting | undefined; warm: boolean }

const threads: Thread[] = []
const queue: Waiting[] = []
let serial = 0
/** Milliseconds that a hash took lately. */
let pace = 30

const file = new URL(import.meta.url.endsWith('.ts') ? './hash_worker.ts' : './hash_worker.js', import.meta.url)

function start(): Thread {
  const worker = new Worker(file)
  const thread: Thread = { worker, busy: undefined, warm: false }
  worker.unref()
  worker.on('message', (answer: HashAnswer) => {
    const done = thread.busy
    thread.busy = undefined
    worker.unref()
    if (done !== undefined) {
      // A thread's first answer includes its start.
      if (thread.warm) pace = pace * 0.9 + (performance.now() - done.since) * 0.1
      thread.warm = true
      done.resolve(answer)
    }
    next()
  })
  worker.on('error', (error: unknown) =>
    drop(thread, error instanceof Error ? error : new Error('the hashing thread failed')),
  )
  worker.on('exit', () => drop(thread, new Error('the hashing thread ended')))
  threads.push(thread)
  return thread
}

function drop(thread: Thread, error: Error): void {
  const index = threads.indexOf(thread)
  if (index >= 0) threads.splice(index, 1)
  const lost = thread.busy
  thread.busy = undefined
  lost?.reject(error)
  if (queue.length > 0) next()
}

function next(): void {
  const most = Math.max(1, availableParallelism() - 1)
  while (queue.length > 0) {
    const thread = threads.find((one) => one.busy === undefined) ?? (threads.length < most ? start() : undefined)
    const waiting = queue.shift()
    if (waiting === undefined) return
    if (thread === undefined) {
      queue.unshift(waiting)
      return
    }
    waiting.since = performance.now()
    thread.busy = waiting
    thread.worker.ref()
    thread.worker.postMessage(waiting.task)
  }
}

function ask(task: Omit<HashTask, 'id'>): Promise<HashAnswer> {
  const most = Math.max(1, availableParallelism() - 1)
  if ((queue.length * pace) / most > patience)
    throw new Refusal({
      name: 'TooManyRequest',
      reason: 'TooManyRequest',
      message: 'too many sign-ins at once; try again in a moment',
      detail: `${queue.length} hashes are waiting`,
      retryAfter: 2,
    })
  return new Promise((resolve, reject) => {
    serial += 1
    queue.push({ task: { id: serial, ...task }, since: 0, resolve, reject })
    next()
  })
}

/**
 * Hashes a password with argon2id (PHC string, own random salt).
 * @throws Refusal 429 when more than two seconds of work are waiting.
 */
export async function hashPassword(password: string): Promise<string> {
  const { hash, error } = await ask({ password })
  if (hash === undefined) throw new Error(error ?? 'hashing failed')
  return hash
}

/**
 * Whether `hash` is that of `password`. Without a hash the same time is spent and the answer is no, so that the clock
 * does not tell whether there is a password.
 * @throws Refusal 429 when more than two seconds of work are waiting.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const { match, error } = await ask({ password, hash: hash ?? (await nobody()) })
  if (error !== undefined) throw new Error(error)
  return match === true && hash !== undefined
}

let nobodys: Promise<string> | undefined

function nobody(): Promise<string> {
  nobodys ??= hashPassword('nobody has this password').catch((error: Error) => {
    nobodys = undefined
    throw error
  })
  return nobodys
}
