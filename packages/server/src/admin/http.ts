// The Admin API's door: POST /_api/admin/graphql with an admin token (management §2.1). Nothing of the request is read
// before the token holds.

import type { GraphQLParams } from 'graphql-yoga'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { isStorable, notStorable } from '../http/body.ts'
import { at, type Env } from '../http/context.ts'
import { Refusal } from '../refusal.ts'
import { bearerToken } from '../resolver/credentials.ts'
import { readAdminToken } from './token.ts'

type AdminEnv = Env & { Variables: { auditContext: Record<string, unknown> | undefined } }

const path = '/_api/admin/graphql'
const mostBytes = 1024 * 1024

export const adminDoor = new Hono<AdminEnv>()

const authenticated: MiddlewareHandler<AdminEnv> = async (c, next) => {
  const { world, project } = at(c as never)
  const token = bearerToken(c.req.header('authorization') ?? '')
  const verdict =
    token === undefined ? ({ ok: false, why: 'no token' } as const) : readAdminToken(token, project, world.clock.now())
  if (!verdict.ok) {
    world.log.info({ why: verdict.why, project: project.id }, 'admin token refused')
    return c.text('Forbidden', 403)
  }
  c.set('auditContext', verdict.auditContext)
  await next()
}

const limited = bodyLimit({
  maxSize: mostBytes,
  onError() {
    throw new Refusal({
      name: 'RequestEntityTooLarge',
      reason: 'JSONTooLarge',
      message: `a request has at most ${mostBytes} bytes`,
    })
  },
})

adminDoor.post(path, authenticated, limited, async (c) => {
  const { node, world, project } = at(c as never)
  const params = readParams(c.req.header('content-type'), await c.req.text())
  const { answer } = await import('./graphql.ts')
  const asked = { node, world, project, auditContext: c.get('auditContext'), trackingId: c.get('trackingId') }
  const body = await answer(params, c.req.raw, asked)
  return c.json(body, 200, { 'cache-control': 'no-store' })
})

adminDoor.get(path, async (c) => {
  if (!c.get('node').development) return c.text('Method Not Allowed', 405, { allow: 'POST' })
  const { developerPage } = await import('./graphql.ts')
  return c.html(developerPage())
})

const badRequest = (message: string) => new Refusal({ name: 'BadRequest', reason: 'InvalidJSON', message })

/** The parameters of the body alone: `?query=` in the URL counts for nothing. @throws Refusal `BadRequest`. */
function readParams(contentType: string | undefined, body: string): GraphQLParams {
  const type = contentType?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/graphql') return { query: body }
  if (type !== 'application/json') throw badRequest('send application/json or application/graphql')
  const sent = readObject(body, 'the body')
  const { query, variables, operationName } = sent
  if (typeof query !== 'string') throw badRequest('query must be a string')
  if (operationName != null && typeof operationName !== 'string') throw badRequest('operationName must be a string')
  const given =
    typeof variables === 'string' && variables !== '' ? readObject(variables, 'variables') : variables || undefined
  if (given !== undefined && (typeof given !== 'object' || Array.isArray(given)))
    throw badRequest('variables must be an object')
  if (!isStorable(given)) throw notStorable()
  return {
    query,
    ...(given !== undefined ? { variables: given as Record<string, unknown> } : {}),
    ...(operationName ? { operationName } : {}),
  }
}

function readObject(text: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badRequest(`${what} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`${what} must be a JSON object`)
  return value as Record<string, unknown>
}
