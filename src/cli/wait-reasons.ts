/** What the scheduler says about steps that wait, asked now and then while somebody looks on. */
import type { Orchestrator, RunView } from '../client/index.ts';

/** A step that is taken at once needs no reason. */
const ASK_MS = 1_000;
/** Steps asked about in one round; those that waited longest. */
const STEPS_MAX = 5;

export interface Reasons {
  /** By path; may be a second old. */
  now(): ReadonlyMap<string, string>;
  look(run: RunView): void;
}

export function watchReasons(mesh: Orchestrator, signal: AbortSignal): Reasons {
  let reasons: ReadonlyMap<string, string> = new Map();
  let askedAt = performance.now();
  let isAsking = false;
  const ask = async (run: RunView): Promise<void> => {
    const waiting = run.steps.filter(({ kind, status }) => kind === 'AGENT' && status === 'READY').slice(0, STEPS_MAX);
    const entries: [string, string][] = [];
    for (const { path } of waiting) {
      if (signal.aborted) return;
      entries.push([path, (await mesh.explainStep(run.runId, path)).summary]);
    }
    reasons = new Map(entries);
  };
  return {
    now: () => reasons,
    look(run) {
      if (isAsking || performance.now() - askedAt < ASK_MS) return;
      isAsking = true;
      // A reason is an extra: the step may have begun meanwhile, or the node may be away.
      ask(run)
        .catch(() => undefined)
        .finally(() => {
          isAsking = false;
          askedAt = performance.now();
        });
    },
  };
}
