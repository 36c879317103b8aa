import type { Denylist } from './denylist.ts';
/** `data` is sealed. `sid`, `sub` and `signedInAt` are in the clear, so that sessions can be found when they end. */
export type StoredSession = {
    data: string;
    sid: string | null;
    sub: string;
    signedInAt: Date;
    expiresAt: Date;
};
/** Keys are digests: whoever reads the store cannot make a cookie of one. Each method throws when it cannot be done. */
export type SessionStore = Denylist & {
    create(key: string, session: StoredSession): Promise<void>;
    /** What is kept under the key, and its version, which begins at 1; undefined when it is gone or has expired. */
    read(key: string): Promise<{
        data: string;
        version: number;
    } | undefined>;
    /** Of all that ask at once, in any process, lets one renew this version, for `ms`. @returns whether it is this caller. */
    claim(key: string, version: number, ms: number): Promise<boolean>;
    /** Gives a claim back before its time. */
    release(key: string, version: number): Promise<void>;
    /** Makes the next version, which nobody has claimed. @returns false when another version is there, or none. */
    replace(key: string, version: number, session: StoredSession): Promise<boolean>;
    remove(key: string): Promise<void>;
    /** Removes the sessions of a `sid`, or those of a user that began by a time. */
    removeAll(of: {
        sid: string;
    } | {
        sub: string;
        until: Date;
    }): Promise<void>;
};
