// The project that a first start makes, with its demo apps in place.
export const defaultProjectId = 'default'

export type DemoOrigins = { app: string; nginx: string }

/** Where the demo is served beside the server on `origin`: the next port, and nginx's on the one after it. */
export function demoOrigins(origin: string): DemoOrigins {
  const url = new URL(origin)
  const port = Number(url.port || 80)
  return { app: `http://localhost:${port + 1}`, nginx: `http://localhost:${port + 2}` }
}

/** `authgear.yaml` of the default project at `origin`. */
export function defaultProjectConfig(origin: string): string {
  const demo = demoOrigins(origin)
  return `id: ${defaultProjectId}
http:
  public_origin: ${origin}
  allowed_origins:
    - ${demo.nginx}
localization:
  supported_languages: [en, zh-TW]
authentication:
  identities: [login_id, anonymous]
  primary_authenticators: [password, oob_otp_email]
identity:
  login_id:
    keys:
      - type: email
      - type: phone
      - type: username
oauth:
  clients:
    - client_id: demo
      name: Demo app
      x_application_type: spa
      redirect_uris:
        - ${demo.app}/
        - ${demo.app}/reauthenticated
        - ${demo.app}/settings-done
      post_logout_redirect_uris:
        - ${demo.app}/
      issue_jwt_access_token: true
      access_token_lifetime_seconds: 300
`
}
