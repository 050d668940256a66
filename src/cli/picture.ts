/** What a picture of a run needs beside the run: what follows what, and how long it usually takes. */
import { pastDurations } from '../client/index.ts';
import type { Context } from './context.ts';
import type { Picture } from './watch-progress.ts';

/** Asked only when somebody looks on. */
export async function pictureOf(context: Context, runId: string): Promise<Picture> {
  if (context.progress !== 'tty') return { dependencies: new Map(), pastMs: [] };
  const mesh = context.mesh();
  const run = await mesh.getRun(runId);
  const [workflow, pastMs] = await Promise.all([
    mesh.fetchWorkflow(run.workflow, run.version),
    pastDurations(mesh.api, run.workflow),
  ]);
  return { dependencies: new Map(workflow.steps.map(({ id, dependencies }) => [id, dependencies])), pastMs };
}
