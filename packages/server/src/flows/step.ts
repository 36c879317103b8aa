// What a kind of step says of itself: what it asks, what it accepts, how it checks. What it leaves behind are facts,
// which `finish` writes.
import type { z } from 'zod'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import type { FlowCaller } from './answer.ts'
import type { StepConfig } from './config.ts'
import type { Fact } from './facts.ts'
import type { Place, Run } from './run.ts'
import type { Question, Turn } from './turn.ts'

/** What a check may use of the world. */
export type Tools = {
  node: Node
  project: Project
  caller: FlowCaller
  run: Run
  /** The flow, when it belongs to a browser: only there is a code that came twice the same person's. */
  spender: string | undefined
}

export type StepRules<C extends StepConfig = StepConfig> = {
  /** Pure: what the step needs next, or nothing once it is satisfied. */
  ask(place: Place<C>, run: Run): Turn | undefined
  /** The shape of an answer; `input` tells answers apart that share nothing. */
  accepts(question: Question, place: Place<C>, run: Run, input: Record<string, unknown>): z.ZodType
  /** Acts on an accepted answer, at once and once. @throws Refusal. */
  check(tools: Tools, question: Question, place: Place<C>, input: never): Promise<Fact[]>
}
