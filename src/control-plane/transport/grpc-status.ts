/** A status as grpc-js sends it: with `google.rpc.Status` in `grpc-status-details-bin`. */
import { create, type DescMessage, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { type ErrorDetail, toRpcStatus } from '../api/errors.ts';

const DETAILS_KEY = 'grpc-status-details-bin';
/** Text of a status travels percent-encoded in a header that clients limit to 8 KiB. */
const TEXT_CHARS_MAX = 1_024;

export function toServiceError(error: unknown): ServiceError {
  const { code, message, details } = toRpcStatus(error);
  const metadata = new Metadata();
  if (details.length > 0) {
    const status = create(StatusSchema, { code, message, details: details.map(pack) });
    metadata.set(DETAILS_KEY, toBuffer(toBinary(StatusSchema, status)));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function pack<Desc extends DescMessage>({ desc, value }: ErrorDetail<Desc>): Any {
  return anyPack(desc, create(desc, value));
}

/** grpc-js puts the text through `encodeURI`, which throws on a lone surrogate and leaves the call without a status. */
export function tidyText(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).toWellFormed();
}

/** The same bytes as the Buffer that grpc-js insists on. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
