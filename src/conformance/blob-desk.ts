/** BlobService of the scripted control plane: keeps what is uploaded, and how it came. */
import { createHash } from 'node:crypto';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { limits } from '../core/limits.ts';
import {
  DownloadRequestSchema,
  DownloadResponseSchema,
  type UploadHeader,
  UploadRequestSchema,
  UploadResponseSchema,
} from '../gen/yardmaster/v1/blob_service_pb.ts';
import type { BlobRefSchema } from '../gen/yardmaster/v1/payload_pb.ts';
import { codes, type GrpcCall, OK } from './grpc-call.ts';
import type { Tape } from './tape.ts';

export type BlobInit = MessageInitShape<typeof BlobRefSchema>;

export interface Upload {
  readonly header: UploadHeader | undefined;
  readonly partBytesMax: number;
  readonly bytes: Uint8Array;
  /** What is wrong with how it came. */
  readonly problem: string | undefined;
}

const UPLOAD = '/yardmaster.v1.BlobService/Upload';
const DOWNLOAD = '/yardmaster.v1.BlobService/Download';

export class BlobDesk {
  readonly uploads: Upload[] = [];
  downloads = 0;
  readonly #tape: Tape;
  readonly #blobs = new Map<string, Uint8Array>();

  constructor(tape: Tape) {
    this.#tape = tape;
  }

  /** Keeps bytes for a download. */
  store(bytes: Uint8Array): BlobInit {
    const blobId = `blob-${this.#blobs.size + 1}`;
    this.#blobs.set(blobId, bytes);
    return { blobId, size: bytes.length, sha256: digest(bytes) };
  }

  bytesOf(blobId: string): Uint8Array | undefined {
    return this.#blobs.get(blobId);
  }

  /** False: the call is not about blobs. */
  serve(call: GrpcCall): boolean {
    if (call.path === UPLOAD) this.#upload(call);
    else if (call.path === DOWNLOAD) this.#download(call);
    else return false;
    return true;
  }

  #upload(call: GrpcCall): void {
    let header: UploadHeader | undefined;
    let problem: string | undefined;
    let partBytesMax = 0;
    const parts: Uint8Array[] = [];
    call.listen({
      onMessage: (bytes) => {
        const { part } = fromBinary(UploadRequestSchema, bytes);
        if (part.case === 'header') {
          if (header !== undefined || parts.length > 0) problem = 'a header after the beginning';
          header = part.value;
        } else if (part.case === 'data') {
          if (header === undefined) problem = 'bytes before the header';
          partBytesMax = Math.max(partBytesMax, part.value.length);
          parts.push(part.value.slice());
        }
      },
      onHalfClose: () => {
        const bytes = Buffer.concat(parts);
        this.uploads.push({ header, partBytesMax, bytes, problem: problem ?? problemOf(header, partBytesMax, bytes) });
        this.#tape.note(0, `the agent uploaded ${bytes.length} bytes`);
        call.write(toBinary(UploadResponseSchema, create(UploadResponseSchema, { blob: this.store(bytes) })));
        call.end(OK);
      },
      onEnd: () => {},
      onGarbage: (fact) => this.#tape.note(0, `UNREADABLE: ${fact}`),
    });
  }

  #download(call: GrpcCall): void {
    call.listen({
      onMessage: (request) => {
        const { blobId } = fromBinary(DownloadRequestSchema, request);
        const bytes = this.#blobs.get(blobId);
        this.downloads++;
        this.#tape.note(0, `the agent downloads ${blobId}`);
        if (bytes === undefined) return call.end({ code: codes.notFound, message: 'no such blob' });
        for (let at = 0; at < bytes.length; at += limits.blobFrameBytesMax) {
          const data = bytes.subarray(at, at + limits.blobFrameBytesMax);
          call.write(toBinary(DownloadResponseSchema, create(DownloadResponseSchema, { data })));
        }
        return call.end(OK);
      },
      onHalfClose: () => {},
      onEnd: () => {},
      onGarbage: (fact) => this.#tape.note(0, `UNREADABLE: ${fact}`),
    });
  }
}

function problemOf(header: UploadHeader | undefined, partBytesMax: number, bytes: Uint8Array): string | undefined {
  if (header === undefined) return 'no header';
  if (header.size !== bytes.length) return `a header that says ${header.size} bytes before ${bytes.length}`;
  if (Buffer.compare(header.sha256, digest(bytes)) !== 0) return 'a SHA-256 that does not fit';
  if (partBytesMax > limits.blobFrameBytesMax) return `a part of ${partBytesMax} bytes`;
  return undefined;
}

export function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
