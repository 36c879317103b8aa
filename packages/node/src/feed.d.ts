import { type JWTPayload } from 'jose';
import { type Provider } from './provider.ts';
/** What is known of a token: it is barred, it is not, or too much time has passed to say. */
export type Standing = 'barred' | 'clear' | 'unknown';
export type Feed = AsyncDisposable & {
    /** Looks a token's claims up. The first call begins to follow, and waits a second at most for an answer. */
    standing(claims: Readonly<JWTPayload>): Promise<Standing>;
    /** Stops following; later answers are `unknown`. */
    close(): Promise<void>;
};
export declare function followRevocations(provider: Provider): Feed;
/** What is barred until when. An entry that cannot be read is no reason to lose the others. */
export declare function revocationTable(): {
    add(page: readonly unknown[]): void;
    bars({ sid, jti, client_id, iat }: Readonly<JWTPayload>): boolean;
    /** Drops entries that expired before `time`. */
    forget(time: Date): void;
    readonly size: number;
};
