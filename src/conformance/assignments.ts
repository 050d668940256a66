/** Assignments as the kit makes them. */
import { create, fromJson, type JsonValue as ProtoJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { type Assignment, AssignmentSchema } from '../gen/yardmaster/v1/dispatch_pb.ts';
import type { BlobInit } from './blob-desk.ts';

export interface AssignmentOptions {
  readonly number?: number;
  readonly tryNumber?: number;
  /** Default false, as of a step. */
  readonly idempotent?: boolean;
  readonly timeoutMs?: number;
  readonly lossWindowMs?: number;
  readonly checkpoint?: ProtoJson;
  readonly nextChunk?: number;
  /** In place of the value. */
  readonly blob?: BlobInit;
}

/** One run; a real control plane has ULIDs, and agents must not care. */
export const RUN_ID = '01k0conformance0000000kit';

/** `input` undefined: unset. */
export function makeAssignment(
  step: string,
  capability: string,
  input: unknown,
  options: AssignmentOptions,
): Assignment {
  const { number = 1, tryNumber = 1, idempotent = false, timeoutMs = 0, lossWindowMs = 0, nextChunk = 0 } = options;
  const { checkpoint, blob } = options;
  return create(AssignmentSchema, {
    attemptId: `${RUN_ID}/${step}#${number}`,
    runId: RUN_ID,
    workflow: 'conformance',
    stepPath: step,
    number,
    tryNumber,
    capability,
    capabilityVersion: '1.0.0',
    idempotencyKey: `${RUN_ID}/${step}`,
    idempotent,
    timeoutMs,
    lossWindowMs,
    nextChunk,
    input: payloadOf(input, blob),
    checkpoint: checkpoint === undefined ? undefined : fromJson(ValueSchema, checkpoint),
  });
}

function payloadOf(input: unknown, blob: BlobInit | undefined) {
  if (blob !== undefined) return { kind: { case: 'blob' as const, value: blob } };
  if (input === undefined) return undefined;
  // The situations write JSON.
  return { kind: { case: 'value' as const, value: fromJson(ValueSchema, input as ProtoJson) } };
}
