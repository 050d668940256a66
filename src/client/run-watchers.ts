/** Those who listen to progress, and the runs that are followed for them. A listener's fault stays its own. */
import type { MeshApi } from './mesh-api.ts';
import { toProgress, type WorkflowProgress } from './progress.ts';
import { pastDurations, trackRun } from './track-run.ts';

export type ProgressListener = (progress: WorkflowProgress) => void | Promise<void>;

export class ProgressWatchers {
  readonly #listeners = new Set<ProgressListener>();

  /** The answer stops it. */
  add(listener: ProgressListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Follows a run to its end when anybody listens; undefined when nobody does. Never rejects. */
  follow(api: MeshApi, runId: string, signal: AbortSignal): Promise<void> | undefined {
    if (this.#listeners.size === 0) return undefined;
    return this.#tellAll(api, runId, signal).catch((error: unknown) => {
      if (!signal.aborted) warn(`progress of run ${runId} is no longer told`, error);
    });
  }

  async #tellAll(api: MeshApi, runId: string, signal: AbortSignal): Promise<void> {
    let pastMs: readonly number[] | undefined;
    for await (const { run } of trackRun(api, runId, signal)) {
      pastMs ??= await pastDurations(api, run.workflow);
      this.#tell(toProgress(run, Date.now(), pastMs));
    }
  }

  #tell(progress: WorkflowProgress): void {
    for (const listener of this.#listeners) {
      // In a promise: what an async listener rejects with must not end the process either.
      tell(listener, progress).catch((error: unknown) => warn('a progress listener failed', error));
    }
  }
}

async function tell(listener: ProgressListener, progress: WorkflowProgress): Promise<void> {
  await listener(progress);
}

function warn(fact: string, error: unknown): void {
  process.emitWarning(`${fact}: ${error instanceof Error ? error.message : String(error)}`, 'YardmasterWarning');
}
