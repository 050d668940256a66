import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvents } from '../../../src/control-plane/store/codec/decode.ts';
import { encodeEvents } from '../../../src/control-plane/store/codec/encode.ts';
import {
  ATTEMPT_OUTCOMES,
  EVENT_TYPES,
  OUTCOMES,
  PRIORITIES,
  SKIP_REASONS,
} from '../../../src/control-plane/store/codec/names.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import {
  AttemptOutcome,
  EventType,
  JournalRowSchema,
  Outcome,
  Priority,
  SkipReason,
} from '../../../src/gen/yardmaster/internal/v1/journal_pb.ts';
import { eventOf, eventTypes, someEvents } from './events.ts';

/** Our bytes, read and written again by generated code. */
function throughGenerated(bytes: Uint8Array): Uint8Array {
  const row = fromBinary(JournalRowSchema, bytes);
  expect(row.$unknown).toBeUndefined();
  for (const event of row.events) expect(event.$unknown).toBeUndefined();
  return toBinary(JournalRowSchema, row);
}

function readError(bytes: Uint8Array): unknown {
  try {
    decodeEvents(bytes);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('the journal codec', () => {
  it.each(eventTypes)('reads back every %s that it writes', (type) => {
    fc.assert(
      fc.property(eventOf(type), (event) => {
        expect(decodeEvents(encodeEvents([event]))).toStrictEqual([event]);
      }),
    );
  });

  it('agrees with generated code in both directions', () => {
    fc.assert(
      fc.property(someEvents, (events) => {
        const rewritten = throughGenerated(encodeEvents(events));
        expect(decodeEvents(rewritten)).toStrictEqual(events);
      }),
      { numRuns: 300 },
    );
  });

  it('gives every name the number of the schema', () => {
    const spell = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
    const check = (numbers: Record<string, number>, schema: Record<string, string | number>): void => {
      for (const [name, number] of Object.entries(numbers)) expect(schema[spell(name)], name).toBe(number);
      const names = Object.keys(schema).filter((key) => Number.isNaN(Number(key)));
      expect(names).toHaveLength(Object.keys(numbers).length + 1);
    };
    check(EVENT_TYPES, EventType);
    check(ATTEMPT_OUTCOMES, AttemptOutcome);
    check(OUTCOMES, Outcome);
    check(SKIP_REASONS, SkipReason);
    check(PRIORITIES, Priority);
  });

  it('keeps a label named __proto__ as a label', () => {
    const labels = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const [event] = decodeEvents(
      encodeEvents([
        {
          type: 'RunCreated',
          at: 1,
          runId: 'r',
          namespace: 'n',
          workflow: 'w',
          version: 1,
          params: { kind: 'inline', bytes: new Uint8Array(0) },
          priority: 'normal',
          labels,
        },
      ]),
    );
    expect(event?.type === 'RunCreated' && Object.entries(event.labels ?? {})).toEqual([['__proto__', 'x']]);
  });

  it('answers STORE_CORRUPT to an event type of a newer version', () => {
    const bytes = new BinaryWriter().uint32(18).fork().uint32(8).uint32(99).join().finish();
    expect(readError(bytes)).toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('event type 99'),
    });
  });

  it('answers STORE_CORRUPT to a field of a newer version', () => {
    const bytes = new BinaryWriter().uint32(18).fork().uint32(8).uint32(2).uint32(4002).string('new').join().finish();
    expect(readError(bytes)).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining('field 500') });
  });

  it('answers STORE_CORRUPT to an event that lacks what its type needs', () => {
    const bytes = new BinaryWriter().uint32(18).fork().uint32(8).uint32(EVENT_TYPES.StepReady).join().finish();
    expect(readError(bytes)).toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('lacks an input'),
    });
  });

  it('answers STORE_CORRUPT or events, and never anything else, to damaged bytes', () => {
    let refused = 0;
    fc.assert(
      fc.property(someEvents, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (events, where, flip, cut) => {
        const bytes = encodeEvents(events);
        const index = where % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ flip;
        const error = readError(cut ? bytes.subarray(0, index) : bytes);
        if (error === undefined) return;
        refused += 1;
        expect(isYardmasterError(error) && error.code).toBe('STORE_CORRUPT');
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});
