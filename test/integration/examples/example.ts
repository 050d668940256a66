/** The workflows of examples/workflows/, registered as the files that they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from 'yardmaster';
import type { MockAgent, TestMesh, TestRun } from 'yardmaster/testing';

const folder = fileURLToPath(new URL('../../../examples/workflows/', import.meta.url));

/** Names of the YAML files. */
export const exampleFiles: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

/** What `registerWorkflow` takes. */
export function exampleFile(file: string): { readonly yaml: string; readonly file: string } {
  return { yaml: readFileSync(`${folder}${file}`, 'utf8'), file };
}

/** Registers the file, so that its name starts runs. */
export async function registerExample(mesh: TestMesh, file: string): Promise<string> {
  const { workflow } = await mesh.registerWorkflow(exampleFile(file));
  return workflow.name;
}

/** Its output is whatever the file makes of it. */
export async function startExample(mesh: TestMesh, file: string, params: object = {}) {
  return mesh.startWorkflow(await registerExample(mesh, file), params);
}

/** What reached an agent: `action input`, in order. */
export function callsOf(agent: MockAgent): readonly string[] {
  return agent.calls.map(({ action, input }) => `${action} ${JSON.stringify(input)}`);
}

/** Steps that ended without having run, with the reason. */
export function skipsOf(run: TestRun): readonly string[] {
  return run.journal().flatMap((event) => (event.type === 'StepSkipped' ? [`${event.path} ${event.reason}`] : []));
}

/** Starts and ends of attempts as a watcher of the run is told, with the agent: for runs that are not on a `TestMesh`. */
export function orderOf(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'attemptStarted') return [`start ${event.step}#${event.attempt} ${event.agent}`];
    if (event.type === 'attemptEnded') return [`end ${event.step}#${event.attempt} ${event.outcome}`];
    return [];
  });
}

/** True when every attempt of `before` ended before the first of `after` started. */
export function endsBefore(order: readonly string[], before: string, after: string): boolean {
  const lastEnd = order.findLastIndex((line) => line.startsWith(`end ${before}#`));
  const firstStart = order.findIndex((line) => line.startsWith(`start ${after}#`));
  return lastEnd >= 0 && firstStart > lastEnd;
}
