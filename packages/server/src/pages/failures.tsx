// Where nothing can be asked any more: what happened, and the way on. Each has one button and never blames.
import type { Child } from 'hono/jsx'
import { at } from '../http/context.ts'
import { day } from '../localization/time.ts'
import type { Vars } from '../localization/words.ts'
import { Refusal } from '../refusal.ts'
import { draw } from './draw.tsx'
import { causesOf, explain, type Problem, problemOf, reference } from './errors.ts'
import type { IconName } from './icons.tsx'
import { Alternatives, Button, Countdown, Emblem, Hint, Lead, type Tone } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

export type Status = 200 | 400 | 403 | 404 | 413 | 429 | 500 | 503

export type Failure = {
  title: { k: string; vars?: Vars }
  texts?: readonly { k: string; vars?: Vars }[]
  more?: Child
  icon?: IconName
  tone?: Tone
  /** The button; starting again unless said otherwise, none with `null`. */
  action?: { k: string; vars?: Vars; href: string } | null
  /** Tracking id to quote. */
  trackingId?: string | undefined
  status?: Status
}

/** The app that brought the person here, when it has a page of its own. */
export function appOf(visit: Visit): { name: string; href: string } | undefined {
  const client = visit.request && at(visit.c).project.clients.get(visit.request.clientId)
  const href = client?.client_uri ?? at(visit.c).project.config.ui.default_client_uri
  const name = client?.client_name ?? client?.name ?? visit.site.name
  return href === undefined ? undefined : { name, href }
}

/** Where a person begins anew: with the app's request when there is one. */
export function startAgain(visit: Visit): string {
  return visit.request === undefined
    ? address(visit, '/')
    : `/_internals/oauth_entrypoint?${new URLSearchParams({ x_ref: visit.request.ref })}`
}

/** Draws a dead end. */
export function fail(visit: Visit, failure: Failure): Response {
  const { title, texts = [], more, icon = 'alert', tone = 'warn', action, trackingId, status = 200 } = failure
  const button = action === undefined ? { k: 'common.start_again', href: startAgain(visit) } : action
  const app = appOf(visit)
  const body = (
    <>
      {texts.map(({ k, vars }) => (
        <Lead>
          <T k={k} vars={vars} />
        </Lead>
      ))}
      {more}
      {button ? (
        <Button href={button.href}>
          <T k={button.k} vars={'vars' in button ? button.vars : undefined} />
        </Button>
      ) : null}
      <Alternatives>
        {app ? (
          <a href={app.href}>
            <T k="common.back_to" vars={{ app: app.name }} />
          </a>
        ) : null}
        {visit.site.help ? <a href={visit.site.help}>{visit.words('footer.help')}</a> : null}
      </Alternatives>
      {trackingId ? (
        <Hint>
          <T k="common.reference" vars={{ ref: reference(trackingId) }} />
        </Hint>
      ) : null}
    </>
  )
  return draw(visit, { title, body, emblem: <Emblem icon={icon} tone={tone} />, error: true }, status)
}

const named = (name: string, vars?: Vars) => ({
  title: { k: `page_error.${name}.title`, ...(vars ? { vars } : {}) },
  texts: [{ k: `page_error.${name}.text`, ...(vars ? { vars } : {}) }],
})

export function notFound(visit: Visit): Response {
  return fail(visit, {
    ...named('not_found'),
    icon: 'info',
    tone: 'info',
    action: { k: 'common.back_to', vars: { app: visit.site.name }, href: '/' },
    status: 404,
  })
}

/** The browser sent a form of another site's; nothing was changed. 200 by contract (wire contract §4.6). */
export function crossSite(visit: Visit): Response {
  const here = visit.url.pathname + visit.url.search
  return fail(visit, { ...named('cross_site'), icon: 'shield', action: { k: 'common.start_again', href: here } })
}

export function cookieNeeded(visit: Visit): Response {
  const host = at(visit.c).origin.host
  return fail(visit, {
    ...named('cookie'),
    icon: 'info',
    tone: 'info',
    more: (
      <ul class="steps">
        <li>
          <T k="page_error.cookie.step_allow" vars={{ host }} />
        </li>
        <li>
          <T k="page_error.cookie.step_private" />
        </li>
        <li>
          <T k="page_error.cookie.step_app" />
        </li>
      </ul>
    ),
    action: { k: 'common.try_again', href: startAgain(visit) },
  })
}

export function featureDisabled(visit: Visit): Response {
  return fail(visit, {
    ...named('feature_disabled', { app: visit.site.name }),
    icon: 'info',
    tone: 'info',
    action: { k: 'common.back_to', vars: { app: visit.site.name }, href: '/' },
  })
}

export function directAccess(visit: Visit): Response {
  const { ui } = at(visit.c).project.config
  const href = ui.brand_page_uri ?? ui.default_client_uri
  const app = visit.site.name
  return fail(visit, {
    ...named('direct_access', { app }),
    icon: 'apps',
    tone: 'info',
    action: href === undefined ? null : { k: 'common.back_to', vars: { app }, href },
  })
}

export function pageExpired(visit: Visit): Response {
  return fail(visit, { ...named('page_expired'), icon: 'clock', tone: 'info', status: 404 })
}

/** Reasons of an account that may not sign in (authentication §1.6). */
export const accountStatuses: ReadonlySet<string> = new Set([
  'DisabledUser',
  'ScheduledDeletionByAdmin',
  'ScheduledDeletionByEndUser',
  'ScheduledAnonymizationByAdmin',
  'AnonymizedUser',
  'UserOutsideValidPeriod',
])

/** The page of a problem that ends a journey. */
export function explainFailure(
  visit: Visit,
  problem: Problem,
  more: { trackingId?: string | undefined; status?: Status } = {},
): Response {
  const app = visit.site.name
  const { reason, info = {} } = problem
  const status = more.status ?? 200
  if (accountStatuses.has(reason)) {
    const erased = info.delete_at ?? info.anonymize_at
    const on = typeof erased === 'string' ? new Date(erased) : undefined
    const vars = { app, day: on && !Number.isNaN(on.getTime()) ? day(visit.words.lang, on) : '' }
    const why =
      typeof info.reason === 'string' && info.reason !== ''
        ? [{ k: 'status.DisabledUser.reason', vars: { reason: info.reason } }]
        : []
    return fail(visit, {
      title: { k: `status.${reason}.title` },
      texts: [{ k: `status.${reason}.text`, vars }, ...(reason === 'DisabledUser' ? why : [])],
      icon: 'user',
      action: { k: 'select_account.other', href: startOver(visit) },
      status,
    })
  }
  if (reason === 'InvariantViolated' && causesOf(problem)[0]?.kind === 'NoAuthenticator')
    return fail(visit, { ...named('no_authenticator', { app }), icon: 'key', status })
  switch (reason) {
    case 'AuthenticationFlowNoPublicSignup':
      return fail(visit, {
        ...named('signup_closed', { app }),
        icon: 'lock',
        tone: 'info',
        action: { k: 'common.sign_in', href: address(visit, '/login') },
        status,
      })
    case 'AuthenticationFlowNotFound':
      return fail(visit, { ...named('page_expired'), icon: 'clock', tone: 'info', status })
    case 'PasswordResetFailed':
      return fail(visit, {
        ...named('link_spent'),
        icon: 'link',
        tone: 'info',
        action: { k: 'page_error.link_spent.action', href: address(visit, '/authflow/v2/forgot_password') },
        status,
      })
    case 'AuthenticationFlowNotAllowed':
      return fail(visit, { ...named('request', { detail: 'AuthenticationFlowNotAllowed' }), status })
    case 'AuthenticationFlowFlowNotFound':
    case 'AuthenticationFlowInvalidFlowConfig':
    case 'AuthenticationFlowInvalidTargetStep':
    case 'AuthenticationFlowStepNotFound':
      return fail(visit, {
        ...named('misconfigured', { app }),
        trackingId: more.trackingId ?? String(info.tracking_id ?? ''),
        status,
      })
    case 'ServiceUnavailable':
      return fail(visit, {
        ...named('unavailable'),
        icon: 'clock',
        action: { k: 'common.try_again', href: visit.url.pathname + visit.url.search },
        status: 503,
      })
    case 'AccountLockout': {
      const said = explain(problem, visit.words, { app, now: visit.now })
      return fail(visit, { title: { k: 'page_error.locked.title' }, texts: [said], icon: 'lock', status })
    }
    case 'RateLimited':
    case 'TooManyRequest': {
      const n = problem.retryAfter ?? 60
      return fail(visit, {
        ...named('rate_limited', { n }),
        more: <Countdown seconds={n} k="page_error.rate_limited.wait" ready="page_error.rate_limited.ready" stays />,
        icon: 'clock',
        action: { k: 'common.try_again', href: visit.url.pathname + visit.url.search },
        status,
      })
    }
    case 'UnexpectedError':
      return fail(visit, {
        ...named('unexpected'),
        tone: 'danger',
        action: {
          k: 'common.try_again',
          href: visit.c.req.method === 'GET' ? visit.url.pathname + visit.url.search : startAgain(visit),
        },
        trackingId: more.trackingId ?? String(info.tracking_id ?? ''),
        status,
      })
    default: {
      const said = explain(problem, visit.words, { app, now: visit.now, trackingId: more.trackingId })
      return fail(visit, { title: { k: 'page_error.refused.title' }, texts: [said], status })
    }
  }
}

/** Sign-in anew within the same request, for another account. */
function startOver(visit: Visit): string {
  return address(visit, '/login')
}

/** The page of anything thrown. */
export function failureOf(visit: Visit, error: unknown, trackingId: string): Response {
  if (!(error instanceof Refusal))
    return explainFailure(visit, { reason: 'UnexpectedError' }, { trackingId, status: 500 })
  if (error.retryAfter !== undefined) visit.c.header('retry-after', String(error.retryAfter))
  const status = ([400, 403, 404, 413, 429, 500, 503] as const).find((one) => one === error.status) ?? 400
  return explainFailure(visit, problemOf(error), { trackingId, status })
}
