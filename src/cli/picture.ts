/** What a picture of a run needs beside the run: what follows what. */
import type { Context } from './context.ts';
import type { Picture } from './watch-progress.ts';

/** Asked only when somebody looks on. */
export async function pictureOf(context: Context, runId: string): Promise<Picture> {
  if (context.progress !== 'tty') return { dependencies: new Map() };
  const mesh = context.mesh();
  const run = await mesh.getRun(runId);
  const workflow = await mesh.fetchWorkflow(run.workflow, run.version);
  return { dependencies: new Map(workflow.steps.map(({ id, dependencies }) => [id, dependencies])) };
}
