export type Cookies = ReadonlyMap<string, string>;
/** What a browser takes for one cookie, name and attributes included. */
export declare const largestCookie = 4096;
/** Reads a `Cookie` header. Of several with one name the first counts. */
export declare function readCookies(header: string | null | undefined): Cookies;
export type CookieWriter = {
    /** The full name of a cookie: on https with a prefix that keeps sibling hosts from planting one (RFC 6265bis §4.1.3). */
    name(short: string): string;
    set(short: string, value: string, maxAgeSeconds: number): string;
    clear(short: string): string;
};
export declare function cookieWriter(base: string, origin: string): CookieWriter;
/** The `Cookie` header that a browser would send after an answer with these `Set-Cookie` lines. */
export declare function afterwards(header: string | null | undefined, lines: readonly string[]): string;
