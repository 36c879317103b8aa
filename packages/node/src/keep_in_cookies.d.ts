import { type CookieWriter } from './cookies.ts';
import { type Denylist } from './denylist.ts';
import type { Keeper } from './held.ts';
import type { Sealer } from './seal.ts';
export type Surroundings = {
    sealer: Sealer;
    writer: CookieWriter;
    denylist: Denylist;
    now(): Date;
    warn(message: string): void;
};
export declare function keepInCookies({ sealer, writer, denylist, now, warn }: Surroundings): Keeper;
