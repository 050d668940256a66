/**
 * Readers of what the attempts of a step write. Each reads the store page by page, at its own pace: nothing is queued for it, it only
 * learns that there is more.
 *
 * Invariants: 1. the chunks of an attempt come in order, each once; 2. when a newer attempt begins, or one wins that is not the
 * newest, it is told and read from its first chunk, so what comes after that is the output; 3. the end comes after the last chunk of
 * the attempt whose result counts.
 */

import { limits } from '../../core/limits.ts';
import type { RunEvent } from '../engine/events.ts';
import type { StepStatus } from '../engine/status.ts';
import type { ChunkRow, Store } from '../store/port.ts';
import type { WatchHub } from './watch.ts';

export interface OutputRequest {
  readonly namespace: string;
  readonly runId: string;
  readonly path: string;
  /** Absent: all. */
  readonly channel?: string;
  /** The last chunk that the reader has. */
  readonly after?: { readonly attempt: number; readonly number: number };
  /** Ends after what is stored now. */
  readonly storedOnly: boolean;
  readonly signal: AbortSignal;
}

export type OutputItem =
  | { readonly type: 'begun'; readonly attempt: number }
  | { readonly type: 'chunks'; readonly attempt: number; readonly chunks: readonly ChunkRow[] }
  | { readonly type: 'end'; readonly attempt: number; readonly status: StepStatus | undefined };

/** What is known of the attempts of a step. */
export interface OutputFacts {
  readonly runId: string;
  /** Events of the run that they are from. */
  readonly position: number;
  /** Number of the newest; 0: none. */
  readonly newest: number;
  /** The one that completed. */
  readonly winner: number | undefined;
  /** How the step ended; undefined: it is not over. */
  readonly status: StepStatus | undefined;
  /** Nothing follows: it is over, or belonged to an iteration or an item that is. */
  readonly isOver: boolean;
}

export interface OutputWatchOptions {
  readonly store: Pick<Store, 'loadChunks'>;
  readonly watch: WatchHub;
  /** Throws RUN_NOT_FOUND, STEP_NOT_FOUND and NO_OUTPUT. */
  readonly look: (namespace: string, runId: string, path: string) => Promise<OutputFacts>;
}

export class OutputWatch {
  private readonly options: OutputWatchOptions;
  private readonly readers = new Map<string, Set<Reader>>();

  constructor(options: OutputWatchOptions) {
    this.options = options;
  }

  /** Chunks of the step are durable. */
  stored(runId: string, path: string): void {
    for (const reader of this.readers.get(`${runId}/${path}`) ?? []) reader.wake();
  }

  async *read(request: OutputRequest): AsyncGenerator<OutputItem> {
    const { namespace, path, signal } = request;
    const { runId } = await this.options.look(namespace, request.runId, path);
    const reader = new Reader(path);
    const untap = this.options.watch.tap(runId, reader);
    const name = `${runId}/${path}`;
    const readers = this.readers.get(name) ?? new Set();
    this.readers.set(name, readers.add(reader));
    const onAbort = (): void => reader.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* this.follow(reader, { ...request, runId });
    } finally {
      signal.removeEventListener('abort', onAbort);
      untap();
      readers.delete(reader);
      if (readers.size === 0 && this.readers.get(name) === readers) this.readers.delete(name);
    }
  }

  private async *follow(reader: Reader, request: OutputRequest): AsyncGenerator<OutputItem> {
    const { namespace, runId, path, signal, storedOnly, after } = request;
    let at = after ?? { attempt: 0, number: 0 };
    while (!signal.aborted) {
      if (reader.isStale) reader.learn(await this.options.look(namespace, runId, path));
      // Before the store is asked: what is there by then is read to its end.
      const { newest, winner, isOver, status } = reader.facts;
      reader.isWoken = false;
      const attempt = status === 'COMPLETED' ? (winner ?? newest) : newest;
      if (attempt !== at.attempt && attempt !== 0) {
        at = { attempt, number: 0 };
        yield { type: 'begun', attempt };
      }
      const chunks = attempt === 0 ? [] : await this.page(request, at);
      const last = chunks.at(-1);
      if (last !== undefined) {
        at = { attempt, number: last.number };
        yield { type: 'chunks', attempt, chunks };
      } else if (isOver || storedOnly) {
        yield { type: 'end', attempt, status };
        return;
      } else await reader.next();
    }
  }

  private page(
    { runId, path, channel }: OutputRequest,
    at: { readonly attempt: number; readonly number: number },
  ): Promise<readonly ChunkRow[]> {
    return this.options.store.loadChunks({
      runId,
      path,
      attempt: at.attempt,
      after: at.number,
      limit: limits.chunksReadMax,
      ...(channel === undefined ? {} : { channel }),
    });
  }
}

/** What one reader knows of the step, from durable events. */
class Reader {
  facts: OutputFacts = { runId: '', position: 0, newest: 0, winner: undefined, status: undefined, isOver: false };
  isStale = true;
  isWoken = false;
  private readonly path: string;
  /** Events that came while the run was looked at. */
  private early: { readonly position: number; readonly event: RunEvent }[] = [];
  private resolve: (() => void) | undefined = undefined;

  constructor(path: string) {
    this.path = path;
  }

  learn(facts: OutputFacts): void {
    this.facts = facts;
    this.isStale = false;
    for (const { position, event } of this.early.splice(0)) if (position >= facts.position) this.take(event);
  }

  published(position: number, events: readonly RunEvent[]): void {
    for (const [offset, event] of events.entries()) {
      if (!isAbout(event, this.path)) continue;
      if (this.isStale) this.early.push({ position: position + offset, event });
      else if (position + offset >= this.facts.position) this.take(event);
    }
    this.wake();
  }

  reread(): void {
    this.isStale = true;
    this.wake();
  }

  wake(): void {
    this.isWoken = true;
    this.resolve?.();
    this.resolve = undefined;
  }

  async next(): Promise<void> {
    if (!this.isWoken && !this.isStale) await new Promise<void>((resolve) => (this.resolve = resolve));
  }

  private take(event: RunEvent): void {
    const { facts } = this;
    switch (event.type) {
      case 'AttemptStarted':
        this.facts = { ...facts, newest: Math.max(facts.newest, event.number) };
        return;
      case 'AttemptEnded':
        if (event.outcome === 'COMPLETED') this.facts = { ...facts, winner: event.number };
        return;
      case 'StepCompleted':
        this.facts = { ...facts, status: 'COMPLETED', isOver: true };
        return;
      case 'StepSkipped':
        this.facts = { ...facts, status: 'SKIPPED', isOver: true };
        return;
      case 'StepCancelled':
        this.facts = { ...facts, status: 'CANCELLED', isOver: true };
        return;
      case 'StepFailed':
        this.facts = { ...facts, status: event.status, isOver: true };
        return;
      case 'RunTryStarted':
        // The step starts again if it did not complete; that says its next attempt.
        this.isStale = true;
        return;
      case 'RunEnded':
        this.facts = { ...facts, isOver: true };
        return;
      default:
        return;
    }
  }
}

function isAbout(event: RunEvent, path: string): boolean {
  return 'path' in event ? event.path === path : event.type === 'RunTryStarted' || event.type === 'RunEnded';
}
