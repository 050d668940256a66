/** What a gRPC status says, with its ErrorInfo and RetryInfo. */
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack, durationMs } from '@bufbuild/protobuf/wkt';
import { type StatusObject, status } from '@grpc/grpc-js';
import { YardmasterError } from '../core/errors.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { type Status, StatusSchema } from '../gen/google/rpc/status_pb.ts';
import type { LinkStatus } from './link.ts';

const DETAILS_KEY = 'grpc-status-details-bin';

const NAMES = new Map<number, LinkStatus['code']>([
  [status.OK, 'OK'],
  [status.CANCELLED, 'CANCELLED'],
  [status.INVALID_ARGUMENT, 'INVALID_ARGUMENT'],
  [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [status.NOT_FOUND, 'NOT_FOUND'],
  [status.ALREADY_EXISTS, 'ALREADY_EXISTS'],
  [status.PERMISSION_DENIED, 'PERMISSION_DENIED'],
  [status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED'],
  [status.FAILED_PRECONDITION, 'FAILED_PRECONDITION'],
  [status.ABORTED, 'ABORTED'],
  [status.OUT_OF_RANGE, 'OUT_OF_RANGE'],
  [status.UNIMPLEMENTED, 'UNIMPLEMENTED'],
  [status.INTERNAL, 'INTERNAL'],
  [status.UNAVAILABLE, 'UNAVAILABLE'],
  [status.UNAUTHENTICATED, 'UNAUTHENTICATED'],
]);

export function readStatus({
  code,
  details,
  metadata,
}: Pick<StatusObject, 'code' | 'details' | 'metadata'>): LinkStatus {
  const rich = readDetails(metadata.get(DETAILS_KEY)[0]);
  let reason: string | undefined;
  let retryAfterMs: number | undefined;
  for (const detail of rich?.details ?? []) {
    reason ??= anyUnpack(detail, ErrorInfoSchema)?.reason;
    const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
    if (delay !== undefined) retryAfterMs ??= Math.max(0, durationMs(delay));
  }
  return {
    code: NAMES.get(code) ?? 'UNKNOWN',
    message: details,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** For calls that answer once: the status as an error whose code is the status name. */
export function toStatusError(
  error: Pick<StatusObject, 'code' | 'details' | 'metadata'>,
  action: string,
): YardmasterError {
  const { code, message, reason } = readStatus(error);
  return new YardmasterError(code, `${action}: ${message}`, {
    cause: error,
    ...(reason === undefined ? {} : { meta: { reason } }),
  });
}

function readDetails(bytes: string | Buffer | undefined): Status | undefined {
  if (bytes === undefined || typeof bytes === 'string') return undefined;
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    // Whatever stands between may put anything there; the plain status still counts.
    return undefined;
  }
}
