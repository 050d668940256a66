/** Upload and Download over grpc-js. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Client, ClientReadableStream, Metadata, ServiceError } from '@grpc/grpc-js';
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import {
  type DownloadRequest,
  DownloadRequestSchema,
  type DownloadResponse,
  DownloadResponseSchema,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
  UploadResponseSchema,
} from '../gen/yardmaster/v1/blob_service_pb.ts';
import { readBlob } from './frames.ts';
import { toStatusError } from './grpc-status.ts';
import type { BlobUpload } from './link.ts';
import type { BlobReference } from './news.ts';

const UPLOAD_PATH = '/yardmaster.v1.BlobService/Upload';
const DOWNLOAD_PATH = '/yardmaster.v1.BlobService/Download';
/** One try; the caller decides about another. */
const CALL_MS = 120_000;

/** Rejects with the status name as code. */
export function uploadBlob(
  client: Client,
  metadata: Metadata,
  { attemptId, bytes, sha256 }: BlobUpload,
  signal: AbortSignal,
): Promise<BlobReference> {
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest<UploadRequest, UploadResponse>(
      UPLOAD_PATH,
      (request) => Buffer.from(toBinary(UploadRequestSchema, request)),
      (answer) => fromBinary(UploadResponseSchema, answer),
      metadata,
      { deadline: Date.now() + CALL_MS },
      (error: ServiceError | null, answer?: UploadResponse) => {
        signal.removeEventListener('abort', cancel);
        if (error !== null) reject(toStatusError(error, `Cannot upload an output of ${bytes.length} bytes`));
        else if (answer?.blob === undefined)
          reject(new YardmasterError('INTERNAL', 'Cannot upload: the answer is empty'));
        else resolve(readBlob(answer.blob));
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    // The callback tells of errors, too.
    call.on('error', () => {});
    const parts = partsOf(attemptId, bytes, sha256);
    const pump = (): void => {
      for (const part of parts) if (!call.write(part)) return;
      call.end();
    };
    call.on('drain', pump);
    pump();
  });
}

/** A generator can be left and taken up again by hand, but `for` would end it: so an iterator without `return`. */
function partsOf(attemptId: string, bytes: Uint8Array, sha256: Uint8Array): Iterable<UploadRequest> {
  const header = { attemptId, sha256, size: bytes.length };
  let offset = -1;
  const next = (): IteratorResult<UploadRequest, undefined> => {
    if (offset < 0) {
      offset = 0;
      return { done: false, value: create(UploadRequestSchema, { part: { case: 'header', value: header } }) };
    }
    if (offset >= bytes.length) return { done: true, value: undefined };
    const data = bytes.subarray(offset, offset + limits.blobFrameBytesMax);
    offset += data.length;
    return { done: false, value: create(UploadRequestSchema, { part: { case: 'data', value: data } }) };
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

/** Rejects with the status name as code, and with LIMIT when more arrives than a blob may have. */
export function downloadBlob(
  client: Client,
  metadata: Metadata,
  { runId, blob }: { readonly runId: string; readonly blob: BlobReference },
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call: ClientReadableStream<DownloadResponse> = client.makeServerStreamRequest(
      DOWNLOAD_PATH,
      (request: DownloadRequest) => Buffer.from(toBinary(DownloadRequestSchema, request)),
      (answer) => fromBinary(DownloadResponseSchema, answer),
      create(DownloadRequestSchema, { runId, blobId: blob.blobId }),
      metadata,
      { deadline: Date.now() + CALL_MS },
    );
    const parts: Uint8Array[] = [];
    let size = 0;
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    call.on('data', ({ data }: DownloadResponse) => {
      parts.push(data);
      size += data.length;
      if (size > limits.blobBytesMax) call.cancel();
    });
    call.on('error', () => {});
    call.on('status', (status) => {
      signal.removeEventListener('abort', cancel);
      if (size > limits.blobBytesMax) reject(tooLarge(blob));
      else if (status.code !== 0) reject(toStatusError(status, `Cannot download blob "${blob.blobId}"`));
      else resolve(Buffer.concat(parts));
    });
  });
}

function tooLarge({ blobId }: BlobReference): YardmasterError {
  return new YardmasterError('LIMIT', `Cannot read blob "${blobId}": it has more than ${limits.blobBytesMax} bytes`);
}
