/** The bytes of a run's journal: the last that are taken, and the first that are refused. */
import { afterEach, expect, test } from 'vitest';
import { eventBytes } from '../../../src/control-plane/engine/event-bytes.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const { journalBytesMax } = limits;
afterEach(() => {
  Object.assign(limits, { journalBytesMax });
});

const two = flow([step('a'), step('b', { dependencies: ['a'], parameters: { text: '${{ steps.a.output }}' } })]);

/** Runs it in a mesh of its own, with a restart between the two steps if asked for. */
async function runTwo(bytesMax: number, restarts: 'restarts' | 'goes on') {
  Object.assign(limits, { journalBytesMax: bytesMax });
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'x'.repeat(900)).setDelay('a', '5s').setResponse('b', 1);
  const run = await mesh.startWorkflow(two);
  if (restarts === 'restarts') await mesh.restart();
  await mesh.advance('1m');
  await expectReplay(mesh, run);
  const { status, error } = await run.result();
  const calls = worker.calls.map(({ action }) => action);
  return { status, code: error?.code, message: error?.message, calls, history: run.history(), journal: run.journal() };
}

test('a run has at most so many bytes of events, and then fails with LIMIT and nothing goes on', async () => {
  const whole = await runTwo(journalBytesMax, 'goes on');
  expect(whole).toMatchObject({ status: 'COMPLETED', calls: ['a', 'b'] });
  // What the end itself takes is beyond the limit: nothing could be decided about it any more.
  const last = whole.journal.findLastIndex(({ type }) => type === 'AttemptStarted');
  const bytes = whole.journal.slice(0, last + 1).reduce((sum, event) => sum + eventBytes(event), 0);
  for (const restarts of ['goes on', 'restarts'] as const) {
    const within = await runTwo(bytes, restarts);
    expect(within).toMatchObject({ status: 'COMPLETED', calls: ['a', 'b'] });
    const beyond = await runTwo(bytes - 1, restarts);
    expect(beyond).toMatchObject({ status: 'FAILED', code: 'LIMIT', calls: ['a'] });
    expect(beyond.message).toContain(`more than ${bytes - 1} bytes`);
    expect(beyond.history.map(({ path, outcome }) => `${path} ${outcome}`)).toEqual(['a COMPLETED', 'b CANCELLED']);
  }
});
