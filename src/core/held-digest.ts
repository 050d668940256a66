/** What an agent holds, in eight bytes: for both sides to see that they agree. The order of the ids does not matter. */

export interface HeldDigest {
  readonly count: number;
  /** XOR of the 32-bit FNV-1a of each id in UTF-8. */
  readonly digest: number;
}

export const EMPTY_DIGEST: HeldDigest = { count: 0, digest: 0 };

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
const encoder = new TextEncoder();

export function digestOf(attemptIds: Iterable<string>): HeldDigest {
  let count = 0;
  let digest = 0;
  for (const id of attemptIds) {
    count += 1;
    digest ^= fnv1a(id);
  }
  return count === 0 ? EMPTY_DIGEST : { count, digest: digest >>> 0 };
}

function fnv1a(text: string): number {
  let hash = OFFSET_BASIS;
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, PRIME);
  return hash;
}
