// The Authentication Flow API as a program speaks it.

import type { DevelopmentProject } from '../../src/dev/projects.ts'
import type { Headgear } from '../../src/testing.ts'

export type FlowAnswer = {
  status: number
  // Tests look at any part of an answer.
  // biome-ignore lint/suspicious/noExplicitAny: JSON as it came
  body: any
  cookies: string[]
  headers: Headers
}

/** The action's data of an answer. */
// biome-ignore lint/suspicious/noExplicitAny: JSON as it came
export const dataOf = (answer: FlowAnswer): any => answer.body.result?.action.data

export function flowClient(project: DevelopmentProject, options: { ip?: string; cookie?: string } = {}) {
  async function post(path: string, body: unknown): Promise<FlowAnswer> {
    const response = await fetch(`${project.local_origin}/api/v1/authentication_flows${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.ip ? { 'x-forwarded-for': options.ip } : {}),
        ...(options.cookie ? { cookie: options.cookie } : {}),
      },
      body: JSON.stringify(body),
    })
    return {
      status: response.status,
      body: await response.json(),
      cookies: response.headers.getSetCookie(),
      headers: response.headers,
    }
  }
  return {
    create: (type: string, more: object = {}) => post('', { type, name: 'default', ...more }),
    input: (from: FlowAnswer | string | undefined, input: object) =>
      post('/states/input', { state_token: typeof from === 'object' ? from.body.result.state_token : from, input }),
    batch: (from: FlowAnswer, batch_input: object[]) =>
      post('/states/input', { state_token: from.body.result.state_token, batch_input }),
    read: (token: string) => post('/states', { state_token: token }),
    post,
  }
}

export type FlowClient = ReturnType<typeof flowClient>

/** The newest six digits that were sent to `to`. */
export function codeTo(server: Headgear, to: string): string {
  const text = server.outbox.findLast((message) => message.to === to)?.text ?? ''
  const code = /\b\d{6}\b/.exec(text)?.[0]
  if (code === undefined) throw new Error(`no code was sent to ${to}`)
  return code
}

/** The newest link that was sent to `to`. */
export function linkTo(server: Headgear, to: string): URL {
  const text = server.outbox.findLast((message) => message.to === to)?.text ?? ''
  const link = /https?:\/\/\S+\?code=\S+/.exec(text)?.[0]
  if (link === undefined) throw new Error(`no link was sent to ${to}`)
  return new URL(link)
}

/** Signs up by e-mail and password, code included. @returns the finishing answer. */
export async function signUp(
  server: Headgear,
  client: FlowClient,
  email: string,
  password: string,
): Promise<FlowAnswer> {
  const begun = await client.create('signup')
  const asked = await client.input(begun, { identification: 'email', login_id: email })
  const verified =
    asked.body.result.action.type === 'verify' ? await client.input(asked, { code: codeTo(server, email) }) : asked
  return client.input(verified, { authentication: 'primary_password', new_password: password })
}
