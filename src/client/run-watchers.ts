/** Those who listen to progress and to errors, and the runs that are followed for them. A listener's fault stays its own. */
import type { MeshApi } from './mesh-api.ts';
import { toProgress, type WorkflowProgress } from './progress.ts';
import { type RunError, toRunErrors } from './run-errors.ts';
import { trackRun } from './track-run.ts';

export type ProgressListener = (progress: WorkflowProgress) => void | Promise<void>;
export type ErrorListener = (error: RunError) => void | Promise<void>;

export class RunWatchers {
  readonly #onProgress = new Set<ProgressListener>();
  readonly #onError = new Set<ErrorListener>();

  /** The answer stops it. */
  addProgress(listener: ProgressListener): () => void {
    return add(this.#onProgress, listener);
  }

  addError(listener: ErrorListener): () => void {
    return add(this.#onError, listener);
  }

  /** Follows a run to its end when anybody listens; undefined when nobody does. Never rejects. */
  follow(api: MeshApi, runId: string, signal: AbortSignal): Promise<void> | undefined {
    if (this.#onProgress.size === 0 && this.#onError.size === 0) return undefined;
    return this.#followToEnd(api, runId, signal).catch((error: unknown) => {
      if (!signal.aborted) warn(`run ${runId} is no longer followed`, error);
    });
  }

  async #followToEnd(api: MeshApi, runId: string, signal: AbortSignal): Promise<void> {
    for await (const change of trackRun(api, runId, signal)) {
      for (const error of toRunErrors(change)) tellAll(this.#onError, error, 'an error listener failed');
      if (this.#onProgress.size === 0) continue;
      tellAll(this.#onProgress, toProgress(change.run, change.time.getTime()), 'a progress listener failed');
    }
  }
}

function add<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function tellAll<T>(listeners: ReadonlySet<(value: T) => void | Promise<void>>, value: T, fault: string): void {
  for (const listener of listeners) {
    // In a promise: what an async listener rejects with must not end the process either.
    tell(listener, value).catch((error: unknown) => warn(fault, error));
  }
}

async function tell<T>(listener: (value: T) => void | Promise<void>, value: T): Promise<void> {
  await listener(value);
}

function warn(fact: string, error: unknown): void {
  process.emitWarning(`${fact}: ${error instanceof Error ? error.message : String(error)}`, 'YardmasterWarning');
}
