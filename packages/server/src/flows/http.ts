// The JSON view of flows: the Authentication Flow API (authentication §3.5).
import { Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import { z } from 'zod'
import { deviceTokenCookie } from '../authenticators/device_token.ts'
import { isStorable, notStorable } from '../http/body.ts'
import { at, type Ctx, type Env } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { readJson } from '../http/json.ts'
import { addressKey, charge } from '../limits/rate.ts'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { createFlow, type FlowCaller, FlowRefusal, type FlowView, readState, submit } from './answer.ts'
import { flowTypes } from './config.ts'

export const flowsDoor = new Hono<Env>()

const anObject = z.record(z.string(), z.unknown())
const Create = z.object({
  type: z.enum(flowTypes),
  name: z.string().min(1).max(255),
  url_query: z.string().max(65_536).optional(),
  batch_input: z.array(anObject).min(1).max(20).optional(),
})
const Input = z
  .object({
    state_token: z.string().optional(),
    input: anObject.optional(),
    batch_input: z.array(anObject).min(1).max(20).optional(),
  })
  .refine((body) => (body.input === undefined) !== (body.batch_input === undefined), {
    message: 'give one of input, batch_input',
  })
const Read = z.object({ state_token: z.string() })

flowsDoor.use('/api/v1/authentication_flows/*', async (c, next) => {
  c.header('cache-control', 'no-store')
  await limit(c)
  await next()
})

flowsDoor.post('/api/v1/authentication_flows', async (c) => {
  const body = await readJson(c, Create)
  const { node, project } = at(c)
  const caller = await callerOf(c)
  const query = new URLSearchParams(body.url_query ?? '')
  if (!isStorable([...query])) throw notStorable()
  const begun = await createFlow(
    node,
    project,
    {
      type: body.type,
      name: body.name,
      ref: query.get('x_ref') ?? undefined,
      clientId: query.get('client_id') ?? undefined,
      uiLocales: query.get('ui_locales') ?? undefined,
    },
    caller,
  )
  return answer(c, () =>
    each(body.batch_input ?? [], begun, (token, input) => submit(node, project, token, input, caller)),
  )
})

flowsDoor.post('/api/v1/authentication_flows/states/input', async (c) => {
  const body = await readJson(c, Input)
  const { node, project } = at(c)
  const caller = await callerOf(c)
  const [first, ...others] = body.batch_input ?? [body.input ?? {}]
  return answer(c, async () => {
    const view = await submit(node, project, body.state_token, first, caller)
    return each(others, view, (token, input) => submit(node, project, token, input, caller))
  })
})

flowsDoor.post('/api/v1/authentication_flows/states', async (c) => {
  const body = await readJson(c, Read)
  const { node, project } = at(c)
  const caller = await callerOf(c)
  return answer(c, () => readState(node, project, body.state_token, caller))
})

/** Inputs in turn, each to the state that the one before led to. */
async function each(
  inputs: readonly Record<string, unknown>[],
  first: FlowView,
  feed: (token: string, input: Record<string, unknown>) => Promise<FlowView>,
): Promise<FlowView> {
  let view = first
  for (const input of inputs) view = await feed(view.stateToken, input)
  return view
}

async function callerOf(c: Ctx): Promise<FlowCaller> {
  const { origin, caller } = at(c)
  return {
    origin,
    caller,
    session: await currentSession(c, 'browser'),
    deviceToken: getCookie(c, origin.cookiePrefix + deviceTokenCookie),
    acceptLanguage: c.req.header('accept-language'),
  }
}

async function limit(c: Ctx): Promise<void> {
  const { world, project, caller } = at(c)
  const bucket = {
    name: 'AuthflowAPIPerIP',
    group: 'authentication_flow',
    per: 'per_ip' as const,
    of: [addressKey(caller.ip)],
    limit: project.config.authentication_flow.rate_limits.per_ip,
  }
  await charge(scopeOf(world.db, project), [bucket], world.clock.now()).catch((error: unknown) => {
    if (!(error instanceof Refusal) || error.reason !== 'RateLimited') throw error
    throw new Refusal({
      name: 'TooManyRequest',
      reason: 'TooManyRequest',
      message: 'Reach Rate Limit',
      ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    })
  })
}

function printed(view: FlowView) {
  const { stateToken, type, name, action } = view
  return { state_token: stateToken, type, name, action }
}

async function answer(c: Ctx, move: () => Promise<FlowView>): Promise<Response> {
  try {
    const view = await move()
    for (const cookie of view.cookies) c.header('set-cookie', cookie, { append: true })
    return c.json({ result: printed(view) })
  } catch (error) {
    if (!(error instanceof FlowRefusal)) throw error
    const { world } = at(c)
    const trackingId = c.get('trackingId')
    world.log.info({ reason: error.reason, detail: error.detail, tracking_id: trackingId, path: c.req.path }, 'refused')
    if (error.retryAfter !== undefined) c.header('retry-after', String(error.retryAfter))
    const shown = {
      name: error.name,
      reason: error.reason,
      message: error.message,
      code: error.status,
      tracking_id: trackingId,
    }
    return c.json(
      { error: { ...shown, ...(error.info ? { info: error.info } : {}) }, result: printed(error.view) },
      error.status,
    )
  }
}
