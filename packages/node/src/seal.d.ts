import { type JWTPayload } from 'jose';
/** What a sealed text is for; one cannot be passed off as another. */
export type Purpose = 'sign-in' | 'session' | 'tokens' | 'stored session';
export type Sealer = {
    seal(purpose: Purpose, content: JWTPayload): Promise<string>;
    /** The content, or undefined when it was not sealed by one of the keys, for this, or its `exp` has passed. */
    open(purpose: Purpose, text: string): Promise<JWTPayload | undefined>;
};
/**
 * The first secret seals, all open: to change it, add the new one last everywhere, then move it to the front, and drop
 * the old one when what it sealed is gone. @throws TypeError when there is none, or one that could be guessed.
 */
export declare function sealer(keys: readonly (string | undefined)[], now: () => Date): Sealer;
