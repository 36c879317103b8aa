// What a flow does next, decided from its definition and its facts alone: same facts, same turn (decisions D18).
import type { StepConfig } from './config.ts'
import type { Flow } from './definition.ts'
import type { Fact } from './facts.ts'
import { branchesOf, factAt, type Place, type Run, stepsOf, successorAt } from './run.ts'
import { rulesOf } from './steps.ts'
import type { Turn } from './turn.ts'

/** The next question, errand, or the end. A step is asked before those in its branch, and those before its siblings. */
export function advance(flow: Flow, facts: readonly Fact[]): Turn {
  const run: Run = { flow, facts }
  const ended = { type: flow.type, name: flow.name }
  const turn = through(run, flow.steps, '', ended)
  return turn ?? { kind: 'finished', flow: current(run), facts }
}

function through(run: Run, steps: readonly StepConfig[], prefix: string, flow: Place['flow']): Turn | undefined {
  for (const [index, config] of steps.entries()) {
    const at = `${prefix}${index}`
    const next = successorAt(run, at)
    // What was left of the old flow is not asked any more.
    if (next !== undefined)
      return (
        through(run, next.steps, `${at}>`, { type: next.type, name: next.name }) ?? {
          kind: 'finished',
          flow: current(run),
          facts: run.facts,
        }
      )
    const turn = rulesOf(config.type)?.ask({ at, config, flow } as never, run)
    if (turn !== undefined) return turn
    const branch = branchAt(run, at)
    if (branch === undefined) continue
    const inner = through(run, stepsOf(branchesOf(config)[branch]), `${at}/${branch}/`, flow)
    if (inner !== undefined) return inner
  }
  return undefined
}

function branchAt(run: Run, at: string): number | undefined {
  for (const kind of ['identified', 'authenticated', 'created'] as const) {
    const fact = factAt(run, at, kind)
    if (fact !== undefined) return fact.branch
  }
  return undefined
}

/** The flow that the facts have led to. */
function current(run: Run): Place['flow'] {
  const became = run.facts.findLast((fact) => fact.kind === 'became')
  return became === undefined ? { type: run.flow.type, name: run.flow.name } : { type: became.type, name: became.name }
}
