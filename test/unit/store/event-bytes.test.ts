/** What the engine counts of an event, against what the codec makes of it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventBytes } from '../../../src/control-plane/engine/event-bytes.ts';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { decodeEvents } from '../../../src/control-plane/store/codec/decode.ts';
import { encodeEvents } from '../../../src/control-plane/store/codec/encode.ts';
import { eventOf, eventTypes } from './events.ts';

/** Paths and ids of agents are ASCII wherever they come in. */
function hasPlainIds(event: RunEvent): boolean {
  const ids = { path: '', agentId: '', instanceId: '', runId: '', ...event };
  return /^[\x20-\x7e]*$/.test(ids.path + ids.agentId + ids.instanceId + ids.runId);
}

it.each(eventTypes)(
  'never counts less than the journal has of a %s, and counts the same of what is read back',
  (type) => {
    fc.assert(
      fc.property(eventOf(type).filter(hasPlainIds), (event) => {
        const bytes = encodeEvents([event]);
        expect(eventBytes(event)).toBeGreaterThanOrEqual(bytes.length);
        for (const read of decodeEvents(bytes)) expect(eventBytes(read)).toBe(eventBytes(event));
      }),
    );
  },
);

it('counts little more: of a value of 1,000 bytes a tenth at most', () => {
  const output = { kind: 'inline', bytes: new Uint8Array(1_000) } as const;
  const event: RunEvent = { type: 'StepCompleted', at: 1_764_000_000_000, path: 'all/17/one', output };
  expect(eventBytes(event)).toBeLessThan(1.1 * encodeEvents([event]).length);
});
