import type { Identity } from './held.ts';
/** What has ended: one session, the sessions of one `sid`, or those of one user that began by a certain time. */
export type Ended = {
    id: string;
} | {
    sid: string;
} | {
    sub: string;
    until: Date;
};
/** Where ended sessions are remembered. Share one among processes, or each knows only what it was told itself. */
export type Denylist = {
    /** Bars sessions under `name` that began before `before`, and may forget it after `expires`. */
    deny(name: string, before: Date, expires: Date): Promise<void>;
    /** Whether any of the names bars a session that began at `began`. @throws when it cannot be known. */
    denied(names: readonly string[], began: Date): Promise<boolean>;
};
/** A denylist in this process, which forgets the oldest beyond `limit` entries. */
export declare function memoryDenylist(now: () => Date, limit?: number): Denylist;
export declare function denyEnded(denylist: Denylist, ended: Ended, now: Date): Promise<void>;
export declare function isDenied(denylist: Denylist, { id, sid, sub, signedInAt }: Identity): Promise<boolean>;
