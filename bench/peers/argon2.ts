// How often threads can verify a password when they do nothing else. Each line of input is a number of seconds.

import { createInterface } from 'node:readline'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'

/** As `authenticators/hash_worker.ts` has them. */
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }
const password = 'a long enough one'

if (isMainThread) {
  const hash = hashSync(password, options)
  const threads = Array.from({ length: Number(process.argv[2]) }, () => {
    return new Worker(new URL(import.meta.url), { workerData: hash })
  })
  const count = (thread: Worker, seconds: number) =>
    new Promise<number>((resolve) => {
      thread.once('message', resolve)
      thread.postMessage(seconds)
    })
  createInterface({ input: process.stdin })
    .on('line', async (line) => {
      const rates = await Promise.all(threads.map((thread) => count(thread, Number(line))))
      process.stdout.write(`${JSON.stringify({ perSecond: rates.reduce((sum, rate) => sum + rate, 0) })}\n`)
    })
    .on('close', () => process.exit(0))
  process.stdout.write('{}\n')
} else {
  parentPort?.on('message', (seconds: number) => {
    const start = performance.now()
    let done = 0
    for (; performance.now() - start < seconds * 1000; done++) verifySync(workerData as string, password)
    parentPort?.postMessage(done / ((performance.now() - start) / 1000))
  })
}
