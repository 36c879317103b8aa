// GET /_dev: every message that would have left, newest first. Works without script; with it, codes copy on a click and
// new messages appear by themselves.

import type { Words } from '../localization/words.ts'
import { Icon } from '../pages/icons.tsx'
import { Layout, type Site } from '../pages/layout.tsx'
import { Button, Lead, Literal } from '../pages/parts.tsx'
import { Empty } from '../pages/rows.tsx'
import type { CaughtMessage } from './inbox.ts'
import { codeIn, pieces } from './message_text.ts'

export type InboxProps = {
  site: Site
  words: Words
  /** Oldest first, as they were caught. */
  messages: readonly CaughtMessage[]
  /** Only messages to this recipient are listed. */
  to?: string | undefined
  /** Address of the demo app. */
  demo: string
}

/** The whole document, ready for `c.html`. */
export function inboxPage({ site, words, messages, to, demo }: InboxProps) {
  const newest = messages.toReversed()
  return (
    <Layout
      site={site}
      words={words}
      title="Inbox"
      shape="list"
      corner={
        <CornerLinks
          links={[
            ['/_dev/start', 'First steps'],
            [demo, 'Demo app'],
          ]}
        />
      }
    >
      <DevAssets />
      <Lead>Every email and text message of this server. Nothing leaves this machine, so any address will do.</Lead>
      {to === undefined ? null : (
        <p class="dev-filter">
          To <bdi>{to}</bdi> only. <a href="/_dev">Show all</a>
        </p>
      )}
      {newest.length === 0 ? (
        <Empty
          icon="mail"
          action={
            <Button kind="secondary" small href={demo}>
              Open the demo app
            </Button>
          }
        >
          {to === undefined
            ? 'No messages yet. Create an account in the demo app, and its code arrives here.'
            : 'Nothing was sent there yet. Check the spelling, or show all messages.'}
        </Empty>
      ) : (
        <>
          <p class="dev-count">
            <span>{newest.length === 1 ? 'One message' : `${newest.length} messages`}, newest first</span>
            <a href={to === undefined ? '/_dev' : `/_dev?to=${encodeURIComponent(to)}`}>Refresh</a>
          </p>
          <ol class="dev-messages">
            {newest.map((message) => (
              <Message message={message} />
            ))}
          </ol>
        </>
      )}
      <div data-inbox={`${messages.length} ${messages.at(-1)?.at ?? ''}`} data-to={to} />
    </Layout>
  )
}

function Message({ message }: { message: CaughtMessage }) {
  const code = codeIn(`${message.subject}\n${message.text}`)
  return (
    <li class="panel dev-message">
      <p class="dev-envelope">
        <Icon name={message.channel === 'email' ? 'mail' : 'phone'} />
        <a href={`/_dev?to=${encodeURIComponent(message.to)}`}>
          <bdi dir="ltr">{message.to}</bdi>
        </a>
        <time datetime={message.at} data-moment="clock">
          {message.at.replace('T', ' ').slice(0, 19)} UTC
        </time>
      </p>
      {message.subject === '' ? null : <h2 class="dev-subject">{message.subject}</h2>}
      {code === undefined ? null : (
        <div class="dev-code" data-copy={code}>
          <Literal large>{code}</Literal>
        </div>
      )}
      {code === undefined ? (
        <Text text={message.text} />
      ) : (
        // Of a code, people want the code; the rest is a click away.
        <details>
          <summary>Whole message</summary>
          <Text text={message.text} />
        </details>
      )}
    </li>
  )
}

function Text({ text }: { text: string }) {
  return (
    <p class="dev-text">
      {pieces(text.trim()).map((piece) => (piece.link ? <a href={piece.text}>{piece.text}</a> : piece.text))}
    </p>
  )
}

/** Links in the top bar of both pages. */
export function CornerLinks({ links }: { links: readonly (readonly [href: string, text: string])[] }) {
  return (
    <nav class="dev-corner" aria-label="Development">
      {links.map(([href, text]) => (
        <a href={href}>{text}</a>
      ))}
    </nav>
  )
}

/** The sheet and script that only these pages have. */
export function DevAssets() {
  return (
    <>
      <link rel="stylesheet" href="/_dev/dev.css" />
      <script src="/_dev/dev.js" defer />
    </>
  )
}
