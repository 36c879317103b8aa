// Problems after which a flow has no next question: each has a page, whose address says what happened. Sealed, so that
// a reload says it again and nobody makes the page say something else.
import { at } from '../http/context.ts'
import { causesOf, type Problem } from './errors.ts'
import { accountStatuses, explainFailure, pageExpired } from './failures.tsx'
import { address, type Visit } from './visit.ts'

function pathOf(problem: Problem): string | undefined {
  if (accountStatuses.has(problem.reason)) return '/authflow/v2/account_status'
  const kind = causesOf(problem)[0]?.kind
  if (problem.reason === 'InvariantViolated' && kind === 'NoAuthenticator') return '/authflow/v2/no_authenticator'
  return problem.reason.startsWith('AuthenticationFlow') ? '/v2/errors/error' : undefined
}

/** Where a problem that ends a journey is explained; undefined for one that the person can mend. `path` makes any problem one. */
export function deadEndAddress(visit: Visit, problem: Problem, path = pathOf(problem)): string | undefined {
  if (path === undefined) return undefined
  const { node, project } = at(visit.c)
  const whole = { ...problem, info: { ...problem.info, tracking_id: visit.c.get('trackingId') } }
  return address(visit, path, { x_error: node.sealer.seal(JSON.stringify(whole), `problem ${project.id}`) })
}

export function drawDeadEnd(visit: Visit): Response {
  const { node, project } = at(visit.c)
  let problem: Problem
  try {
    const sealed = visit.url.searchParams.get('x_error') ?? ''
    problem = JSON.parse(node.sealer.open(sealed, `problem ${project.id}`).toString()) as Problem
  } catch {
    return pageExpired(visit)
  }
  return explainFailure(visit, problem)
}
