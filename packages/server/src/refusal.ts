// The one expected error. Rules return unions, actions throw Refusals, each door catches once and speaks its dialect.

/** Error names of the JSON APIs with their HTTP status (wire contract §6). */
export const statusOf = {
  BadRequest: 400,
  Invalid: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  DataRace: 409,
  RequestEntityTooLarge: 413,
  TooManyRequest: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const

export type RefusalName = keyof typeof statusOf

export type RefusalFacts = {
  name: RefusalName
  /** Stable word for programs, such as `InvalidCredentials`. */
  reason: string
  /** One sentence for the developer who reads the response. Never holds a secret. */
  message: string
  /** Structured facts that go out with the error. */
  info?: Record<string, unknown>
  /** Facts for the log only. */
  detail?: string
  /** RFC 6749 error code, when an OAuth endpoint answers. */
  oauth?: string
  /** HTTP status at an OAuth endpoint; 400 unless given. */
  oauthStatus?: 400 | 401 | 403 | 429 | 503
  /** Seconds after which trying again makes sense; sent as `Retry-After`. */
  retryAfter?: number
  /** What was presented never was ours: it counts against the caller's address. */
  guess?: boolean
}

/** An expected refusal: `name`, `reason`, `message` and `info` go out, `detail` is only logged. */
export class Refusal extends Error {
  override readonly name: RefusalName
  readonly reason: string
  readonly info: Record<string, unknown> | undefined
  readonly detail: string | undefined
  readonly oauth: string | undefined
  readonly oauthStatus: 400 | 401 | 403 | 429 | 503
  readonly retryAfter: number | undefined
  readonly guess: boolean

  constructor(facts: RefusalFacts) {
    super(facts.message)
    this.name = facts.name
    this.reason = facts.reason
    this.info = facts.info
    this.detail = facts.detail
    this.oauth = facts.oauth
    this.oauthStatus = facts.oauthStatus ?? 400
    this.retryAfter = facts.retryAfter
    this.guess = facts.guess ?? false
  }

  /** HTTP status at the JSON APIs. */
  get status(): (typeof statusOf)[RefusalName] {
    return statusOf[this.name]
  }
}

/** An OAuth refusal by its RFC 6749 §5.2 code; the JSON name follows from the status. */
export function oauthRefusal(oauth: string, message: string, more: Partial<RefusalFacts> = {}): Refusal {
  return new Refusal({ name: 'BadRequest', reason: 'OAuthProtocolError', message, oauth, ...more })
}

/** What is asked would break a rule that always holds; `kind` is `info.cause.kind` (authentication §3.8). */
export function invariantViolated(kind: string, message: string): Refusal {
  return new Refusal({ name: 'Invalid', reason: 'InvariantViolated', message, info: { cause: { kind } } })
}

/** The database or another part that we cannot do without is out of reach. Never means "not signed in". */
export function unavailable(detail: string): Refusal {
  return new Refusal({
    name: 'ServiceUnavailable',
    reason: 'ServiceUnavailable',
    message: 'The service is not available right now. Try again in a moment.',
    detail,
    oauth: 'temporarily_unavailable',
    oauthStatus: 503,
    retryAfter: 1,
  })
}
