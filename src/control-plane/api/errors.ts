/**
 * The one way from an error to a gRPC status: code by the catalogue, `ErrorInfo` always, `ProblemSet` and `BadRequest` when
 * there are problems, `Help`-like `next` in the metadata. What is not a YardmasterError is INTERNAL and says nothing more.
 */
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { findError } from '../../core/error-catalogue.ts';
import { isYardmasterError, type Problem, type StatusName, type YardmasterError } from '../../core/errors.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { ProblemSetSchema } from '../../gen/yardmaster/v1/errors_pb.ts';
import { cutText } from './convert/text.ts';

/** Of `ErrorInfo`. */
export const ERROR_DOMAIN = 'yardmaster';
/** Clients in other languages refuse trailers over 8 KiB, so text and details stay well below, base64 included. */
const MESSAGE_CHARS_MAX = 1_024;
const DETAILS_BYTES_MAX = 4_096;
const META_CHARS_MAX = 512;

/** Numbers of google.rpc.Code. */
const STATUS_CODES: Readonly<Record<StatusName, number>> = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
};

export interface ErrorDetail<Desc extends DescMessage = DescMessage> {
  readonly desc: Desc;
  readonly value: MessageInitShape<Desc>;
}

/** An error as both transports send it. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

export function toRpcStatus(error: unknown): RpcStatus {
  if (isAbort(error)) return { code: STATUS_CODES.CANCELLED, message: 'The caller has left', details: [] };
  if (!isYardmasterError(error)) return internal();
  const status = findError(error.code)?.status ?? 'INTERNAL';
  return { code: STATUS_CODES[status], message: cutText(error.message, MESSAGE_CHARS_MAX), details: detailsOf(error) };
}

/** True for an error that is our own fault and belongs into the log. */
export function isUnexpected(error: unknown): boolean {
  return toRpcStatus(error).code === STATUS_CODES.INTERNAL;
}

function internal(): RpcStatus {
  const details = [{ desc: ErrorInfoSchema, value: { reason: 'INTERNAL', domain: ERROR_DOMAIN } }];
  return { code: STATUS_CODES.INTERNAL, message: 'Cannot answer: an internal error, see the log', details };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function detailsOf(error: YardmasterError): readonly ErrorDetail[] {
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(error.meta)) metadata[key] = cutText(value, META_CHARS_MAX);
  if (error.next !== undefined) metadata.next = cutText(error.next, META_CHARS_MAX);
  const details: ErrorDetail[] = [];
  if (error.problems.length > 0) {
    const fitting = fittingProblems(error.problems);
    metadata.problems = String(error.problems.length);
    details.push({ desc: ProblemSetSchema, value: { problems: fitting.map(toProblem) } });
    const violations = { fieldViolations: fitting.map(toViolation) };
    if (sizeOf(BadRequestSchema, violations) <= DETAILS_BYTES_MAX / 4) {
      details.push({ desc: BadRequestSchema, value: violations });
    }
  }
  const info: ErrorDetail = { desc: ErrorInfoSchema, value: { reason: error.code, domain: ERROR_DOMAIN, metadata } };
  return [info, ...details];
}

/** As many as a trailer can carry; `metadata.problems` says how many there are. */
function fittingProblems(problems: readonly Problem[]): readonly Problem[] {
  const fitting: Problem[] = [];
  let size = 0;
  for (const problem of problems) {
    size += sizeOf(ProblemSetSchema, { problems: [toProblem(problem)] });
    if (size > DETAILS_BYTES_MAX / 2 && fitting.length > 0) break;
    fitting.push(problem);
  }
  return fitting;
}

function sizeOf<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): number {
  return toBinary(desc, create(desc, value)).length;
}

export function toProblem({ code, message, place, next }: Problem) {
  return {
    code,
    message: cutText(message, META_CHARS_MAX),
    file: place?.file ?? '',
    line: place?.line ?? 0,
    column: place?.column ?? 0,
    length: place?.length ?? 0,
    pointer: place?.pointer ?? '',
    next: next ?? '',
  };
}

function toViolation({ code, message, place }: Problem) {
  return { field: place?.pointer ?? '', description: cutText(message, META_CHARS_MAX), reason: code };
}
