/** A status as grpc-js sends it: with `google.rpc.Status` in `grpc-status-details-bin`. */
import { create, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import type { ServiceError } from '@grpc/grpc-js';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { type ErrorDetail, toRpcStatus } from '../api/errors.ts';
import { toMetadata, UnpaddedMetadata } from './metadata.ts';

const DETAILS_KEY = 'grpc-status-details-bin';
const TYPE_PREFIX = 'type.googleapis.com/';
/** Text of a status travels percent-encoded in a header that clients limit to 8 KiB. */
const TEXT_CHARS_MAX = 1_024;

/** `trailers`: sent with it. */
export function toServiceError(error: unknown, trailers?: Headers): ServiceError {
  const { code, message, details } = error instanceof ConnectError ? ofConnect(error) : toRpcStatus(error);
  const metadata = toMetadata(trailers) ?? new UnpaddedMetadata();
  const own = error instanceof ConnectError ? toMetadata(error.metadata) : undefined;
  if (own !== undefined) metadata.merge(own);
  if (details.length > 0) {
    const status = create(StatusSchema, { code, message, details: details.map(pack) });
    metadata.set(DETAILS_KEY, toBuffer(toBinary(StatusSchema, status)));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

type Detail = ErrorDetail | Extract<ConnectError['details'][number], { readonly type: string }>;

/** A handler's own status goes out as it is, as it does over HTTP/1.1. */
function ofConnect({ code, rawMessage, details }: ConnectError): Status {
  return { code, message: rawMessage, details };
}

interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Detail[];
}

function pack(detail: Detail): Any {
  if ('type' in detail) return create(AnySchema, { typeUrl: `${TYPE_PREFIX}${detail.type}`, value: detail.value });
  return anyPack(detail.desc, create(detail.desc, detail.value));
}

/** grpc-js puts the text through `encodeURI`, which throws on a lone surrogate and leaves the call without a status. */
export function tidyText(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).toWellFormed();
}

/** The same bytes as the Buffer that grpc-js insists on. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
