/** Assignments whose input is checked beside everything else, and what may happen meanwhile. */
import { expect, test } from 'vitest';
import type { WireAssignment } from '../../../src/control-plane/registry/frames.ts';
import { createInstance, type HeldAttempt } from '../../../src/control-plane/registry/instance.ts';
import { Assignments, type AssignmentsOptions } from '../../../src/control-plane/runtime/assignments.ts';
import type { Misfit } from '../../../src/control-plane/runtime/schema-checks.ts';
import { times } from '../../../src/core/limits.ts';

const ID = '0'.repeat(26);
const MISFIT: Misfit = { code: 'INVALID_INPUT', message: 'it does not fit' };

function rig() {
  const did: string[] = [];
  const checks: ((misfit?: Misfit) => void)[] = [];
  const instance = createInstance({ namespace: 'default', agentId: 'a', instanceId: 'i', now: 0, wall: 0 });
  // Only that it is there matters.
  instance.peer = {} as NonNullable<typeof instance.peer>;
  const held: HeldAttempt = {
    attemptId: `${ID}/step#1`,
    runId: ID,
    path: 'step',
    number: 1,
    capability: 'a',
    idempotent: false,
    lossWindowMs: 0,
    acceptUntil: times.acceptMs,
    heardAt: 0,
    stop: undefined,
    isSent: false,
    isFenced: false,
    checkpointAt: 0,
  };
  instance.held.set(held.attemptId, held);
  let at = 0;
  // What sending asks of the others.
  const options = {
    fleet: { hold: () => did.push(`due ${held.acceptUntil}`) },
    blobs: { forWire: (_: string, input: unknown) => input },
    outbox: {
      assign: () => did.push('assign'),
      stop: () => did.push('stop'),
      flushSoon: () => {},
    },
    schemas: { check: () => new Promise<Misfit | undefined>((resolve) => checks.push(resolve)) },
    registryTime: () => at,
    onUnsendable: () => did.push('unsendable'),
  } as unknown as AssignmentsOptions;
  const assignments = new Assignments(options, () => did.push('release'));
  // The input alone is looked at.
  const assignment = {
    input: { kind: 'inline', bytes: new Uint8Array() },
    capability: 'a',
  } as unknown as WireAssignment;
  const send = (): void => void assignments.send(instance, held, assignment);
  const checked = async (index: number, misfit?: Misfit): Promise<void> => {
    at = 8_000;
    checks[index]?.(misfit);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { did, held, instance, send, checked };
}

test('the time to accept begins when it is sent, however long the check takes', async () => {
  const { did, held, send, checked } = rig();
  send();
  expect([held.acceptUntil, held.isSent]).toEqual([0, false]);
  await checked(0);
  expect(did).toEqual([`due ${8_000 + times.acceptMs}`, 'assign']);
  expect(held.isSent).toBe(true);
});

test('what does not fit frees its slot and ends', async () => {
  const { did, send, checked } = rig();
  send();
  await checked(0, MISFIT);
  expect(did).toEqual(['release', 'unsendable']);
});

test('an attempt that ended meanwhile is not sent, and its slot is free', async () => {
  const { did, held, send, checked } = rig();
  send();
  held.isFenced = true;
  await checked(0, MISFIT);
  expect(did).toEqual(['release']);
});

test('an instance that came back meanwhile is sent it once', async () => {
  const { did, send, checked } = rig();
  send();
  send();
  await checked(0);
  await checked(1);
  expect(did.filter((what) => what === 'assign')).toEqual(['assign']);
});

test('nothing goes to an instance that left meanwhile', async () => {
  const { did, instance, send, checked } = rig();
  send();
  instance.peer = undefined;
  await checked(0);
  expect(did).toEqual([]);
});

test('a stop that went out meanwhile is said again behind it: the agent did not know the attempt', async () => {
  const { did, held, send, checked } = rig();
  send();
  held.stop = { attemptId: held.attemptId, reason: 'CANCELLED', graceMs: 10_000 };
  held.stopSent = { at: 1, fence: 1, readAt: 2 };
  await checked(0);
  expect(did.slice(-2)).toEqual(['assign', 'stop']);
  expect(held.stopSent).toBeUndefined();
});
