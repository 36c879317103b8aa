import { type JWTPayload } from 'jose';
import { type ProviderOptions } from './provider.ts';
/**
 * How it is learnt that a session has ended before its tokens expire:
 * - `feed-or-resolver`: from the revocation feed; while that is out of reach, by asking the resolver with each token.
 * - `feed-or-refuse`: from the feed; while that is out of reach, every token is refused with 503.
 * - `resolver`: by asking it with each token.
 * - `until-expiry`: not at all. An ended session goes on until its access token expires.
 */
export type Revocations = 'feed-or-resolver' | 'feed-or-refuse' | 'resolver' | 'until-expiry';
export type VerifierOptions = ProviderOptions & {
    /** Whom tokens are made out to; the issuer itself unless given, as Headgear has it for people's tokens. */
    audience?: string;
    /** Clients whose tokens are welcome; any client of the project unless given. */
    clients?: readonly string[];
    /** `feed-or-resolver` unless given. */
    revocations?: Revocations;
};
/** Who calls. */
export type Caller = {
    /** The user, or `client_id_…` for a machine. */
    sub: string;
    clientId: string;
    scopes: readonly string[];
    /** Effective roles of the user. */
    roles: readonly string[];
    /** Everything that the token says. */
    claims: Readonly<JWTPayload>;
};
/** Where a token may be found: an `Authorization` header as text, a `Request`, or anything with web-standard headers. */
export type Bearing = string | null | undefined | {
    headers: {
        get(name: string): string | null;
    };
};
export type Verifier = AsyncDisposable & {
    /**
     * The caller that a good access token names. With `scope`, the token must have that, too.
     * @throws Unauthorized, Forbidden, or Unavailable when nobody can say.
     */
    verify(from: Bearing, needs?: {
        scope?: string;
    }): Promise<Caller>;
    /** Stops following the feed. */
    close(): Promise<void>;
};
/** Makes a verifier; an API needs one. It asks Headgear for nothing before the first token. @throws TypeError. */
export declare function verifier(options: VerifierOptions): Verifier;
/** What to answer to an error of `verify` (RFC 6750 §3), or undefined for errors of another kind. */
export declare function refusal(error: unknown): Response | undefined;
