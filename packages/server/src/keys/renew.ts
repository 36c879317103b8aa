// One project's keys get their successors (`rotate.ts` says when).
import { append } from '../events/log.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { inTransaction } from '../storage/database.ts'
import { after, type World } from '../world.ts'
import {
  currentMacKey,
  dueForSuccessor,
  freeMacId,
  keptKeys,
  keyAge,
  longestLife,
  type MacKeyTimes,
  newSigningKey,
  nextMacStep,
} from './rotate.ts'
import type { Sealer } from './seal.ts'
import {
  deleteMacKeys,
  deleteSigningKeys,
  insertMacKey,
  insertSigningKey,
  lockKeys,
  macRing,
  retireMacKey,
  signingKeys,
} from './store.ts'

/** Does what is due. Any number of nodes may try at once; nodes learn of new keys by the event. */
export async function renewKeys(world: World, sealer: Sealer, project: Project): Promise<void> {
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  // RSA takes its time, so the keys are made before anything is locked.
  const signing = await Promise.all(
    dueForSuccessor(await signingKeys(scope, sealer), now).map((algorithm) =>
      newSigningKey(algorithm, now, after(now, keyAge.ahead)),
    ),
  )
  await inTransaction(scope, async (tx) => {
    await lockKeys(tx)
    const held = await signingKeys(tx, sealer)
    const due = dueForSuccessor(held, now)
    const made = signing.filter((key) => due.includes(key.algorithm))
    for (const key of made) await insertSigningKey(tx, sealer, key)
    const kept = keptKeys([...held, ...made], longestLife(project.config), now)
    await deleteSigningKeys(
      tx,
      held.filter((key) => !kept.includes(key)).map((key) => key.id),
    )

    const { macKeys } = await macRing(tx, sealer)
    const step = nextMacStep(macKeys)
    const moved = step !== undefined && step.due <= now ? await moveRing(step.kind, macKeys) : false
    if (moved || made.length > 0)
      await append(tx, now, 'project.keys.rotated', {
        algorithms: [...made.map((key) => key.algorithm), ...(moved ? ['MAC'] : [])],
      })

    async function moveRing(kind: 'make' | 'promote', keys: readonly MacKeyTimes[]): Promise<boolean> {
      const [current, id] = [currentMacKey(keys), freeMacId(keys)]
      if (current === undefined || id === undefined) return false
      await deleteMacKeys(tx, after(now, -longestLife(project.config)))
      if (kind === 'make') await insertMacKey(tx, sealer, { id, secret: world.random(32), at: now })
      else await retireMacKey(tx, current.id, now)
      return true
    }
  })
}
