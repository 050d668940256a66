/** Streams that wait for calls: each is let go when the attempt that it was opened for ends. */
import { ChurnMap } from '../../core/churn-map.ts';
import { type AttemptKey, formatAttemptId } from '../../core/ids.ts';
import type { AttemptOutcome } from '../engine/status.ts';
import { attemptOver } from './call-start.ts';

export interface CallWaiter {
  /** Aborts when the attempt ends, or with the signal of the caller. */
  readonly signal: AbortSignal;
  /** Throws ATTEMPT_NOT_LIVE once the attempt has ended. */
  throwIfOver(): void;
  leave(): void;
}

interface Entry {
  readonly key: AttemptKey;
  readonly controller: AbortController;
  outcome: AttemptOutcome | undefined;
}

export class CallWaiters {
  private readonly byRun = new ChurnMap<Set<Entry>>();

  has(runId: string): boolean {
    return this.byRun.has(runId);
  }

  add(key: AttemptKey, signal: AbortSignal): CallWaiter {
    const entry: Entry = { key, controller: new AbortController(), outcome: undefined };
    const entries = this.byRun.get(key.runId) ?? new Set();
    this.byRun.set(key.runId, entries);
    entries.add(entry);
    const onAbort = (): void => entry.controller.abort();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return {
      signal: entry.controller.signal,
      throwIfOver: () => {
        if (entry.outcome !== undefined) throw attemptOver(formatAttemptId(key), entry.outcome);
      },
      leave: () => {
        signal.removeEventListener('abort', onAbort);
        entries.delete(entry);
        if (entries.size === 0 && this.byRun.get(key.runId) === entries) this.byRun.delete(key.runId);
      },
    };
  }

  /** The end of the attempt is durable. */
  end({ runId, path, number }: AttemptKey, outcome: AttemptOutcome): void {
    for (const entry of this.byRun.get(runId) ?? []) {
      if (entry.key.path !== path || entry.key.number !== number) continue;
      entry.outcome = outcome;
      entry.controller.abort();
    }
  }
}
