import type { ServiceImpl } from '@connectrpc/connect';
import { YardmasterError } from '../../core/errors.ts';
import { RUN_ID_LENGTH } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { BlobService, UploadRequest } from '../../gen/yardmaster/v1/blob_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { readAttemptId } from './convert/text.ts';
import { readRequest } from './requests.ts';

const SHA256_BYTES = 32;

export interface BlobServiceOptions {
  readonly controlPlane: Pick<ControlPlane, 'uploadBlob' | 'downloadBlob'>;
}

export function createBlobService({ controlPlane }: BlobServiceOptions): ServiceImpl<typeof BlobService> {
  return {
    async upload(requests) {
      const iterator = requests[Symbol.asyncIterator]();
      const first = await iterator.next();
      const header = readHeader(first.done === true ? undefined : first.value);
      const { blobId, size } = await controlPlane.uploadBlob({ ...header, parts: readParts(iterator) });
      return { blob: { blobId, size, sha256: header.sha256 } };
    },

    async *download({ runId, blobId }) {
      readRequest('download a blob', (faults) => {
        if (runId.length !== RUN_ID_LENGTH) faults.add('run_id', 'is not a run id');
        if (blobId === '' || blobId.length > limits.blobIdCharsMax) faults.add('blob_id', 'is not a blob id');
      });
      const bytes = await controlPlane.downloadBlob(runId, blobId);
      for (let from = 0; from < bytes.length; from += limits.blobFrameBytesMax) {
        yield { data: bytes.subarray(from, from + limits.blobFrameBytesMax) };
      }
    },
  };
}

interface Header {
  readonly attemptId: string;
  readonly size: number;
  readonly sha256: Uint8Array;
}

function readHeader(request: UploadRequest | undefined): Header {
  return readRequest('upload a blob', (faults) => {
    if (request?.part.case !== 'header') {
      faults.add('part', 'is not a header; an upload begins with one');
      return { attemptId: '', size: 0, sha256: new Uint8Array(0) };
    }
    const { size, sha256 } = request.part.value;
    if (size > limits.blobBytesMax) throw tooLarge(size);
    if (sha256.length !== SHA256_BYTES)
      faults.add('header.sha256', `has ${sha256.length} bytes; a SHA-256 has ${SHA256_BYTES}`);
    const attemptId = readAttemptId(faults, () => 'header.attempt_id', request.part.value.attemptId);
    return { attemptId, size, sha256: new Uint8Array(sha256) };
  });
}

async function* readParts(iterator: AsyncIterator<UploadRequest>): AsyncGenerator<Uint8Array> {
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    const { part } = next.value;
    if (part.case !== 'data' || part.value.length > limits.blobFrameBytesMax) {
      throw new YardmasterError(
        'INVALID_ARGUMENT',
        `Cannot go on with the upload: "part" is not data of at most ${limits.blobFrameBytesMax} bytes`,
      );
    }
    yield part.value;
  }
}

function tooLarge(size: number): YardmasterError {
  return new YardmasterError(
    'VALUE_TOO_LARGE',
    `Cannot upload ${size} bytes: at most ${limits.blobBytesMax} are stored`,
    {
      next: 'store it elsewhere and return where it is',
    },
  );
}
