/** The catalogue, kept up to date from its changes and begun anew after every cut. */
import { createBackoff } from './backoff.ts';
import { toWorkflow } from './convert/workflow.ts';
import { isCut } from './errors.ts';
import type { MeshApi } from './mesh-api.ts';
import type { WorkflowView } from './views.ts';

/** The newest version of each, by name; the first time when all of them were told. `onCut` is called before it begins anew. */
export async function* watchWorkflows(
  api: MeshApi,
  signal: AbortSignal,
  onCut: () => void = () => {},
): AsyncGenerator<readonly WorkflowView[]> {
  const backoff = createBackoff();
  for (;;) {
    const workflows = new Map<string, WorkflowView>();
    try {
      for await (const change of api.workflows.watchWorkflows({}, { signal })) {
        backoff.reset();
        for (const workflow of change.workflows) workflows.set(workflow.name, toWorkflow(workflow));
        if (change.complete) yield [...workflows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isCut(error)) throw error;
    }
    if (signal.aborted) return;
    onCut();
    await backoff.pause(signal);
  }
}
