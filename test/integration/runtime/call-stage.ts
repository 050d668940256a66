/** What tests of calls look at: the runs that they are, and the whole of what happened, of the caller and of its calls. */
import type { CallRequest } from '../../../src/control-plane/runtime/control-plane.ts';
import type { RunRow } from '../../../src/control-plane/store/port.ts';
import { readOrder } from '../../../src/testing/history.ts';
import type { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

/** A workflow of one step, whose handler calls. */
export const ASKING = flow([step('ask')], { output: '${{ steps.ask.output }}' });

/** Of `work`, by the first attempt of the step `ask`: for calls that the SDK would not make. */
export function callOfWork(runId: string): CallRequest {
  const whom = { capability: 'work', agentId: '', version: '', labels: {} };
  const input = new Uint8Array([0x2a, 0]);
  return { attemptId: `${runId}/ask#1`, key: 'k', ...whom, input, timeoutMs: undefined, retries: 0 };
}

/** In the order in which they began. */
export function callsOf(mesh: TestMesh): readonly RunRow[] {
  return [...mesh.data.runs.values()]
    .filter(({ workflow }) => workflow.startsWith('call/'))
    .sort((a, b) => (a.runId < b.runId ? -1 : 1));
}

/** `call/echo COMPLETED` */
export function endsOf(mesh: TestMesh): readonly string[] {
  return callsOf(mesh).map(({ workflow, status }) => `${workflow} ${status}`);
}

/** Starts and ends of the attempts of every call. */
export function ordersOf(mesh: TestMesh): readonly (readonly string[])[] {
  return callsOf(mesh).map(({ runId }) => readOrder(mesh.journal(runId)));
}
