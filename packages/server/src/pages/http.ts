// The hosted pages: `x_step` → state → question → page, and back from a form to the input that the API would have sent.
// A POST changes something and redirects to the page of the new turn; a GET draws and changes nothing that matters.
import { type Handler, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createFlow, FlowRefusal, type FlowView, readState, submit } from '../flows/answer.ts'
import { flowOfGroup } from '../flows/generate.ts'
import { isStorable, notStorable } from '../http/body.ts'
import { at, type Ctx, type Env } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { isSameOrigin } from '../http/same_origin.ts'
import { toHub } from '../oauth/carry.ts'
import { devicePath } from '../oauth/device.ts'
import { Refusal } from '../refusal.ts'
import { databaseOutage } from '../storage/database.ts'
import { serveTheme } from './assets.ts'
import { bindBrowser, browserOf, flowCaller, setCookies } from './browser.ts'
import { carry } from './carried.ts'
import { obvious } from './choosing.ts'
import { deadEndAddress, drawDeadEnd } from './dead_end.ts'
import { drawDevice, takeDevice } from './device.tsx'
import { download, draw, redirect } from './draw.tsx'
import { browserSession, enter, front } from './entry.ts'
import { type Problem, problemOf } from './errors.ts'
import {
  cookieNeeded,
  crossSite,
  directAccess,
  failureOf,
  featureDisabled,
  notFound,
  pageExpired,
} from './failures.tsx'
import { drawLogout, takeLogout } from './logout.tsx'
import { askedOf, type Form, type Page } from './page.ts'
import { pages } from './pages.ts'
import { drawResetLink, resetDone, takeResetLink } from './reset_link.tsx'
import { selectAccount, selectAccountPath, takeAccount } from './select_account.tsx'
import { accountClosed, accountClosedPath } from './settings/delete_account.tsx'
import { personAt } from './settings/person.ts'
import { settingsPages } from './settings/settings.ts'
import { drawLoginLink, takeLoginLink, verifyLoginLinkPath } from './verify_login_link.tsx'
import { address, elsewhere, lookOf, type Visit, visitOf } from './visit.ts'

// ---- every page ---------------------------------------------------------------------------------------------------

/** Draws or takes a page; whatever is thrown on the way becomes a page, too. */
export function serve(work: (visit: Visit, form: Form) => Response | Promise<Response>): Handler<Env> {
  return async (c) => {
    const visit = await visitOf(c)
    if (!isSameOrigin(c)) return crossSite(visit)
    try {
      return await work(visit, await formOf(c))
    } catch (error) {
      return failed(visit, error)
    }
  }
}

function failed(visit: Visit, error: unknown): Response {
  const { c } = visit
  const refusal = databaseOutage(error) ?? error
  const trackingId = c.get('trackingId')
  const { log } = at(c).world
  const about = { tracking_id: trackingId, path: c.req.path }
  if (refusal instanceof Refusal) log.info({ reason: refusal.reason, detail: refusal.detail, ...about }, 'refused')
  else log.error({ err: error, ...about }, 'unexpected error')
  return failureOf(visit, refusal, trackingId)
}

const noForm: Form = { get: () => '', has: () => false }

async function formOf(c: Ctx): Promise<Form> {
  if (c.req.method !== 'POST') return noForm
  const body = await c.req.parseBody().catch(() => {
    throw new Refusal({ name: 'BadRequest', reason: 'BadRequest', message: 'the body is no form' })
  })
  if (!isStorable(body)) throw notStorable()
  return {
    get: (name) => (typeof body[name] === 'string' ? body[name] : ''),
    has: (name) => typeof body[name] === 'string',
  }
}

const finishPath = '/authflow/v2/finish'

// ---- pages of a flow ----------------------------------------------------------------------------------------------

/** The address of the page that is made for a turn. */
function turnAddress(
  visit: Visit,
  view: FlowView,
  more: { option?: number | undefined; from?: string | undefined } = {},
): string {
  const asked = askedOf(view, more.option)
  const page = pages.find((one) => one.draws(asked))
  if (page === undefined) throw new Error(`no page draws ${view.action.type}`)
  return address(visit, page.path, {
    x_step: view.stateToken,
    ...(more.option ? { q_option: String(more.option) } : {}),
    ...(more.from ? { x_from: more.from } : {}),
  })
}

/** A finished flow leaves for its app, or for where the person wanted to go. */
function leave(visit: Visit, view: FlowView): Response {
  const { c } = visit
  setCookies(c, view.cookies)
  const to = (view.action.data as { finish_redirect_uri?: string }).finish_redirect_uri
  if (to !== undefined) return redirect(c, to)
  if (view.type === 'account_recovery') return redirect(c, address(visit, '/authflow/v2/reset_password/success'))
  return redirect(c, at(c).origin.carries ? address(visit, finishPath) : elsewhere(visit))
}

/** Where a person comes by who signed in for no app, so that the hub learns of it. */
async function finished(visit: Visit): Promise<Response> {
  const session = await browserSession(visit)
  const told = session && (await toHub(visit.c, session.session.id, visit.url.pathname + visit.url.search))
  return told ?? redirect(visit.c, elsewhere(visit))
}

function gone(error: unknown): boolean {
  return error instanceof Refusal && error.reason === 'AuthenticationFlowNotFound'
}

function optionOfUrl(visit: Visit): number {
  const option = Number(visit.url.searchParams.get('q_option') ?? 0)
  return Number.isInteger(option) && option >= 0 ? option : 0
}

/** The state that the address names; undefined when it is gone, another browser's, or not named at all. */
async function stateOf(visit: Visit, name: 'x_step' | 'x_from'): Promise<FlowView | undefined> {
  const token = visit.url.searchParams.get(name)
  if (token === null) return undefined
  const { node, project } = at(visit.c)
  try {
    return await readState(node, project, token, await flowCaller(visit.c))
  } catch (error) {
    if (gone(error)) return undefined
    throw error
  }
}

/** Starts the flow of a page that opens without one. */
async function begin(visit: Visit, page: Page): Promise<FlowView> {
  const { node, project } = at(visit.c)
  const { request } = visit
  const type = page.begins?.(visit)
  if (type === undefined) throw new Error(`${page.path} begins no flow`)
  const client = request && project.clients.get(request.clientId)
  const name = flowOfGroup(project.config, client, type, request?.flowGroup)
  const flow = { type, name, ref: request?.ref, uiLocales: visit.words.lang }
  return createFlow(node, project, flow, await flowCaller(visit.c, bindBrowser(visit.c)))
}

/** Why a page that begins a flow must not, here and now. */
async function barredFrom(visit: Visit, page: Page): Promise<Response | undefined> {
  const { c, request } = visit
  const { ui } = at(c).project.config
  if (ui.authentication_disabled) return featureDisabled(visit)
  if (request !== undefined) return undefined
  if (visit.url.searchParams.has('x_ref')) return pageExpired(visit)
  if (ui.direct_access_disabled) return directAccess(visit)
  const session = page.path === '/login' || page.path === '/signup' ? await currentSession(c, 'browser') : undefined
  return session && redirect(c, elsewhere(visit))
}

async function show(visit: Visit, page: Page): Promise<Response> {
  const { c, url } = visit
  const view = await stateOf(visit, 'x_step')
  if (view === undefined) {
    if (page.begins === undefined) return pageExpired(visit)
    const barred = await barredFrom(visit, page)
    if (barred !== undefined) return barred
    // We set a cookie a moment ago, and it has not come back.
    if (url.searchParams.has('q_new') && browserOf(c) === undefined) return cookieNeeded(visit)
    const fresh = browserOf(c) === undefined ? { q_new: '1' } : {}
    const login = url.searchParams.get('q_login_id')
    const begun = await begin(visit, page)
    const to = turnAddress(visit, begun)
    const query = new URLSearchParams({ ...fresh, ...(login === null ? {} : { q_login_id: login }) })
    return redirect(c, query.size === 0 ? to : `${to}&${query}`)
  }
  if (view.action.type === 'finished') return leave(visit, view)
  const asked = askedOf(view, optionOfUrl(visit), await stateOf(visit, 'x_from'))
  if (!page.draws(asked)) return redirect(c, turnAddress(visit, view, { option: asked.index }))
  return draw(visit, page.view(asked, visit))
}

/** Goes back to the page that was sent, with what is wrong and the text worth keeping. */
function again(visit: Visit, to: string, problem: Problem, typed: Record<string, string>): Response {
  carry(visit.c, to, { problem, typed })
  return redirect(visit.c, to)
}

async function take(visit: Visit, form: Form, page: Page): Promise<Response> {
  const { c, url } = visit
  const { node, project } = at(c)
  let view = await stateOf(visit, 'x_step')
  if (view === undefined) {
    // A page that began a flow may wait for days: what was typed begins another one.
    if (page.begins === undefined) return pageExpired(visit)
    const barred = await barredFrom(visit, page)
    if (barred !== undefined) return barred
    view = await begin(visit, page)
  }
  const caller = await flowCaller(c, bindBrowser(c))
  // The button of another way says itself which one it is.
  const action = form.get('x_action')
  if (action === 'cancel' && page.cancels !== undefined) return redirect(c, page.cancels(visit))
  const option = action === 'choose' && form.has('x_option') ? Number(form.get('x_option')) : optionOfUrl(visit)
  const asked = askedOf(view, option)
  const sameStep = view.stateToken === url.searchParams.get('x_step') && asked.index === optionOfUrl(visit)
  const here = sameStep ? url.pathname + url.search : turnAddress(visit, view, { option: asked.index })
  if (view.action.type !== 'finished' && !page.draws(asked)) return redirect(c, turnAddress(visit, view))
  const file = view.action.type === 'finished' ? undefined : page.file?.(asked, action, visit)
  if (file !== undefined) return download(c, file)
  const typed = await typedText(visit, page)
  const reading = view.action.type === 'finished' ? { input: {} } : page.read(form, asked, action, visit)
  if ('problem' in reading) return again(visit, here, reading.problem, typed)

  let from = asked.options.length > 0 ? view.stateToken : (url.searchParams.get('x_from') ?? undefined)
  let next = view
  try {
    next = await submit(node, project, view.stateToken, reading.input, caller)
    for (let input = obvious(next); input !== undefined; input = obvious(next)) {
      from = next.stateToken
      next = await submit(node, project, next.stateToken, input, caller)
    }
  } catch (error) {
    if (!(error instanceof FlowRefusal)) throw error
    const problem = problemOf(error)
    const end = deadEndAddress(visit, problem)
    if (end !== undefined) return redirect(c, end)
    const same = error.view.stateToken === view.stateToken
    return again(visit, same ? here : turnAddress(visit, error.view), problem, typed)
  }
  if (next.action.type === 'finished') return leave(visit, next)
  const to = turnAddress(visit, next, { from: askedOf(next).options.length > 0 ? undefined : from })
  if (action === 'resend') carry(c, to, { news: resent(next) })
  return redirect(c, to)
}

function resent(view: FlowView) {
  const { data } = view.action
  const target =
    'masked_claim_value' in data
      ? data.masked_claim_value
      : 'masked_display_name' in data
        ? data.masked_display_name
        : ''
  const kind = 'otp_form' in data && data.otp_form === 'link' ? 'link' : 'code'
  return { k: `${kind}.resent`, vars: { target: String(view.about.loginId?.value ?? target) } }
}

async function typedText(visit: Visit, page: Page): Promise<Record<string, string>> {
  if (page.keeps === undefined) return {}
  const body = await visit.c.req.parseBody()
  const names = page.keeps === 'all' ? Object.keys(body).filter((name) => name.startsWith('/')) : page.keeps
  return Object.fromEntries(names.flatMap((name) => (typeof body[name] === 'string' ? [[name, body[name]]] : [])))
}

// ---- the door -----------------------------------------------------------------------------------------------------

export const pagesDoor = new Hono<Env>()

pagesDoor.get('/_theme/*', (c) => serveTheme(c, lookOf(c)))

const oneMegabyte = bodyLimit({
  maxSize: 1024 * 1024,
  onError: async (c) => {
    // The rest of the body stays unread, so nothing else can come over this connection.
    c.header('connection', 'close')
    const message = 'request body too large'
    return failed(
      await visitOf(c as Ctx),
      new Refusal({ name: 'RequestEntityTooLarge', reason: 'RequestEntityTooLarge', message }),
    )
  },
})

// Nothing here is for a search to find.
pagesDoor.get('/robots.txt', (c) => c.text('User-agent: *\nDisallow: /\n'))
pagesDoor.get('/', serve(front))
pagesDoor.get('/_internals/oauth_entrypoint', serve(enter))
for (const page of pages) {
  // The form of a mailed link has a flow only once it is sent.
  if (page.path === '/authflow/v2/reset_password') {
    pagesDoor.get(
      page.path,
      serve((visit) => drawResetLink(visit) ?? show(visit, page)),
    )
    pagesDoor.post(
      page.path,
      oneMegabyte,
      serve(async (visit, form) => (await takeResetLink(visit, form)) ?? take(visit, form, page)),
    )
    continue
  }
  pagesDoor.get(
    page.path,
    serve((visit) => show(visit, page)),
  )
  pagesDoor.post(
    page.path,
    oneMegabyte,
    serve((visit, form) => take(visit, form, page)),
  )
}
pagesDoor.get(devicePath, serve(drawDevice))
pagesDoor.post(devicePath, oneMegabyte, serve(takeDevice))
pagesDoor.get(selectAccountPath, serve(selectAccount))
pagesDoor.post(selectAccountPath, oneMegabyte, serve(takeAccount))
pagesDoor.get('/authflow/v2/reset_password/success', serve(resetDone))
pagesDoor.get(verifyLoginLinkPath, serve(drawLoginLink))
pagesDoor.post(verifyLoginLinkPath, oneMegabyte, serve(takeLoginLink))
pagesDoor.get(finishPath, serve(finished))
pagesDoor.get('/authflow/v2/account_status', serve(drawDeadEnd))
pagesDoor.get('/authflow/v2/no_authenticator', serve(drawDeadEnd))
pagesDoor.get('/v2/errors/error', serve(drawDeadEnd))
pagesDoor.get('/errors/feature_disabled', serve(featureDisabled))
pagesDoor.get('/errors/cookie_instruction', serve(cookieNeeded))
pagesDoor.get(
  '/errors/return',
  serve((visit) => redirect(visit.c, address(visit, '/'))),
)
pagesDoor.get(accountClosedPath, serve(accountClosed))
for (const { path, get, post } of settingsPages) {
  pagesDoor.get(
    path,
    serve(async (visit) => {
      const person = await personAt(visit, path)
      return person instanceof Response ? person : get(visit, person)
    }),
  )
  if (post === undefined) continue
  pagesDoor.post(
    path,
    oneMegabyte,
    serve(async (visit, form) => {
      const person = await personAt(visit, path)
      return person instanceof Response ? person : post(visit, person, form)
    }),
  )
}
for (const path of ['/settings/identity', '/settings/identities', '/settings/advanced_settings'])
  pagesDoor.get(
    path,
    serve((visit) => redirect(visit.c, '/settings')),
  )
pagesDoor.get('/logout', serve(drawLogout))
pagesDoor.post('/logout', oneMegabyte, serve(takeLogout))

/** Paths of other doors: what they do not know is no page either. */
const others = ['/_api/', '/_resolver/', '/_images/', '/_dev/', '/oauth2/', '/api/', '/saml2/', '/.well-known/']

// Last, for every address that no door knows.
pagesDoor.on(['GET', 'HEAD'], '*', async (c, next) => {
  const { path } = c.req
  if (others.some((prefix) => path.startsWith(prefix)) || !(c.req.header('accept') ?? '').includes('text/html'))
    return next()
  return serve(notFound)(c, next)
})
