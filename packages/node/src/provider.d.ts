import { type JWTVerifyGetKey } from 'jose';
import * as oauth from 'oauth4webapi';
export type ProviderOptions = {
    /** Headgear's public origin, which is also the issuer of its tokens. https, except on this machine. */
    issuer: string;
    /** Instead of the global one, for a proxy or a certificate authority of your own. */
    fetch?: typeof fetch;
    /** How long one request to Headgear may take; 5 s unless given. */
    timeoutSeconds?: number;
    /** The time by which tokens expire, for tests that turn it. */
    now?: () => Date;
};
export type Provider = {
    issuer: string;
    fetch: typeof fetch;
    now(): Date;
    /** A signal that ends one request in time. */
    impatience(): AbortSignal;
    /** The discovery document, kept for an hour. @throws Unavailable. */
    metadata(): Promise<oauth.AuthorizationServer>;
    /** A key of the JWKS, for `jwtVerify`. @throws Unavailable when the keys cannot be had; jose's own error when there is no such key. */
    key: JWTVerifyGetKey;
};
/** Algorithms that Headgear signs with. */
export declare const algorithms: string[];
/** @throws TypeError when the issuer is not an origin, or is http and not on this machine. */
export declare function provider(options: ProviderOptions): Provider;
/** The origin that `text` is. @throws TypeError when it is none, or when what goes there could be read on the way. */
export declare function safeOrigin(text: string, name: string): string;
