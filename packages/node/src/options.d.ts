import type { Claims, SignInError } from './client.ts';
import type { Denylist } from './denylist.ts';
import type { Unavailable } from './errors.ts';
import { type ProviderOptions } from './provider.ts';
import type { SessionStore } from './store.ts';
/** The addresses at which the app answers for this package. */
export type Paths = {
    /** `GET`, with `return_to`: begins a sign-in. `/auth/login` */
    login: string;
    /** Where Headgear sends the browser back to: register it with the client. `/auth/callback` */
    callback: string;
    /** `POST` from the app's own pages, or `GET` by a session's `logoutPath`. `/auth/logout` */
    logout: string;
    /** Where Headgear tells of sessions that ended: register it as `backchannel_logout_uri`. `/auth/backchannel-logout` */
    backchannelLogout: string;
};
export type Options = ProviderOptions & {
    clientId: string;
    /** Of a confidential client. */
    clientSecret?: string | undefined;
    /** The client has no secret, and PKCE alone protects its codes. */
    publicClient?: boolean;
    /** The public origin of this app, such as `https://app.example.net`. What a request calls itself is not believed. */
    origin: string;
    /** Secrets of at least 32 characters. The first seals, all open, so that a new one can take over. */
    cookieKeys: readonly (string | undefined)[];
    /** Beside `openid` and `offline_access`; `profile` and `email` unless given. */
    scopes?: readonly string[];
    /** More parameters for each authorization request, such as `ui_locales`. */
    authorizationParameters?: Readonly<Record<string, string>>;
    paths?: Partial<Paths>;
    /** Where the browser arrives after signing out: register it among `post_logout_redirect_uris`. `/` unless given. */
    afterLogout?: string;
    /** Begins the names of cookies; `headgear` unless given. Two apps on one host need two. */
    cookieName?: string;
    /** Keeps sessions here, and only an id in the cookie. */
    store?: SessionStore;
    /** Seconds that a session is kept in the store without being used; 30 days unless given. */
    idleSeconds?: number;
    /** Where sessions in cookies are remembered that ended early; in this process unless given. */
    denylist?: Denylist;
    /** Follows the revocation feed, and drops sessions that it names. For clients whose access tokens are JWTs. */
    followRevocations?: boolean;
    /** Seconds that a session goes on after its access token expired while Headgear is out of reach; an hour unless given. */
    outageSeconds?: number;
    /** What to keep of an ID token; everything about the user unless given. `sub` is always kept. */
    claims?: (idToken: Claims) => Record<string, unknown>;
    /** Answers a browser whose sign-in failed; `again` is the address that begins another. */
    failed?: (error: SignInError | Unavailable, again: string) => Response | Promise<Response>;
    /** Hears of faults that were survived, in words that hold no secret. They go to `console.warn` unless given. */
    onFault?: (fault: Error) => void;
};
export type Settings = ReturnType<typeof settings>;
/** @throws TypeError that names the option. */
export declare function settings(options: Options): {
    clientId: string;
    clientSecret: string | undefined;
    origin: string;
    cookieName: string;
    paths: Paths;
    afterLogout: string;
    scope: string;
    authorizationParameters: Readonly<Record<string, string>>;
    idleMs: number;
    outageMs: number;
    failed: ((error: SignInError | Unavailable, again: string) => Response | Promise<Response>) | undefined;
    onFault: (fault: Error) => void;
    claims: ({ sub, ...rest }: Claims) => Claims;
};
