/** A source of random numbers that a seed can replay. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
}

const POOL_BYTES = 4_096;

let pool = new Uint8Array(0);

/** Asking the machine for 16 bytes costs as much as asking for thousands, so they are taken from a pool, each once. */
function takeBytes(count: number): Uint8Array {
  if (pool.length < count) pool = crypto.getRandomValues(new Uint8Array(Math.max(count, POOL_BYTES)));
  const bytes = pool.subarray(0, count);
  pool = pool.subarray(count);
  return bytes;
}

/** The machine's randomness. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: takeBytes,
};

/** Deterministic randomness (mulberry32): the same seed gives the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { next, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}

/** A number in [0, 1) that depends on `text` alone (FNV-1a, then an avalanche): jitter that replays. */
export function hashToUnit(text: string): number {
  return hash32(text) / 4294967296;
}

/** A 32-bit hash of `text` (FNV-1a with a final avalanche); spreads runs over shards. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return hash >>> 0;
}
