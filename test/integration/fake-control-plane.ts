/** A control plane that only speaks the stream and blobs, over a real grpc-js server on a free port; a test plays its part. */
import { createHash } from 'node:crypto';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type AttemptResult,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '../../src/gen/opaque/session_pb.ts';
import {
  type DownloadRequest,
  DownloadRequestSchema,
  type DownloadResponse,
  DownloadResponseSchema,
  type UploadRequest,
  UploadRequestSchema,
  type UploadResponse,
  UploadResponseSchema,
} from '../../src/gen/yardmaster/v1/blob_service_pb.ts';

import { ResultVerdict } from '../../src/gen/yardmaster/v1/dispatch_pb.ts';

type Stream = ServerDuplexStream<SessionRequest, SessionResponse>;
type Frame = NonNullable<MessageInitShape<typeof SessionResponseSchema>['frame']>;

const SESSION = {
  Session: {
    path: '/yardmaster.v1.AgentService/Session',
    requestStream: true,
    responseStream: true,
    requestSerialize: (m: SessionRequest) => Buffer.from(toBinary(SessionRequestSchema, m)),
    requestDeserialize: (b: Buffer) => fromBinary(SessionRequestSchema, b),
    responseSerialize: (m: SessionResponse) => Buffer.from(toBinary(SessionResponseSchema, m)),
    responseDeserialize: (b: Buffer) => fromBinary(SessionResponseSchema, b),
  },
} as const;

const BLOBS = {
  Upload: {
    path: '/yardmaster.v1.BlobService/Upload',
    requestStream: true,
    responseStream: false,
    requestSerialize: (m: UploadRequest) => Buffer.from(toBinary(UploadRequestSchema, m)),
    requestDeserialize: (b: Buffer) => fromBinary(UploadRequestSchema, b),
    responseSerialize: (m: UploadResponse) => Buffer.from(toBinary(UploadResponseSchema, m)),
    responseDeserialize: (b: Buffer) => fromBinary(UploadResponseSchema, b),
  },
  Download: {
    path: '/yardmaster.v1.BlobService/Download',
    requestStream: false,
    responseStream: true,
    requestSerialize: (m: DownloadRequest) => Buffer.from(toBinary(DownloadRequestSchema, m)),
    requestDeserialize: (b: Buffer) => fromBinary(DownloadRequestSchema, b),
    responseSerialize: (m: DownloadResponse) => Buffer.from(toBinary(DownloadResponseSchema, m)),
    responseDeserialize: (b: Buffer) => fromBinary(DownloadResponseSchema, b),
  },
} as const;

export class FakeControlPlane {
  readonly frames: SessionRequest['frame'][] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Sizes of the parts of the uploads. */
  readonly parts: number[] = [];
  #server = new Server();
  #stream: Stream | undefined;
  #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];
  port = 0;
  /** Acks every result as it comes. */
  acksResults = true;

  async listen(port = 0): Promise<this> {
    this.#server = new Server();
    this.#server.addService(SESSION, { Session: (stream: Stream) => this.#open(stream) });
    this.#server.addService(BLOBS, {
      Upload: (call: ServerReadableStream<UploadRequest, UploadResponse>, done: sendUnaryData<UploadResponse>) =>
        this.#upload(call, done),
      Download: (call: ServerWritableStream<DownloadRequest, DownloadResponse>) => this.#download(call),
    });
    this.port = await new Promise((resolve, reject) =>
      this.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get results(): AttemptResult[] {
    return this.frames.flatMap((frame) => (frame.case === 'report' ? frame.value.results : []));
  }

  get updates(): string[] {
    return this.frames.flatMap((frame) =>
      frame.case === 'report' ? frame.value.updates.map((u) => `${u.attemptId} ${u.update.case}`) : [],
    );
  }

  count(name: SessionRequest['frame']['case']): number {
    return this.frames.filter((frame) => frame.case === name).length;
  }

  send(frame: Frame): void {
    this.#stream?.write(create(SessionResponseSchema, { frame }));
  }

  /** Resolves when `until` holds; looked at after every frame. */
  async when(until: () => boolean): Promise<void> {
    if (until()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }));
  }

  /** Cuts everything at once, as a crash does. */
  kill(): void {
    this.#server.forceShutdown();
  }

  #open(stream: Stream): void {
    this.#stream = stream;
    stream.on('error', () => {});
    stream.on('data', (request: SessionRequest) => this.#take(stream, request.frame));
    stream.on('end', () => stream.end());
  }

  #take(stream: Stream, frame: SessionRequest['frame']): void {
    this.frames.push(frame);
    if (frame.case === 'hello') {
      const value = {
        node: 'fake',
        protocolVersion: 1,
        beatInterval: durationFromMs(200),
        lossWindow: durationFromMs(30_000),
        silenceLimit: durationFromMs(15_000),
      };
      stream.write(create(SessionResponseSchema, { frame: { case: 'welcome', value } }));
    } else if (frame.case === 'beat') this.send({ case: 'dispatch', value: { acks: { beat: frame.value.number } } });
    else if (frame.case === 'report' && this.acksResults && frame.value.results.length > 0) {
      const results = frame.value.results.map(({ attemptId }) => ({ attemptId, verdict: ResultVerdict.ACCEPTED }));
      this.send({ case: 'dispatch', value: { acks: { results } } });
    }
    this.#wake();
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ until }) => until());
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  #upload(call: ServerReadableStream<UploadRequest, UploadResponse>, done: sendUnaryData<UploadResponse>): void {
    const parts: Uint8Array[] = [];
    call.on('data', ({ part }: UploadRequest) => {
      if (part.case !== 'data') return;
      parts.push(part.value);
      this.parts.push(part.value.length);
    });
    call.on('end', () => {
      const bytes = Buffer.concat(parts);
      done(null, create(UploadResponseSchema, { blob: this.store(bytes) }));
    });
  }

  store(bytes: Buffer): { blobId: string; size: number; sha256: Uint8Array } {
    const blobId = `b${this.blobs.size}`;
    this.blobs.set(blobId, bytes);
    return { blobId, size: bytes.length, sha256: createHash('sha256').update(bytes).digest() };
  }

  #download(call: ServerWritableStream<DownloadRequest, DownloadResponse>): void {
    const bytes = this.blobs.get(call.request.blobId) ?? Buffer.alloc(0);
    for (let at = 0; at < bytes.length; at += 65_536) {
      call.write(create(DownloadResponseSchema, { data: bytes.subarray(at, at + 65_536) }));
    }
    call.end();
  }
}
