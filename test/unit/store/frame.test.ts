import { expect, it } from 'vitest';
import type { AuditRow, RunChange } from '../../../src/control-plane/store/port.ts';
import { FrameReader, writeFrame } from '../../../src/control-plane/store/sqlite/frame.ts';
import { aBatch, anEntry, aRun, insert } from '../../contract/store/rows.ts';

const NAMED = { actor: 'ada "the first"', userAgent: 'curl/8 ümlaut', address: '::1' };
const NAMELESS = { actor: undefined, userAgent: '', address: '' };

/** What the worker reads of a batch without a journal, snapshots, tasks, checkpoints, blobs and outputs. */
function read(bytes: Uint8Array) {
  const frame = new FrameReader(bytes);
  const epoch = frame.integer();
  const runs = frame.list<RunChange>();
  const counts = Array.from({ length: 6 }, () => frame.integer());
  return {
    epoch,
    runs,
    counts,
    copies: frame.list(),
    outputs: frame.integer(),
    agentEvents: frame.list(),
    audit: frame.list<AuditRow>(),
    schedules: frame.list(),
    agentLabels: frame.list(),
  };
}

it('carries entries of the audit log and who started a run', () => {
  const audit = [anEntry(1, { caller: NAMED, details: { reason: 'a\u0000b' } }), anEntry(2, { caller: NAMELESS })];
  const runs = insert(aRun(1, { caller: NAMED }), aRun(2, { caller: NAMELESS }));
  const frame = read(writeFrame(aBatch(3, { ...runs, audit })));
  expect(frame).toEqual({
    epoch: 3,
    ...runs,
    counts: [0, 0, 0, 0, 0, 0],
    copies: [],
    outputs: 0,
    agentEvents: [],
    audit,
    schedules: [],
    agentLabels: [],
  });
});

it('costs one byte in a batch without entries', () => {
  const without = writeFrame(aBatch(3)).length;
  // The epoch, then one byte for each of thirteen lists.
  expect(without).toBe(1 + 13);
});
