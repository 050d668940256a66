/** Values too large for the journal: what is staged, what was used lately, and the store behind them. */

import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Store } from '../store/port.ts';

const CACHE_BYTES_MAX = 64 * 1024 * 1024;

export class Blobs {
  private readonly store: Store;
  private readonly findStaged: (runId: string, blobId: string) => Uint8Array | undefined;
  /** Insertion order is use order: the first is the least recently used. */
  private readonly cache = new Map<string, Uint8Array>();
  private cachedBytes = 0;
  /** Runs that take blobs over and whose start is not durable yet, with the run that has them. */
  private readonly sources = new Map<string, string>();

  constructor(store: Store, findStaged: (runId: string, blobId: string) => Uint8Array | undefined) {
    this.store = store;
    this.findStaged = findStaged;
  }

  /** What is at hand without asking the store. */
  peek(runId: string, blobId: string): Uint8Array | undefined {
    const key = `${runId}/${blobId}`;
    const cached = this.cache.get(key);
    if (cached === undefined) return this.findStaged(runId, blobId);
    this.cache.delete(key);
    this.cache.set(key, cached);
    return cached;
  }

  remember(runId: string, blobId: string, bytes: Uint8Array): void {
    const key = `${runId}/${blobId}`;
    if (bytes.length > CACHE_BYTES_MAX / 4) return;
    // A value that is stored again takes the place of what was known of it.
    this.cachedBytes += bytes.length - (this.cache.get(key)?.length ?? 0);
    this.cache.set(key, bytes);
    for (const [oldest, value] of this.cache) {
      if (this.cachedBytes <= CACHE_BYTES_MAX) break;
      this.cache.delete(oldest);
      this.cachedBytes -= value.length;
    }
  }

  /** Until `fn` is through, the blobs of `source` are read where the run has none: they are copied in the commit that it waits for. */
  async withSource<T>(runId: string, source: string, fn: () => Promise<T>): Promise<T> {
    this.sources.set(runId, source);
    try {
      return await fn();
    } finally {
      this.sources.delete(runId);
    }
  }

  /** Throws VALUE_NOT_FOUND when the run has no such blob. */
  async load(runId: string, blobId: string): Promise<Uint8Array> {
    const bytes = this.peek(runId, blobId) ?? (await this.find(runId, blobId));
    if (bytes === undefined)
      throw new YardmasterError('VALUE_NOT_FOUND', `Cannot read value "${blobId}": run "${runId}" does not have it`);
    this.remember(runId, blobId, bytes);
    return bytes;
  }

  private async find(runId: string, blobId: string): Promise<Uint8Array | undefined> {
    const source = this.sources.get(runId);
    const own = await this.store.getBlob(runId, blobId);
    return own !== undefined || source === undefined ? own : this.store.getBlob(source, blobId);
  }

  async read(runId: string, value: StoredValue): Promise<Uint8Array> {
    return value.kind === 'inline' ? value.bytes : this.load(runId, value.blobId);
  }

  /** The bytes to send inline, when they are at hand; a value too large for a frame goes as a reference. */
  forWire(runId: string, value: StoredValue): StoredValue | undefined {
    if (value.kind === 'inline' || value.size > limits.inlineWireBytesMax) return value;
    const bytes = this.peek(runId, value.blobId);
    return bytes === undefined ? undefined : { kind: 'inline', bytes };
  }
}
