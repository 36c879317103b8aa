// A flow half way: its definition and the facts so far, with the questions that steps ask of them. Rules only.
import type { LoginId } from '../identities/login_id.ts'
import type { BranchConfig, FlowType, StepConfig } from './config.ts'
import type { Flow } from './definition.ts'
import type { Fact, FactOf, KnownUser } from './facts.ts'

/** A step where it stands: `at` is its path, `flow` the flow it belongs to. */
export type Place<C extends StepConfig = StepConfig> = { at: string; config: C; flow: { type: FlowType; name: string } }

export type Run = { flow: Flow; facts: readonly Fact[] }

export function branchesOf(config: StepConfig): readonly BranchConfig[] {
  return 'one_of' in config ? config.one_of : []
}

/** Steps within a branch; the branches of `signup_login` have none. */
export function stepsOf(branch: BranchConfig | undefined): readonly StepConfig[] {
  return branch !== undefined && 'steps' in branch ? branch.steps : []
}

/** The last fact of this kind at a step. */
export function factAt<K extends Fact['kind']>(run: Run, at: string, kind: K): FactOf<K> | undefined {
  return run.facts.findLast((fact): fact is FactOf<K> => fact.at === at && fact.kind === kind)
}

export function factsOf<K extends Fact['kind']>(run: Run, kind: K): FactOf<K>[] {
  return run.facts.filter((fact): fact is FactOf<K> => fact.kind === kind)
}

/** The flow that a step has turned this one into, if it has. */
export function successorAt(run: Run, at: string) {
  const became = factAt(run, at, 'became')
  return became && run.flow.others.find((other) => other.type === became.type && other.name === became.name)
}

/** Every step of the flow, and of the flow it has become, with its path. */
export function* places(run: Run): Generator<Place> {
  yield* placesIn(run, run.flow.steps, '', { type: run.flow.type, name: run.flow.name })
}

function* placesIn(run: Run, steps: readonly StepConfig[], prefix: string, flow: Place['flow']): Generator<Place> {
  for (const [index, config] of steps.entries()) {
    const at = `${prefix}${index}`
    yield { at, config, flow }
    for (const [number, branch] of branchesOf(config).entries())
      yield* placesIn(run, stepsOf(branch), `${at}/${number}/`, flow)
    const next = successorAt(run, at)
    if (next !== undefined) yield* placesIn(run, next.steps, `${at}>`, { type: next.type, name: next.name })
  }
}

/** The step that a path names. @throws Error for a path of another flow. */
export function placeAt(run: Run, at: string): Place {
  for (const place of places(run)) if (place.at === at) return place
  throw new Error(`no step at ${at}`)
}

/** The path of the step called `name` in the same flow; of several, the one that was taken. */
export function namedStep(run: Run, flow: Place['flow'], name: string): string | undefined {
  const named = [...places(run)].filter(
    (place) => place.config.name === name && place.flow.type === flow.type && place.flow.name === flow.name,
  )
  return (named.find((place) => run.facts.some((fact) => fact.at === place.at)) ?? named[0])?.at
}

/** Who this flow is about, as far as it is known: the user identified last. */
export function userIdOf(run: Run): string | undefined {
  return factsOf(run, 'identified').findLast((fact) => fact.userId !== undefined)?.userId
}

export function userOf(run: Run): KnownUser | undefined {
  return factsOf(run, 'user').at(-1)?.user
}

/** The login ID that the person named last. */
export function loginIdOfRun(run: Run): LoginId | undefined {
  return factsOf(run, 'identified').findLast((fact) => fact.loginId !== undefined)?.loginId
}

export function isVerifiedIn(run: Run, claim: { name: string; value: string }): boolean {
  const same = (other: { name: string; value: string }) => other.name === claim.name && other.value === claim.value
  return factsOf(run, 'verified').some((fact) => same(fact.claim)) || (userOf(run)?.verified.some(same) ?? false)
}
