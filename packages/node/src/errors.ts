// What can go wrong that an app must tell apart: the caller's fault, and nobody's.

/** No token came, or one that is no good. `message` says why, and may be shown to the developer who called. */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized'
  /** Whether the caller presented anything. */
  readonly presented: boolean
  /** Read by Express and Hono, and by Fastify. */
  readonly status = 401
  readonly statusCode = 401

  constructor(message: string, options: ErrorOptions & { presented?: boolean } = {}) {
    super(message, options)
    this.presented = options.presented ?? true
  }
}

/** The token is good, and not for this. RFC 6750 §3.1, `insufficient_scope`. */
export class Forbidden extends Error {
  override readonly name = 'Forbidden'
  readonly status = 403
  readonly statusCode = 403
}

/** Headgear, or the store, cannot be reached, so nobody can say. Never means "signed out"; `cause` is what happened. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly status = 503
  readonly statusCode = 503
}

/** Does something that depends on another machine; whatever goes wrong there is `Unavailable`. */
export async function reaching<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof Unavailable) throw cause
    throw new Unavailable(`${what} is out of reach`, { cause })
  }
}
