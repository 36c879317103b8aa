import type { Claims, Tokens } from './client.ts';
import type { Cookies } from './cookies.ts';
import type { Ended } from './denylist.ts';
/** What a sign-in leaves: the same until the session ends. */
export type Identity = {
    id: string;
    sub: string;
    sid?: string;
    /** Unix milliseconds. */
    signedInAt: number;
    /** In a logout link, shows that whoever made the link could read the session. */
    exit: string;
};
/** What each renewal replaces. Times are Unix milliseconds. */
export type Grant = {
    claims: Claims;
    expiresAt: number;
    issuedAt: number;
    /** Absent where a cookie had no room for it. */
    accessToken?: string;
    refreshToken?: string;
};
export type Held = {
    identity: Identity;
    grant: Grant;
    version?: number;
};
/** A session, and the `Set-Cookie` lines that go with it. */
export type Kept = {
    held: Held;
    lines: string[];
};
/** Asks Headgear for new tokens. @throws Unavailable. */
export type Ask = (held: Held) => Promise<Grant | 'ended'>;
export type Keeper = {
    /** The session of these cookies. @throws Unavailable when a store cannot say. */
    open(cookies: Cookies): Promise<Kept | undefined>;
    /** Keeps a new session, in place of the one that the cookies name. @returns `Set-Cookie` lines. */
    begin(held: Held, cookies: Cookies): Promise<string[]>;
    /** New tokens: asks once for all that want them at once. @throws Unavailable; the session is as before then. */
    renew(held: Held, ask: Ask): Promise<Kept | 'ended'>;
    end(ended: Ended): Promise<void>;
    /** Whether it ended although it can still be opened. */
    hasEnded(held: Held): Promise<boolean>;
    /** `Set-Cookie` lines that take everything back. */
    clear(): string[];
};
/** The grant after a token response: what did not come anew stays. */
export declare function renewed(grant: Grant, tokens: Tokens): Grant;
