/** Each limit of what an agent may say: the last that is taken, and the first that is refused. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readOutput } from '../../../src/control-plane/api/convert/payload.ts';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { PayloadSchema } from '../../../src/gen/opaque/session_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';

type Frame = NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>;
type Hello = Extract<Frame, { case: 'hello' }>['value'];

/** The fields that a Hello is refused for. */
function faultsOf(more: object): readonly (string | undefined)[] {
  const base = { agentId: 'a', instanceId: 'i', protocolVersion: 1, state: { revision: 1, slots: 1 } };
  // Its members are those of a Hello; a spread of an unknown object has no types.
  const value = { ...base, ...more } as Hello;
  try {
    readFrame(
      toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame: { case: 'hello', value } })),
      () => {},
    );
    return [];
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    return error.problems.map(({ place }) => place?.pointer);
  }
}

describe('an instance claims at most', () => {
  test('so many slots', () => {
    const withSlots = (slots: number) => faultsOf({ state: { revision: 1, slots } });
    expect(withSlots(limits.slotsMax)).toEqual([]);
    expect(withSlots(limits.slotsMax + 1)).toEqual(['hello.state.slots']);
  });

  test('so many capabilities', () => {
    const withCapabilities = (length: number) =>
      faultsOf({
        state: { revision: 1, slots: 1, capabilities: Array.from({ length }, (_, i) => ({ name: `c${i}` })) },
      });
    expect(withCapabilities(limits.capabilitiesMax)).toEqual([]);
    expect(withCapabilities(limits.capabilitiesMax + 1)).toEqual(['hello.state.capabilities']);
  });

  test('so many held attempts', () => {
    const holding = (length: number) =>
      faultsOf({ held: Array.from({ length }, (_, i) => ({ attemptId: `r/s#${i + 1}` })) });
    expect(holding(limits.heldMax)).toEqual([]);
    expect(holding(limits.heldMax + 1)).toEqual(['hello.held']);
  });
});

describe('an output has at most', () => {
  const read = (payload: MessageInitShape<typeof PayloadSchema>) => {
    const faults = new Faults('MALFORMED_FRAME');
    const output = readOutput(faults, () => 'output', create(PayloadSchema, payload));
    try {
      faults.throwIfAny('read');
    } catch (error) {
      if (isYardmasterError(error)) return error.code;
      throw error;
    }
    return 'code' in output ? output.code : 'taken';
  };

  test('so many bytes inline', () => {
    const text = 'x'.repeat(limits.inlineWireBytesMax);
    const overhead = encodeValue(text).length - text.length;
    const inline = (bytes: number) =>
      read({ kind: { case: 'value', value: encodeValue(text.slice(overhead + text.length - bytes)) } });
    expect(inline(limits.inlineWireBytesMax)).toBe('taken');
    expect(read({ kind: { case: 'value', value: encodeValue(text) } })).toBe('LIMIT');
  });

  test('so many bytes as a blob', () => {
    const blob = (size: number) => read({ kind: { case: 'blob', value: { blobId: 'b', size } } });
    expect(blob(limits.blobBytesMax)).toBe('taken');
    expect(blob(limits.blobBytesMax + 1)).toBe('MALFORMED_FRAME');
  });
});
