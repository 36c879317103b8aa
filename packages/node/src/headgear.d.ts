import { type Options, type Paths } from './options.ts';
import { type SetHeader, type Visit } from './session.ts';
import { type SignInOptions } from './sign_in.ts';
export type Headgear = AsyncDisposable & {
    /** The app's public origin. */
    readonly origin: string;
    /** The addresses that `handle` answers. */
    readonly paths: Readonly<Paths>;
    /** Answers sign-in, callback and sign-out; undefined for any other address. @throws Unavailable when a store is out of reach. */
    handle(request: Request): Promise<Response | undefined>;
    /**
     * Who is here. `set` puts headers on the answer, and may be called until `accessToken()` of the session has settled.
     * @throws Unavailable when a store or a shared denylist is out of reach.
     */
    visit(cookieHeader: string | null | undefined, set: SetHeader): Promise<Visit>;
    /** Sends the browser to sign in. */
    signIn(request: Request, options?: SignInOptions): Promise<Response>;
    /**
     * What to answer to a request that needs a session and has none: a page leads to sign-in and back, anything else gets
     * 401; 503 during an outage.
     */
    demand(request: Demanding, visit: Visit): Response;
    /** Makes a server of web-standard requests: `handler` gets those that are not this package's own. 503 while a store is out of reach. */
    fetch(handler: (request: Request, visit: Visit) => Response | Promise<Response>): (request: Request) => Promise<Response>;
    /** Stops following the revocation feed. */
    close(): Promise<void>;
};
/** What `demand` looks at. `url` may be a path. */
export type Demanding = {
    method: string;
    url: string;
    headers: {
        get(name: string): string | null;
    };
};
/** Makes the app's side of sign-in. It asks Headgear for nothing before the first sign-in. @throws TypeError that names the option. */
export declare function headgear(options: Options): Headgear;
