// Pages for when no project is known: a host that nobody serves, a database that is away. Drawn from what the process
// has in memory, in the default look.
import type { Context } from 'hono'
import { bestMatch, negotiate } from '../localization/negotiate.ts'
import { translated, type Words, wordsFor } from '../localization/words.ts'
import type { Refusal } from '../refusal.ts'
import { contentPolicy } from './content_policy.ts'
import { reference } from './errors.ts'
import { Layout, type Site } from './layout.tsx'
import { Button, Emblem, Hint, Lead } from './parts.tsx'
import { T } from './sentences.tsx'

/** Whether a person's browser asks for a page, rather than a program for data. */
export function isNavigation(c: Context): boolean {
  return (c.req.header('accept') ?? '').includes('text/html')
}

async function frame(c: Context): Promise<{ site: Site; words: Words }> {
  const acceptLanguage = c.req.header('accept-language')
  const lang = negotiate({ acceptLanguage }, { supported_languages: translated, fallback_language: 'en' })
  c.header('cache-control', 'no-store')
  c.header('x-content-type-options', 'nosniff')
  c.header('content-security-policy', contentPolicy({ leadsTo: [], framedBy: [] }))
  const { hostname } = new URL(c.req.url)
  return { site: { name: hostname, theme: {} }, words: await wordsFor(bestMatch(lang, translated) ?? 'en') }
}

/** 404: nothing lives at this host. */
export async function unknownHost(c: Context, host: string | undefined): Promise<Response> {
  const { site, words } = await frame(c)
  return c.html(
    String(
      <Layout
        site={site}
        words={words}
        title={words('page_error.app_not_found.title')}
        emblem={<Emblem icon="info" tone="info" />}
      >
        <Lead>
          <T k="page_error.app_not_found.text" vars={{ host: host ?? '' }} />
        </Lead>
      </Layout>,
    ),
    404,
  )
}

/** What went wrong outside of any page. */
export async function failurePage(c: Context, refusal: Refusal, trackingId: string): Promise<Response> {
  const { site, words } = await frame(c)
  const away = refusal.name === 'ServiceUnavailable'
  const kind = away ? 'unavailable' : 'unexpected'
  const { pathname, search } = new URL(c.req.url)
  return c.html(
    String(
      <Layout
        site={site}
        words={words}
        title={words(`page_error.${kind}.title`)}
        emblem={<Emblem icon={away ? 'clock' : 'alert'} tone={away ? 'warn' : 'danger'} />}
        error
      >
        <Lead>
          <T k={`page_error.${kind}.text`} />
        </Lead>
        {c.req.method === 'GET' ? <Button href={pathname + search}>{words('common.try_again')}</Button> : null}
        <Hint>
          <T k="common.reference" vars={{ ref: reference(trackingId) }} />
        </Hint>
      </Layout>,
    ),
    refusal.status,
  )
}
