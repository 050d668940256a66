/**
 * What the wire says about a failure, as a YardmasterError: the code and facts of `google.rpc.ErrorInfo`, the problems
 * of a ProblemSet. `meta.status` is the canonical gRPC status name.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type ErrorOptionsOfOurs,
  isYardmasterError,
  type Problem,
  type StatusName,
  YardmasterError,
} from '../core/errors.ts';
import { AgentNotFoundError, WorkflowDefinitionError, WorkflowNotFoundError } from '../core/orchestrator-errors.ts';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { ProblemSetSchema, type Problem as WireProblem } from '../gen/yardmaster/v1/errors_pb.ts';

const STATUS_NAMES: Readonly<Record<Code, StatusName>> = {
  [Code.Canceled]: 'CANCELLED',
  [Code.Unknown]: 'INTERNAL',
  [Code.InvalidArgument]: 'INVALID_ARGUMENT',
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.NotFound]: 'NOT_FOUND',
  [Code.AlreadyExists]: 'ALREADY_EXISTS',
  [Code.PermissionDenied]: 'PERMISSION_DENIED',
  [Code.ResourceExhausted]: 'RESOURCE_EXHAUSTED',
  [Code.FailedPrecondition]: 'FAILED_PRECONDITION',
  [Code.Aborted]: 'ABORTED',
  [Code.OutOfRange]: 'OUT_OF_RANGE',
  [Code.Unimplemented]: 'UNIMPLEMENTED',
  [Code.Internal]: 'INTERNAL',
  [Code.Unavailable]: 'UNAVAILABLE',
  [Code.DataLoss]: 'INTERNAL',
  [Code.Unauthenticated]: 'UNAUTHENTICATED',
};

/** Statuses without ErrorInfo come from the transport, not from the control plane; these mean that it is not there. */
const CUT: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted]);

/** `target` is the address or place that was called, for the message of a cut. */
export function fromWireError(error: unknown, target: string, signal?: AbortSignal): YardmasterError {
  if (isYardmasterError(error)) return error;
  if (signal?.aborted) return isYardmasterError(signal.reason) ? signal.reason : abortedError(error);
  const wire = ConnectError.from(error);
  const info = wire.findDetails(ErrorInfoSchema)[0];
  const status = STATUS_NAMES[wire.code] ?? 'INTERNAL';
  if (info === undefined) return fromBareStatus(wire, status, target);
  const { next, ...facts } = info.metadata;
  return ofClass(info.reason, wire.rawMessage, {
    cause: error,
    meta: { ...facts, status },
    problems: (wire.findDetails(ProblemSetSchema)[0]?.problems ?? []).map(toProblem),
    ...(next === undefined || next === '' ? {} : { next }),
  });
}

/** Those that programs tell apart by class have one of their own. */
function ofClass(code: string, message: string, options: ErrorOptionsOfOurs): YardmasterError {
  switch (code) {
    case 'WORKFLOW_NOT_FOUND':
      return new WorkflowNotFoundError(options.meta?.workflow ?? '', { ...options, message });
    case 'AGENT_NOT_FOUND':
      return new AgentNotFoundError(options.meta?.agent ?? '', { ...options, message });
    case 'WORKFLOW_INVALID':
      return new WorkflowDefinitionError(message, options);
    default:
      return new YardmasterError(code, message, options);
  }
}

/** True when the call may have failed only because the connection or the node went away. */
export function isCut(error: unknown): boolean {
  return isYardmasterError(error) && (error.code === 'UNREACHABLE' || error.meta.status === 'UNAVAILABLE');
}

function fromBareStatus(wire: ConnectError, status: StatusName, target: string): YardmasterError {
  // A stream that Node resets because its socket died says Canceled, though nobody cancelled it.
  if (CUT.has(wire.code) || wire.code === Code.Canceled) {
    const fact = wire.rawMessage === '' ? 'the connection ended' : wire.rawMessage;
    return new YardmasterError('UNREACHABLE', `Cannot reach "${target}": ${fact}`, {
      cause: wire,
      meta: { status: 'UNAVAILABLE', target },
      next: 'start it with `yardmaster serve`, or name another one with --url',
    });
  }
  return new YardmasterError(status, wire.rawMessage, { cause: wire, meta: { status } });
}

function abortedError(cause: unknown): YardmasterError {
  return new YardmasterError('ABORTED_BY_CALLER', 'Cannot finish the call: its signal was aborted', {
    cause,
    meta: { status: 'CANCELLED' },
  });
}

export function toProblem(problem: WireProblem): Problem {
  const place = {
    ...(problem.file === '' ? {} : { file: problem.file }),
    ...(problem.line === 0 ? {} : { line: problem.line }),
    ...(problem.column === 0 ? {} : { column: problem.column }),
    ...(problem.length === 0 ? {} : { length: problem.length }),
    ...(problem.pointer === '' ? {} : { pointer: problem.pointer }),
  };
  return {
    code: problem.code,
    message: problem.message,
    ...(Object.keys(place).length === 0 ? {} : { place }),
    ...(problem.next === '' ? {} : { next: problem.next }),
  };
}
