import type { CookieWriter } from './cookies.ts';
import type { Keeper } from './held.ts';
import type { Sealer } from './seal.ts';
import type { SessionStore } from './store.ts';
export type StoreSurroundings = {
    store: SessionStore;
    sealer: Sealer;
    writer: CookieWriter;
    now(): Date;
    /** How long one renewal can take at most. */
    renewalMs: number;
    /** How long a session is kept that nobody uses. */
    idleMs: number;
};
export declare function keepInStore({ store, sealer, writer, now, renewalMs, idleMs }: StoreSurroundings): Keeper;
