import { type Provider } from './provider.ts';
/** What the ID token says about the user; the protocol's own claims are left out. */
export type Claims = {
    readonly sub: string;
    readonly [claim: string]: unknown;
};
/** A token response. Times are Unix milliseconds. */
export type Tokens = {
    accessToken: string;
    expiresAt: number;
    issuedAt: number;
    /** Absent when the one before is still good, or none was granted. */
    refreshToken?: string;
    idToken?: string;
    /** Absent when no ID token came. */
    claims?: Claims;
    sid?: string;
};
/** What a sign-in remembers until its code comes back. */
export type Attempt = {
    state: string;
    nonce: string;
    verifier: string;
    maxAge?: number;
};
export type Client = {
    authorizationUrl(attempt: Attempt, parameters: Readonly<Record<string, string>>): Promise<URL>;
    /** @throws SignInError, or Unavailable. */
    redeem(answer: URL, attempt: Attempt): Promise<Tokens & {
        claims: Claims;
    }>;
    /** New tokens, or `ended` when Headgear's verdict is final (`invalid_grant`). @throws Unavailable for all else. */
    refresh(refreshToken: string): Promise<Tokens | 'ended'>;
    /** RFC 7009. @throws Unavailable. */
    revoke(refreshToken: string): Promise<void>;
    /** RP-Initiated Logout 1.0 §2; without an ID token the user is asked there. @throws Unavailable. */
    endSessionUrl(idToken: string | undefined, returnTo: string): Promise<URL>;
};
/** The sign-in came back without a user: `code` is the error of RFC 6749 §4.1.2.1 or §5.2, or `invalid_response`. */
export declare class SignInError extends Error {
    readonly name = "SignInError";
    readonly status = 400;
    readonly statusCode = 400;
    readonly code: string;
    constructor(code: string, message: string, options?: ErrorOptions);
}
export type ClientOptions = {
    clientId: string;
    clientSecret?: string | undefined;
    redirectUri: string;
};
export declare function client(provider: Provider, options: ClientOptions): Client;
