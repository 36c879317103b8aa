// Lists of settings: each row says what it is, how it stands, and offers one thing to do.
import type { Child, PropsWithChildren } from 'hono/jsx'
import { Icon, type IconName } from './icons.tsx'

/** Rows under an optional heading, in one panel. */
export function Rows({ title, children }: PropsWithChildren<{ title?: Child | undefined }>) {
  return (
    <section class="section">
      {title ? <h2 class="section-title">{title}</h2> : null}
      <ul class="rows">{children}</ul>
    </section>
  )
}

export type RowProps = {
  label: Child
  /** How it stands. */
  value?: Child | undefined
  /** The value is written left to right in every language. */
  ltr?: boolean | undefined
  icon?: IconName | undefined
  chips?: Child | undefined
  /** The whole row leads there. */
  href?: string | undefined
  /** One button or link at the end; not together with `href`. */
  action?: Child | undefined
}

/** One row. */
export function Row({ label, value, ltr, icon, chips, href, action }: RowProps) {
  const inner = (
    <>
      {icon ? (
        <span class="row-icon">
          <Icon name={icon} />
        </span>
      ) : null}
      <span class="row-text">
        <span class="row-head">
          <span class="row-label">{label}</span>
          {chips}
        </span>
        {value ? (
          <span class="row-value" dir={ltr ? 'ltr' : undefined}>
            {value}
          </span>
        ) : null}
      </span>
      {href !== undefined ? <Icon name="forward" /> : null}
      {action ? <span class="row-action">{action}</span> : null}
    </>
  )
  return (
    <li>
      {href !== undefined ? (
        <a class="row" href={href}>
          {inner}
        </a>
      ) : (
        <div class="row">{inner}</div>
      )}
    </li>
  )
}

/** Nothing in a list yet: what it is for, and how to begin. */
export function Empty({ icon, action, children }: PropsWithChildren<{ icon: IconName; action?: Child | undefined }>) {
  return (
    <div class="empty">
      <span class="emblem">
        <Icon name={icon} />
      </span>
      <p>{children}</p>
      {action}
    </div>
  )
}
