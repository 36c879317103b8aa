// From a page's parts to a response: the layout, the problem or the good news above them, and the headers of them all.
import type { Child } from 'hono/jsx'
import { at, type Ctx } from '../http/context.ts'
import type { Vars } from '../localization/words.ts'
import { contentPolicy, framers } from './content_policy.ts'
import { explain, type Said } from './errors.ts'
import { Layout, type LayoutProps } from './layout.tsx'
import type { TextFile } from './page.ts'
import { Notice } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, elsewhere, type Visit } from './visit.ts'

export type Drawing = {
  title: { k: string; vars?: Vars }
  body: Child
  /** URIs outside this host that the page's forms may lead to, besides the app that waits for the person. */
  leadsTo?: readonly string[] | undefined
} & Pick<LayoutProps, 'back' | 'emblem' | 'shape' | 'corner' | 'error'>

/** Headers of every answer of the hosted pages: none of it is for a cache. */
export function neverStore(c: Ctx): void {
  c.header('cache-control', 'no-store')
  c.header('pragma', 'no-cache')
}

/** A redirect within a journey, to this host or to an app. */
export function redirect(c: Ctx, to: string): Response {
  neverStore(c)
  return c.redirect(to, 302)
}

/** Answers with a file to keep. */
export function download(c: Ctx, file: TextFile): Response {
  neverStore(c)
  c.header('content-disposition', `attachment; filename="${file.name}"`)
  return c.text(file.text)
}

/** Answers with a page. */
export function draw(
  visit: Visit,
  drawing: Drawing,
  status: 200 | 400 | 403 | 404 | 413 | 429 | 500 | 503 = 200,
): Response {
  const { c, words, site } = visit
  const { title, body, leadsTo = [], ...frame } = drawing
  neverStore(c)
  const { project, origin } = at(c)
  const targets = [
    ...leadsTo,
    visit.request?.redirectUri ?? elsewhere(visit),
    ...(origin.carries ? [project.origins[0].origin] : []),
  ]
  const clients = [...project.clients.values()]
  c.header('content-security-policy', contentPolicy({ leadsTo: targets, framedBy: framers(clients) }))
  const { problem, news } = visit.carried
  const above = visit.shown ? undefined : said(visit)
  return c.html(
    String(
      <Layout
        site={site}
        words={words}
        title={words(title.k, title.vars)}
        {...frame}
        error={frame.error ?? problem !== undefined}
      >
        {news ? (
          <Notice tone="ok">
            <T k={news.k} vars={news.vars} />
          </Notice>
        ) : null}
        {above ? (
          <Notice tone="danger">
            <Sentence visit={visit} said={above} />
          </Notice>
        ) : null}
        {body}
      </Layout>,
    ),
    status,
  )
}

/** Where the link in a sentence leads. */
const ways: Record<string, string> = {
  'error.DuplicatedIdentity': '/login',
  'error.UserNotFound': '/signup',
  'error.InvalidCredentials.password': '/authflow/v2/forgot_password',
}

function said(visit: Visit): Said | undefined {
  const { problem, typed } = visit.carried
  if (problem === undefined) return undefined
  const { project } = at(visit.c)
  return explain(problem, visit.words, {
    app: visit.site.name,
    now: visit.now,
    target: typed?.x_login_id ?? typed?.x_target,
    signupClosed: project.config.authentication.public_signup_disabled,
    canReset: project.config.forgot_password.enabled && visit.request?.hint === undefined,
    settings: visit.url.pathname.startsWith('/settings'),
  })
}

function Sentence({ visit, said: { k, vars } }: { visit: Visit; said: Said }) {
  const way = ways[k]
  const link = way && address(visit, way, { q_login_id: visit.carried.typed?.x_login_id })
  return <T k={k} vars={vars} tags={link === undefined ? {} : { link: (inner) => <a href={link}>{inner}</a> }} />
}

/**
 * The sentence to show beside a field, if the problem is this field's. `main` is the field that a problem without a
 * field belongs to.
 */
export function errorAt(visit: Visit, field: string, main: 'main' | 'other' = 'main'): Child | undefined {
  const { problem } = visit.carried
  const what = said(visit)
  if (problem === undefined || what?.place !== 'field') return undefined
  if (problem.field === undefined ? main === 'other' : problem.field !== field) return undefined
  visit.shown = true
  return <Sentence visit={visit} said={what} />
}
