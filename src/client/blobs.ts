/** Values of a run that are too large to travel along with it. */

import { YardmasterError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { decodeValue } from '../core/value.ts';
import type { MeshApi } from './mesh-api.ts';
import type { PayloadView } from './views.ts';

/** The value of `payload`, downloaded when need be; undefined when there is none. */
export async function readPayload(
  api: MeshApi,
  runId: string,
  payload: PayloadView,
  signal?: AbortSignal,
): Promise<JsonValue | undefined> {
  switch (payload.kind) {
    case 'none':
      return undefined;
    case 'value':
      return payload.value;
    case 'blob':
      return decodeValue(await download(api, runId, payload.blobId, signal));
  }
}

async function download(
  api: MeshApi,
  runId: string,
  blobId: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const { data } of api.blobs.download({ runId, blobId }, signal === undefined ? {} : { signal })) {
    size += data.length;
    if (size > limits.blobBytesMax) {
      throw new YardmasterError(
        'BLOB_TOO_LARGE',
        `Cannot read blob "${blobId}": it is over ${limits.blobBytesMax} bytes`,
      );
    }
    parts.push(data);
  }
  return Buffer.concat(parts);
}
