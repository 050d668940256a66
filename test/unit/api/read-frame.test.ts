import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue, NULL_VALUE } from '../../../src/core/value.ts';
import { SessionRequestSchema as OpaqueSchema } from '../../../src/gen/opaque/session_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';

type Frame = NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>;
type Hello = Extract<Frame, { case: 'hello' }>['value'];
type OpaqueFrame = NonNullable<MessageInitShape<typeof OpaqueSchema>['frame']>;

const read = (bytes: Uint8Array, onIgnored = (): void => {}) => readFrame(bytes, onIgnored);
const bytesOf = (frame: Frame) => toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame }));
const opaqueBytesOf = (frame: OpaqueFrame) => toBinary(OpaqueSchema, create(OpaqueSchema, { frame }));

function faultsOf(frame: Frame): readonly string[] {
  try {
    read(bytesOf(frame));
  } catch (error) {
    if (error instanceof YardmasterError) return error.problems.map(({ place }) => place?.pointer ?? '');
  }
  return [];
}

function hello(change: Partial<Record<string, unknown>>): Frame {
  const value = { agentId: 'a', instanceId: 'i', protocolVersion: 1, state: { revision: 1, slots: 1 }, ...change };
  return { case: 'hello', value: value as Hello };
}

describe('reading frames of agents', () => {
  it.each<[string, Frame, readonly string[]]>([
    ['an agent id with spaces', hello({ agentId: 'a b' }), ['hello.agent_id']],
    ['an empty instance id', hello({ instanceId: '' }), ['hello.instance_id']],
    ['no state', hello({ state: undefined }), ['hello.state']],
    ['too many slots', hello({ state: { revision: 1, slots: 10_001 } }), ['hello.state.slots']],
    ['a state without a revision', hello({ state: { slots: 1 } }), ['hello.state.revision']],
    [
      'a name that is none',
      hello({ state: { revision: 1, capabilities: [{ name: '' }] } }),
      ['hello.state.capabilities[0].name'],
    ],
    [
      'a negative timeout, also of a capability that is refused',
      hello({
        state: { revision: 1, capabilities: [{ name: 'x', version: 'new', defaultTimeout: { seconds: -1n } }] },
      }),
      ['hello.state.capabilities[0].default_timeout'],
    ],
    [
      'the same capability twice',
      hello({ state: { revision: 1, capabilities: [{ name: 'x' }, { name: 'x' }] } }),
      ['hello.state.capabilities[1]'],
    ],
    [
      'a capability in two versions: no attempt says which of them it is',
      hello({
        state: {
          revision: 1,
          capabilities: [
            { name: 'x', version: '1.0.0' },
            { name: 'x', version: '2.0.0' },
          ],
        },
      }),
      ['hello.state.capabilities[1]'],
    ],
    ['a held attempt without an id', hello({ held: [{ attemptId: '' }] }), ['hello.held[0].attempt_id']],
    [
      'a result without an outcome',
      { case: 'report', value: { results: [{ attemptId: 'x' }] } },
      ['report.results[0].result'],
    ],
    [
      'an update without an attempt',
      { case: 'report', value: { updates: [{ update: { case: 'accepted', value: {} } }] } },
      ['report.updates[0].attempt_id'],
    ],
  ])('names the field of %s', (_, frame, pointers) => {
    expect(faultsOf(frame)).toEqual(pointers);
  });

  it('refuses a capability with a bad version or a bad schema, and takes the others', () => {
    const state = {
      revision: 1,
      capabilities: [
        { name: 'fine', version: '1.2.0', inputSchema: { type: 'object', 'x-ours': 1, definitions: {} } },
        { name: 'a', version: 'new' },
        { name: 'b', inputSchema: { properties: { to: { anyOf: [{}, { type: 'strng' }] } } } },
        { name: 'c', outputSchema: { required: 'to' }, version: '1' },
      ],
    };
    const frame = read(bytesOf(hello({ state })));
    expect(frame).toMatchObject({ state: { capabilities: [{ name: 'fine' }] } });
    const { refused = [] } = frame?.type === 'hello' ? frame.state : {};
    expect(refused.map(({ name, version, reason }) => `${name}@${version} ${reason}`)).toEqual([
      'a@new version "new" is not a semantic version such as "1.2.0"',
      expect.stringMatching(/^b@ input_schema: "properties\.to\.anyOf\[1\]\.type" must be /),
      expect.stringMatching(/^c@1 version "1" is not .*; output_schema: "required" must be /),
    ]);
  });

  it('brings shares that are no shares to one, and cuts long texts', () => {
    const beat = read(bytesOf({ case: 'beat', value: { number: 1, load: Number.NaN } }));
    expect(beat).toMatchObject({ load: 0 });
    const progress = { fraction: 17, message: 'x'.repeat(10_000) };
    const update = { attemptId: 'a', update: { case: 'progress', value: progress } } as const;
    const report = read(bytesOf({ case: 'report', value: { updates: [update] } }));
    expect(report).toMatchObject({ updates: [{ fraction: 1 }] });
    if (report?.type === 'report' && report.updates[0]?.type === 'progress') {
      expect(report.updates[0].message.length).toBe(limits.errorMessageCharsMax);
    }
  });

  it('reads an unset output as null, and unset retryable as true', () => {
    const results = [
      { attemptId: 'a', result: { case: 'completed', value: {} } },
      { attemptId: 'b', result: { case: 'failed', value: {} } },
    ] as const;
    const report = read(bytesOf({ case: 'report', value: { results: [...results] } }));
    expect(report).toMatchObject({
      results: [
        { result: { kind: 'completed', output: { kind: 'inline', bytes: NULL_VALUE } } },
        { result: { kind: 'failed', code: 'HANDLER_ERROR', retryable: true } },
      ],
    });
  });

  it('fails the step, and not the stream, for an output over the limit', () => {
    const value = encodeValue('x'.repeat(limits.inlineWireBytesMax));
    const completed = { output: { kind: { case: 'value', value } } } as const;
    const result = { attemptId: 'a', result: { case: 'completed', value: completed } } as const;
    const report = read(opaqueBytesOf({ case: 'report', value: { results: [result] } }));
    expect(report).toMatchObject({ results: [{ result: { kind: 'failed', code: 'LIMIT', retryable: false } }] });
  });

  it('does not keep the frame alive through a value', () => {
    const value = encodeValue({ a: 1 });
    const update = { attemptId: 'a', update: { case: 'checkpoint', value: { value } } } as const;
    const report = read(opaqueBytesOf({ case: 'report', value: { updates: [update] } }));
    if (report?.type !== 'report' || report.updates[0]?.type !== 'checkpoint') throw new Error('no checkpoint');
    expect(report.updates[0].value.buffer.byteLength).toBe(value.length);
  });

  it('keeps a "__proto__" label as a label', () => {
    const labels = Object.fromEntries([['__proto__', 'x']]);
    const frame = read(bytesOf(hello({ state: { revision: 1, labels } })));
    if (frame?.type !== 'hello') throw new Error('no hello');
    expect(Object.keys(frame.state.labels)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(frame.state.labels)).toBe(Object.prototype);
  });

  it('leaves out and counts what a newer agent says', () => {
    let ignored = 0;
    const count = (): void => {
      ignored += 1;
    };
    expect(read(Uint8Array.of(0x9a, 0x06, 0x00), count)).toBeUndefined();
    // report { updates { attempt_id: "a", unknown field 99 } }
    expect(read(Uint8Array.of(0x22, 8, 0x0a, 6, 0x0a, 1, 0x61, 0x9a, 0x06, 0x00), count)).toMatchObject({
      updates: [],
    });
    expect(ignored).toBe(2);
  });

  it('refuses text that is not UTF-8', () => {
    expect(() => read(Uint8Array.of(0x2a, 3, 0x0a, 1, 0xff))).toThrow(
      expect.objectContaining({ code: 'MALFORMED_FRAME' }),
    );
  });
});
