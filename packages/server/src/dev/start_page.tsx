// GET /_dev/start: the page of a first run. Three things to do, how to connect an app, how the server stands.
import type { PropsWithChildren } from 'hono/jsx'
import type { Words } from '../localization/words.ts'
import { Layout, type Site } from '../pages/layout.tsx'
import { Button, Lead } from '../pages/parts.tsx'
import { Row, Rows } from '../pages/rows.tsx'
import { CornerLinks, DevAssets } from './inbox_page.tsx'

export type StartProps = {
  site: Site
  words: Words
  /** Of the default project. */
  origin: string
  demo: string
  /** Messages caught so far. */
  messages: number
  /** The account made last, and the node id that the Admin API knows it by. */
  account?: { name: string; nodeId: string } | undefined
  database: 'embedded' | 'postgres'
  /** Where the embedded database lies. */
  dataDir?: string | undefined
  version: string
}

/** The whole document, ready for `c.html`. */
export function startPage(props: StartProps) {
  const { site, words, origin, demo, messages, account, database, dataDir, version } = props
  const embedded = database === 'embedded'
  return (
    <Layout
      site={site}
      words={words}
      title="Headgear is running."
      shape="list"
      corner={
        <CornerLinks
          links={[
            ['/_dev', 'Inbox'],
            [demo, 'Demo app'],
          ]}
        />
      }
    >
      <DevAssets />
      <Lead>An identity server of your own: hosted sign-in, sessions, and tokens. Three steps show what it does.</Lead>
      <ol class="dev-steps">
        <Step done={account !== undefined}>
          <div>
            <h2>Create the first account</h2>
            {account === undefined ? (
              <p>In the demo app, choose Create account. Any address will do.</p>
            ) : (
              <p>
                <bdi>{account.name}</bdi> is here. Any number may follow.
              </p>
            )}
          </div>
          <Button small href={demo} id="open-demo">
            Open the demo app
          </Button>
        </Step>
        <Step done={messages > 0}>
          <div>
            <h2>Read its code in the inbox</h2>
            <p>
              Messages stay on this machine:{' '}
              {messages === 0 ? 'none so far.' : messages === 1 ? 'one so far.' : `${messages} so far.`}
            </p>
          </div>
          <Button small kind="secondary" href="/_dev" id="open-inbox">
            Open the inbox
          </Button>
        </Step>
        <Step>
          <div>
            <h2>End that session</h2>
            {account === undefined ? (
              <p data-awaits>Once there is an account, the command that ends its sessions stands here.</p>
            ) : (
              <p>
                Keep the demo app in sight; within a second it has lost access. In a second terminal, in the folder
                where you started Headgear, end every session of <bdi>{account.name}</bdi> through the Admin API:
              </p>
            )}
          </div>
          {account === undefined ? null : (
            <Code id="end-sessions" text={endSessions(origin, account.nodeId, dataDir)} />
          )}
        </Step>
      </ol>

      <section class="section">
        <h2 class="section-title">Connect your app</h2>
        <div class="panel dev-connect">
          <p>
            Any of Authgear's published SDKs works after changing <code>endpoint</code>; so does any OpenID Connect
            library, by <a href={`${origin}/.well-known/openid-configuration`}>discovery</a>.
          </p>
          <Code id="connect" text={connect(origin, demo)} />
          <p>
            The client <code>demo</code> may return to <code>{demo}/</code>. For other addresses and clients, write an{' '}
            <code>authgear.yaml</code> and start with <code>npx headgear serve --dev --config authgear.yaml</code>.
          </p>
        </div>
      </section>

      <div class="section dev-status">
        <Rows title="How it stands">
          <Row
            label="Database"
            value={
              embedded ? (dataDir === undefined ? 'Embedded, in memory' : `Embedded, in ${dataDir}`) : 'PostgreSQL'
            }
          />
          <Row label="Captured messages" value={String(messages)} />
          <Row label="Version" value={`Headgear ${version}, Node ${process.versions.node}`} />
          {embedded && dataDir !== undefined ? (
            <Row
              label="Start over"
              value={
                <>
                  Stop the server, then: <code class="dev-inline">rm -rf {dataDir}</code>
                </>
              }
            />
          ) : null}
        </Rows>
      </div>
      <p class="hint">
        Development only: served on loopback, to this machine alone. In production, <code>headgear serve</code> without{' '}
        <code>--dev</code> has none of these pages.
      </p>
    </Layout>
  )
}

function Step({ done = false, children }: PropsWithChildren<{ done?: boolean }>) {
  return (
    <li class={done ? 'panel done' : 'panel'}>
      {done ? <span class="unseen">Done: </span> : null}
      {children}
    </li>
  )
}

function Code({ id, text }: { id: string; text: string }) {
  return (
    <div class="dev-block" data-copy={text}>
      <pre id={id} dir="ltr">
        {text}
      </pre>
    </div>
  )
}

const endSessions = (origin: string, nodeId: string, dataDir: string | undefined) => {
  const where = dataDir === undefined || dataDir === '.headgear' ? '' : ` --data-dir ${dataDir}`
  const query = `mutation { revokeAllSessions(input: { userID: \\"${nodeId}\\" }) { user { id } } }`
  return `curl ${origin}/_api/admin/graphql \\
  -H "authorization: Bearer $(npx headgear admin-token default${where})" \\
  -H "content-type: application/json" \\
  -d '{"query": "${query}"}'`
}

const connect = (origin: string, demo: string) => `import authgear from '@authgear/web'

await authgear.configure({
  endpoint: '${origin}',
  clientID: 'demo',
})
await authgear.startAuthentication({
  redirectURI: '${demo}/',
})

// On the page it returns to:
const { userInfo } = await authgear.finishAuthentication()`
