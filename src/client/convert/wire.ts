/** The small parts that every message is made of. */
import { fromBinary, toJson } from '@bufbuild/protobuf';
import {
  type Duration,
  durationMs,
  type Timestamp,
  timestampMs,
  type Value,
  ValueSchema,
} from '@bufbuild/protobuf/wkt';
import type { JsonValue } from '../../core/json.ts';
import { encodeValue } from '../../core/value.ts';
import type { Payload } from '../../gen/yardmaster/v1/payload_pb.ts';
import type { RunError } from '../../gen/yardmaster/v1/run_error_pb.ts';
import type { PayloadView, RunFailure } from '../views.ts';

export function toDate(time: Timestamp | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(timestampMs(time));
}

export function toMs(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

export function toValue(value: Value | undefined): JsonValue | undefined {
  return value === undefined ? undefined : toJson(ValueSchema, value);
}

/** JSON as a Value. Throws INVALID_VALUE, naming the place, for what JSON cannot say. */
export function toWireValue(value: unknown): Value | undefined {
  return value === undefined ? undefined : fromBinary(ValueSchema, encodeValue(value));
}

export function toPayload(payload: Payload | undefined): PayloadView {
  if (payload === undefined) return { kind: 'none' };
  switch (payload.kind.case) {
    case 'value':
      return { kind: 'value', value: toJson(ValueSchema, payload.kind.value) };
    case 'blob':
      return { kind: 'blob', blobId: payload.kind.value.blobId, size: payload.kind.value.size };
    default:
      return { kind: 'none' };
  }
}

export function toFailure(error: RunError | undefined): RunFailure | undefined {
  if (error === undefined) return undefined;
  return {
    code: error.code,
    message: error.message,
    details: toValue(error.details),
    step: textOrNone(error.stepPath),
    attempt: error.attemptNumber === 0 ? undefined : error.attemptNumber,
    agent: textOrNone(error.agentId),
    instance: textOrNone(error.instanceId),
  };
}

export function toFailures(errors: readonly RunError[]): readonly RunFailure[] {
  return errors.flatMap((error) => toFailure(error) ?? []);
}

/** Absent when it is empty. */
export function toUsage(usage: Readonly<Record<string, number>>): {
  readonly usage?: Readonly<Record<string, number>>;
} {
  return Object.keys(usage).length === 0 ? {} : { usage: { ...usage } };
}

/** Proto3 sends an absent text as an empty one. */
export function textOrNone(text: string): string | undefined {
  return text === '' ? undefined : text;
}
