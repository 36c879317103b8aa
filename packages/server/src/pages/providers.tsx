// Buttons that lead to another identity provider. Each mark is drawn here, small and plain; a provider without one gets
// its initial.
import type { Child } from 'hono/jsx'
import { Button } from './parts.tsx'
import { T } from './sentences.tsx'

const names: Record<string, string> = {
  google: 'Google',
  apple: 'Apple',
  facebook: 'Facebook',
  github: 'GitHub',
  linkedin: 'LinkedIn',
  azureadv2: 'Microsoft',
  azureadb2c: 'Microsoft',
  adfs: 'AD FS',
  wechat: 'WeChat',
}

/** What people call a provider `type` of the configuration. */
export function providerName(type: string): string {
  return names[type] ?? type
}

/** Posts `x_provider_alias`; belongs in a form of its own. */
export function ProviderButton({ type, alias, name }: { type: string; alias: string; name?: string | undefined }) {
  const shown = name ?? providerName(type)
  return (
    <Button kind="provider" name="x_provider_alias" value={alias} icon={<Mark type={type} name={shown} />}>
      <T k="login.provider" vars={{ provider: shown }} />
    </Button>
  )
}

function Mark({ type, name }: { type: string; name: string }) {
  const drawn = marks[type]
  if (!drawn) {
    return (
      <span class="initial" aria-hidden="true">
        {Array.from(name)[0]?.toLocaleUpperCase()}
      </span>
    )
  }
  return (
    <svg class="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      {drawn()}
    </svg>
  )
}

const squares = () => (
  <>
    <path fill="#f25022" d="M2 2h7.5v7.5H2z" />
    <path fill="#7fba00" d="M10.5 2H18v7.5h-7.5z" />
    <path fill="#00a4ef" d="M2 10.5h7.5V18H2z" />
    <path fill="#ffb900" d="M10.5 10.5H18V18h-7.5z" />
  </>
)

const marks: Record<string, () => Child> = {
  google: () => (
    <g fill="none" stroke-width="3.2">
      <path stroke="#ea4335" d="M4.2 6.7A6.7 6.7 0 0 1 14.9 5.4" />
      <path stroke="#fbbc05" d="M4.4 13.6A6.7 6.7 0 0 1 4.2 6.7" />
      <path stroke="#34a853" d="M14.4 15A6.7 6.7 0 0 1 4.2 13.3" />
      <path stroke="#4285f4" d="M10.2 10h6.5a6.7 6.7 0 0 1-2.4 5.1" />
    </g>
  ),
  azureadv2: squares,
  azureadb2c: squares,
  facebook: () => (
    <>
      <circle cx="10" cy="10" r="8.5" fill="#1877f2" />
      <path
        fill="#fff"
        d="M8.7 18.5v-6.3H6.6V9.7h2.1V7.9c0-2.2 1.3-3.3 3.2-3.3.7 0 1.3.1 1.7.1v2.2h-1.1c-1 0-1.3.5-1.3 1.2v1.6h2.3l-.4 2.5h-1.9v6.3z"
      />
    </>
  ),
  linkedin: () => (
    <>
      <rect x="1.5" y="1.5" width="17" height="17" rx="2.5" fill="#0a66c2" />
      <path
        fill="#fff"
        d="M4.3 8h2.5v7.7H4.3zM5.5 4.2a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM8.5 8h2.4v1.1c.4-.7 1.2-1.3 2.4-1.3 2.1 0 2.7 1.3 2.7 3.4v4.5h-2.5v-4c0-1-.1-1.9-1.2-1.9s-1.3.8-1.3 1.8v4.1H8.5z"
      />
    </>
  ),
  github: () => (
    <>
      <circle cx="10" cy="10" r="8.5" fill="currentColor" />
      <path
        class="cut"
        d="M6.4 7c-.1-.7 0-1.5.3-2.1.8 0 1.5.4 2.1.9.8-.2 1.6-.2 2.4 0 .6-.5 1.3-.9 2.1-.9.3.6.4 1.4.3 2.1.5.6.8 1.3.8 2.200 0 2.4-1.4 3.200-3.1 3.4.3.3.5.8.5 1.500v4.500H8.200v-1.700c-1.500.3-2.1-.5-2.500-1.3-.2-.4-.5-.7-.8-.9.9-.2 1.500.3 1.900.9.3.5.8.7 1.4.5.1-.4.3-.7.5-.9-1.800-.2-3.1-1-3.1-3.500 0-.9.3-1.600.8-2.200z"
      />
    </>
  ),
  apple: () => (
    <path
      fill="currentColor"
      d="M14 10.6c0-1.7 1.3-2.5 1.5-2.7-.8-1.2-2.1-1.4-2.6-1.4-1.1-.1-2.1.7-2.7.7-.6 0-1.4-.7-2.4-.6-1.3 0-2.4.7-3.1 1.8-1.3 2.3-.3 5.7.9 7.5.6.9 1.4 1.9 2.3 1.9.9 0 1.3-.6 2.4-.6s1.4.6 2.4.6c1 0 1.6-.9 2.2-1.8.7-1 1-2 1-2.1 0 0-1.9-.8-1.9-3.3zM12.2 5.3c.5-.6.9-1.5.8-2.4-.7 0-1.7.5-2.2 1.1-.5.5-.9 1.4-.8 2.3.8.1 1.7-.4 2.2-1z"
    />
  ),
  wechat: () => (
    <>
      <path
        fill="#07c160"
        d="M8 3C4.4 3 1.5 5.4 1.5 8.4c0 1.7.9 3.2 2.4 4.2l-.6 1.9 2.2-1.1c.8.2 1.6.4 2.5.4h.5a4.8 4.8 0 0 1-.2-1.4c0-2.9 2.7-5.1 6-5.1h.5C14.2 4.8 11.4 3 8 3z"
      />
      <path
        fill="#07c160"
        d="M18.7 12.4c0-2.4-2.3-4.3-5.1-4.3s-5.1 1.9-5.1 4.3 2.3 4.3 5.1 4.3c.6 0 1.2-.1 1.8-.3l1.7.9-.5-1.5c1.3-.8 2.1-2 2.1-3.4z"
      />
    </>
  ),
}
