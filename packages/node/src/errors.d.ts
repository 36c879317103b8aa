/** No token came, or one that is no good. `message` says why, and may be shown to the developer who called. */
export declare class Unauthorized extends Error {
    readonly name = "Unauthorized";
    /** Whether the caller presented anything. */
    readonly presented: boolean;
    /** Read by Express and Hono, and by Fastify. */
    readonly status = 401;
    readonly statusCode = 401;
    constructor(message: string, options?: ErrorOptions & {
        presented?: boolean;
    });
}
/** The token is good, and not for this. RFC 6750 §3.1, `insufficient_scope`. */
export declare class Forbidden extends Error {
    readonly name = "Forbidden";
    readonly status = 403;
    readonly statusCode = 403;
}
/** Headgear, or the store, cannot be reached, so nobody can say. Never means "signed out"; `cause` is what happened. */
export declare class Unavailable extends Error {
    readonly name = "Unavailable";
    readonly status = 503;
    readonly statusCode = 503;
}
/** Does something that depends on another machine; whatever goes wrong there is `Unavailable`. */
export declare function reaching<T>(what: string, work: () => Promise<T>): Promise<T>;
