import { create, fromBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { encodeValue } from '../../../core/value.ts';
import { type RunError, RunErrorSchema } from '../../../gen/yardmaster/v1/run_error_pb.ts';
import type { Failure } from '../../engine/events.ts';

export function writeFailure(failure: Failure | undefined): RunError | undefined {
  if (failure === undefined) return undefined;
  return create(RunErrorSchema, {
    code: failure.code,
    message: failure.message,
    stepPath: failure.path ?? '',
    attemptNumber: failure.attempt ?? 0,
    agentId: failure.agentId ?? '',
    instanceId: failure.instanceId ?? '',
    ...(failure.details !== undefined && { details: fromBinary(ValueSchema, encodeValue(failure.details)) }),
  });
}

export function writeFailures(failures: readonly Failure[]): RunError[] {
  return failures.flatMap((failure) => writeFailure(failure) ?? []);
}
