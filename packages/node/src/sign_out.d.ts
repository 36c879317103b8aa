import type { Client } from './client.ts';
import type { Keeper } from './held.ts';
import type { Settings } from './options.ts';
import { type Provider } from './provider.ts';
import type { Visits } from './session.ts';
export type SignOut = {
    /** Signs out here and sends the browser on to sign out there. */
    byUser(request: Request): Promise<Response>;
    /** OpenID Connect Back-Channel Logout 1.0 §2.8. */
    byHeadgear(logoutToken: string | undefined): Promise<Response>;
};
export declare function signOut(from: {
    settings: Settings;
    provider: Provider;
    client: Client;
    keeper: Keeper;
    visits: Visits;
}): SignOut;
