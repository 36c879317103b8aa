// What a door knows of a request before it looks at it: the node, the project and origin, and who called from where.
import type { Context } from 'hono'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import type { Views } from './views.ts'

export type Caller = { ip: string; userAgent: string }

export type Env = {
  Variables: {
    node: Node
    project: Project
    origin: Origin
    caller: Caller
    trackingId: string
    views: Views
  }
  Bindings: { remoteAddress?: string }
}

export type Ctx = Context<Env>

/** Node, world, project and origin of the request, for the first line of a handler. */
export function at(c: Ctx) {
  const node = c.get('node')
  return { node, world: node.world, project: c.get('project'), origin: c.get('origin'), caller: c.get('caller') }
}
