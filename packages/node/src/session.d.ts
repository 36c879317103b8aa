import type { Claims, Client } from './client.ts';
import type { Feed } from './feed.ts';
import { type Held, type Keeper } from './held.ts';
import type { Settings } from './options.ts';
export type Session = {
    /** The user's id. */
    readonly sub: string;
    /** What the newest ID token says of the user. */
    readonly claims: Claims;
    /** Headgear's public id of the session. */
    readonly sid: string | undefined;
    readonly signedInAt: Date;
    /** When the access token expires. */
    readonly expiresAt: Date;
    /** The access token has expired, and Headgear cannot be reached for another. */
    readonly stale: boolean;
    /** A link that signs this session out, and no other. */
    readonly logoutPath: string;
    /** A good access token, renewed if need be. @throws Unavailable, or Unauthorized when the session is over. */
    accessToken(): Promise<string>;
};
export type Visit = {
    /** Undefined when nobody is signed in, or while `outage`. */
    readonly session: Session | undefined;
    /** There is a session, and Headgear has been out of reach for too long to go on with it. Its cookies stay. */
    readonly outage: boolean;
};
/** Puts a header on the answer: `set-cookie` beside those that are there, `cache-control` in place of another. */
export type SetHeader = (name: 'set-cookie' | 'cache-control', value: string) => void;
export type Visits = {
    visit(cookieHeader: string | null | undefined, set: SetHeader): Promise<Visit>;
    /** Without renewing anything. */
    peek(cookieHeader: string | null | undefined): Promise<Held | undefined>;
};
export declare function visits(from: {
    settings: Settings;
    client: Client;
    keeper: Keeper;
    feed: Feed | undefined;
    now(): Date;
}): Visits;
/** The same answer with more headers. */
export declare function withHeaders(response: Response, put: readonly Parameters<SetHeader>[]): Response;
