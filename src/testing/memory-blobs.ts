/** BlobService over any Connect transport, as the SDK uses it. */
import { createClient, type Transport } from '@connectrpc/connect';
import type { BlobLink, BlobReference, BlobUpload } from '../agent-sdk/index.ts';
import { fromWireError } from '../client/index.ts';
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { BlobService } from '../gen/yardmaster/v1/blob_service_pb.ts';

export function createMemoryBlobs(transport: Transport): BlobLink {
  const client = createClient(BlobService, transport);
  return {
    async upload(upload, signal) {
      const { blob } = await told(client.upload(partsOf(upload), { signal }));
      if (blob === undefined) throw new YardmasterError('INTERNAL', 'Cannot upload: the answer is empty');
      return { blobId: blob.blobId, size: blob.size, sha256: blob.sha256 };
    },
    download: (runId, blob, signal) => told(collect(client.download({ runId, blobId: blob.blobId }, { signal }), blob)),
  };
}

async function* partsOf({ attemptId, bytes, sha256 }: BlobUpload) {
  yield { part: { case: 'header' as const, value: { attemptId, sha256, size: bytes.length } } };
  for (let from = 0; from < bytes.length; from += limits.blobFrameBytesMax) {
    yield { part: { case: 'data' as const, value: bytes.subarray(from, from + limits.blobFrameBytesMax) } };
  }
}

async function collect(parts: AsyncIterable<{ readonly data: Uint8Array }>, blob: BlobReference): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const { data } of parts) all.push(data);
  const bytes = Buffer.concat(all);
  if (bytes.length === blob.size) return bytes;
  throw new YardmasterError(
    'BLOB_CORRUPT',
    `Cannot download blob "${blob.blobId}": ${bytes.length} of ${blob.size} bytes arrived`,
  );
}

/** The SDK goes by the name of the status. */
export async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { code, message, meta } = fromWireError(error, 'the control plane');
    throw new YardmasterError(meta.status ?? code, message, { cause: error, meta: { reason: code } });
  }
}
