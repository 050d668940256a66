/** `ctx.invoke` against a control plane that the test plays. */
import { expect, it } from 'vitest';
import { createInvoke, type Invoke, type InvokeOptions } from '../../../src/agent-sdk/calls.ts';
import type { CallAnswer } from '../../../src/agent-sdk/link.ts';
import { Turns } from '../../../src/agent-sdk/turns.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import { VirtualClock } from '../../../src/testing/index.ts';
import { MemoryControlPlane, RUN } from './memory-control-plane.ts';

const ATTEMPT = `${RUN}/ask#1`;
const answerOf = (value: unknown): CallAnswer => ({
  runId: RUN,
  status: 'COMPLETED',
  output: { kind: 'value', bytes: encodeValue(value) },
  error: undefined,
});
const refusal = (code: string, reason: string): YardmasterError =>
  new YardmasterError(code, 'no', { meta: { reason } });

function stage(): { plane: MemoryControlPlane; clock: VirtualClock; stop: AbortController; invoke: Invoke } {
  const plane = new MemoryControlPlane();
  const clock = new VirtualClock();
  const stop = new AbortController();
  const invoke = createInvoke({ attemptId: ATTEMPT, calls: plane, blobs: plane, clock, signal: stop.signal });
  return { plane, clock, stop, invoke };
}

it('asks with everything that it was given', async () => {
  const { plane, invoke } = stage();
  plane.callAnswers.push(answerOf({ ok: true }), answerOf(null));
  const options = { key: 'k', timeout: '30s', agentId: 'a', version: '^1.2', labels: { region: 'us' }, retries: 2 };
  expect(await invoke('work', [1], options)).toEqual({ ok: true });
  expect(await invoke('work', undefined, { key: 'l' })).toBe(null);
  const [first, second] = plane.calls;
  expect(first).toMatchObject({
    attemptId: ATTEMPT,
    key: 'k',
    capability: 'work',
    agentId: 'a',
    version: '^1.2',
    labels: { region: 'us' },
    timeoutMs: 30_000,
    retries: 2,
  });
  expect(second).toMatchObject({ agentId: '', version: '', labels: {}, timeoutMs: 0, retries: 0 });
  expect(decodeValue(first?.input ?? new Uint8Array())).toEqual([1]);
  expect(decodeValue(second?.input ?? new Uint8Array())).toEqual({});
});

it('asks again with the same key after what time may mend, with growing pauses', async () => {
  const { plane, clock, invoke } = stage();
  plane.callAnswers.push(
    new YardmasterError('UNAVAILABLE', 'cut'),
    refusal('UNAVAILABLE', 'SHUTTING_DOWN'),
    new YardmasterError('INTERNAL', 'bug'),
    answerOf(7),
  );
  const answer = invoke('work', {}, { key: 'k' });
  await clock.advance(199);
  expect(plane.calls).toHaveLength(1);
  await clock.advance(1);
  expect(plane.calls).toHaveLength(2);
  await clock.advance(1_200);
  expect(await answer).toBe(7);
  expect(new Set(plane.calls.map(({ key }) => key))).toEqual(new Set(['k']));
});

it.each([
  ['FAILED_PRECONDITION', 'ATTEMPT_NOT_LIVE', undefined],
  ['ALREADY_EXISTS', 'CALL_KEY_REUSED', false],
  ['RESOURCE_EXHAUSTED', 'CHILD_DEPTH', false],
  ['UNIMPLEMENTED', '', false],
])('does not ask again after %s %s', async (code, reason, retryable) => {
  const { plane, invoke } = stage();
  plane.callAnswers.push(reason === '' ? new YardmasterError(code, 'no') : refusal(code, reason));
  const call = { capability: 'work', key: 'k', status: 'REFUSED' };
  const expected = { name: 'CallFailed', code: reason || code, retryable, call };
  await expect(invoke('work', {}, { key: 'k' })).rejects.toMatchObject(expected);
  expect(plane.calls).toHaveLength(1);
});

it.each<[string, InvokeOptions]>([
  ['an empty key', { key: '' }],
  ['a key that is too long', { key: 'k'.repeat(129) }],
  ['a timeout that is none', { key: 'k', timeout: 'soon' }],
])('refuses %s before it asks', async (_, options) => {
  const { plane, invoke } = stage();
  await expect(invoke('work', {}, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(plane.calls).toHaveLength(0);
});

it('throws the reason of the signal when the attempt must stop between two requests', async () => {
  const { plane, clock, stop, invoke } = stage();
  const answer = invoke('work', {}, { key: 'k' });
  answer.catch(() => {});
  await clock.advance(50);
  stop.abort(new Error('stop now'));
  await expect(answer).rejects.toThrow('stop now');
  expect(plane.calls).toHaveLength(1);
  await expect(invoke('work', {}, { key: 'l' })).rejects.toThrow('stop now');
});

it('fetches an answer that is a blob of the run of the call', async () => {
  const { plane, invoke } = stage();
  const bytes = encodeValue('large');
  plane.blobs.set('b', bytes);
  const output = { kind: 'blob', blob: { blobId: 'b', size: bytes.length, sha256: new Uint8Array(0) } } as const;
  plane.callAnswers.push({ ...answerOf(null), output });
  expect(await invoke('work', {}, { key: 'k' })).toBe('large');
});

it('lets a few go at once and the others in order, and lets go of one that leaves', async () => {
  const turns = new Turns(1);
  const never = new AbortController().signal;
  const leaving = new AbortController();
  const order: string[] = [];
  await turns.take(never);
  const second = turns.take(leaving.signal).catch(() => order.push('left'));
  const third = turns.take(never).then(() => order.push('third'));
  leaving.abort(new Error('gone'));
  await second;
  turns.giveBack();
  await third;
  turns.giveBack();
  await turns.take(never);
  expect(order).toEqual(['left', 'third']);
});
