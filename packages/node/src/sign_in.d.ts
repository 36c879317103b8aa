import { type Client } from './client.ts';
import { type CookieWriter } from './cookies.ts';
import { type Keeper } from './held.ts';
import type { Settings } from './options.ts';
import type { Sealer } from './seal.ts';
import { type Visits } from './session.ts';
export type SignInOptions = {
    /** Where to go afterwards: a path of this app. Anything else becomes `/`. */
    returnTo?: string | null | undefined;
    /** Parameters of this authorization request, such as `prompt`, `max_age` or `x_page`. */
    parameters?: Readonly<Record<string, string>>;
};
export type SignIn = {
    begin(cookieHeader: string | null, options: SignInOptions): Promise<Response>;
    finish(search: string, cookieHeader: string | null): Promise<Response>;
};
export declare function signIn(from: {
    settings: Settings;
    client: Client;
    keeper: Keeper;
    visits: Visits;
    sealer: Sealer;
    writer: CookieWriter;
    now(): Date;
}): SignIn;
export declare function redirect(location: string, lines?: readonly string[]): Response;
/** Path, query and fragment of a place in this app; `/` for any other place, and for the addresses of sign-in itself. */
export declare function pathOf(returnTo: string | null | undefined, { origin, paths }: Pick<Settings, 'origin' | 'paths'>): string;
