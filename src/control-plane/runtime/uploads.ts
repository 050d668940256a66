/** Values too large for a frame: uploaded by agents before the result that names them, downloaded when an input is one. */
import { isYardmasterError, YardmasterError } from '../../core/errors.ts';
import { type AttemptKey, parseAttemptId, RUN_ID_LENGTH } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { BlobValue } from '../../core/stored-value.ts';
import { scanValue } from '../../core/value.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { Store } from '../store/port.ts';
import type { Blobs } from './blobs.ts';

export interface UploadsOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly fleet: Fleet;
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  /** Takes secrets out. */
  readonly clear: (key: AttemptKey, bytes: Uint8Array) => Promise<Uint8Array>;
}

export interface UploadRequest {
  readonly attemptId: string;
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly parts: AsyncIterable<Uint8Array>;
}

export class Uploads {
  private readonly options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.options = options;
  }

  async upload(request: UploadRequest): Promise<{ readonly blobId: string; readonly size: number }> {
    const { attemptId, size } = request;
    const key = parseAttemptId(attemptId);
    if (key === undefined || !this.isHeld(attemptId)) {
      throw new YardmasterError(
        'ATTEMPT_UNKNOWN',
        `Cannot upload for attempt "${attemptId.slice(0, 200)}": no connected agent holds it`,
      );
    }
    if (size > limits.blobBytesMax) {
      throw new YardmasterError('VALUE_TOO_LARGE', `Cannot upload ${size} bytes: at most ${limits.blobBytesMax}`, {
        next: 'store it elsewhere and return where it is',
      });
    }
    const received = await collect(request);
    this.verify(request, received);
    const bytes = await this.options.clear(key, received);
    const hex = [...request.sha256.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const blobId = `${uploadPrefix(key.path, key.number)}${hex}`;
    for (let part = 0; part * limits.blobPartBytesMax < bytes.length; part++) {
      const from = part * limits.blobPartBytesMax;
      await this.options.store.putBlobPart(
        key.runId,
        blobId,
        part,
        bytes.subarray(from, from + limits.blobPartBytesMax),
      );
    }
    this.options.blobs.replace(key.runId, blobId, bytes);
    return { blobId, size: bytes.length };
  }

  /** Why a result may not name this blob: an attempt gives what it uploaded itself, all of it. Undefined: it may. */
  async check(key: AttemptKey, blob: BlobValue): Promise<string | undefined> {
    const { blobId, size } = blob;
    if (!blobId.startsWith(uploadPrefix(key.path, key.number)))
      return `blob "${blobId}" was not uploaded by this attempt`;
    try {
      const bytes = await this.options.blobs.load(key.runId, blobId);
      return bytes.length === size ? undefined : `blob "${blobId}" has ${bytes.length} bytes, not ${size}`;
    } catch (error) {
      if (isYardmasterError(error)) return `blob "${blobId}" does not exist`;
      throw error;
    }
  }

  async download(attemptOrRunId: string, blobId: string): Promise<Uint8Array> {
    return this.options.blobs.load(attemptOrRunId.slice(0, RUN_ID_LENGTH), blobId);
  }

  private isHeld(attemptId: string): boolean {
    for (const instance of this.options.fleet.instances.values()) if (instance.held.has(attemptId)) return true;
    return false;
  }

  private verify(request: UploadRequest, bytes: Uint8Array): void {
    const refuse = (fact: string): YardmasterError =>
      new YardmasterError('UPLOAD_INVALID', `Cannot take the upload for "${request.attemptId}": ${fact}`, {
        next: 'upload it again',
      });
    if (bytes.length !== request.size) throw refuse(`${bytes.length} bytes came, ${request.size} were announced`);
    const actual = this.options.sha256(bytes);
    if (actual.length !== request.sha256.length || !actual.every((byte, i) => byte === request.sha256[i]))
      throw refuse('the SHA-256 does not match');
    const problem = scanValue(bytes);
    if (problem !== undefined) throw refuse(`it is not a google.protobuf.Value: ${problem}`);
  }
}

/** Blob ids that an attempt may name: those that it uploaded itself. */
function uploadPrefix(path: string, number: number): string {
  return `upload/${path}#${number}/`;
}

async function collect(request: UploadRequest): Promise<Uint8Array> {
  const bytes = new Uint8Array(request.size);
  let length = 0;
  for await (const part of request.parts) {
    if (length + part.length > bytes.length)
      throw new YardmasterError(
        'UPLOAD_INVALID',
        `Cannot take the upload for "${request.attemptId}": more than the ${request.size} bytes announced`,
      );
    bytes.set(part, length);
    length += part.length;
  }
  return bytes.subarray(0, length);
}
