/** Payloads: the bytes of a Value that nobody decodes, or a reference to a blob. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { limits } from '../../../core/limits.ts';
import { inlineValue, type StoredValue } from '../../../core/stored-value.ts';
import { NULL_VALUE, scanValue } from '../../../core/value.ts';
import type { Payload as OpaquePayload } from '../../../gen/opaque/session_pb.ts';
import { type Payload, PayloadSchema } from '../../../gen/yardmaster/v1/payload_pb.ts';
import type { ReportedResult } from '../../registry/frames.ts';
import type { Faults } from './faults.ts';

/** A blob id has the path of its step in it. */

/**
 * The bytes of a Value from a frame, checked and copied: what the decoder gives is a view that would keep the whole frame
 * in memory for as long as the value lives.
 */
export function readOpaqueValue(faults: Faults, pointer: () => string, bytes: Uint8Array): Uint8Array {
  if (bytes.length > limits.inlineWireBytesMax) {
    const max = limits.inlineWireBytesMax;
    faults.add(pointer(), `has ${bytes.length} bytes; at most ${max} go inline, larger values go through BlobService`);
    return NULL_VALUE;
  }
  const problem = scanValue(bytes);
  if (problem !== undefined) {
    faults.add(pointer(), problem);
    return NULL_VALUE;
  }
  return bytes.length === 0 ? NULL_VALUE : new Uint8Array(bytes);
}

export interface Unfit {
  readonly code: 'LIMIT' | 'INVALID_OUTPUT';
  readonly message: string;
}

/**
 * The output of a step; unset means null. A value that breaks our rules for JSON (too large, too deep, NaN) came out of a
 * handler that works: it is `Unfit` and fails the step, because ending the stream would make the agent send it for ever.
 */
export function readOutput(
  faults: Faults,
  pointer: () => string,
  payload: OpaquePayload | undefined,
): StoredValue | Unfit {
  switch (payload?.kind.case) {
    case undefined:
      return inlineValue(NULL_VALUE);
    case 'value':
      return readInlineOutput(payload.kind.value);
    case 'blob': {
      const { blobId, size } = payload.kind.value;
      if (blobId === '' || blobId.length > limits.blobIdCharsMax)
        faults.add(`${pointer()}.blob.blob_id`, 'is not a blob id');
      if (size > limits.blobBytesMax) faults.add(`${pointer()}.blob.size`, `${size} is over ${limits.blobBytesMax}`);
      return { kind: 'blob', blobId, size };
    }
  }
}

/** The step fails with it. */
export function unfit({ code, message }: Unfit): ReportedResult['result'] {
  const facts = { details: undefined, retryable: false, retryAfterMs: 0, avoidThisAgent: false };
  return { kind: 'failed', code, message, ...facts };
}

/** `bytes` is copied. */
export function readInlineOutput(bytes: Uint8Array): StoredValue | Unfit {
  const max = limits.inlineWireBytesMax;
  if (bytes.length > max) {
    const message = `The output has ${bytes.length} bytes; at most ${max} go inline, larger ones through BlobService`;
    return { code: 'LIMIT', message };
  }
  const problem = scanValue(bytes);
  if (problem !== undefined) return { code: 'INVALID_OUTPUT', message: `The output is not JSON: ${problem}` };
  return inlineValue(bytes.length === 0 ? NULL_VALUE : new Uint8Array(bytes));
}

/** For the services, whose messages have real Values. */
export function writePayload(value: StoredValue): Payload {
  return value.kind === 'inline'
    ? create(PayloadSchema, { kind: { case: 'value', value: fromBinary(ValueSchema, value.bytes) } })
    : create(PayloadSchema, { kind: { case: 'blob', value: { blobId: value.blobId, size: value.size } } });
}

/** The bytes of a Value of a request; undefined with a fault when it is too large or too deep. */
export function readValue(faults: Faults, pointer: string, value: Value, bytesMax: number): Uint8Array | undefined {
  const bytes = toBinary(ValueSchema, value);
  if (bytes.length > bytesMax) {
    faults.add(pointer, `has ${bytes.length} bytes; at most ${bytesMax} are allowed`);
    return undefined;
  }
  const problem = scanValue(bytes);
  if (problem !== undefined) faults.add(pointer, problem);
  return problem === undefined ? bytes : undefined;
}
