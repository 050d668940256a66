/** What the conformance suite (test/ci/conformance) found of gRPC, kept without its tools. */
import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type BoundService, bindService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.ts';
import { AgentService } from '../../../src/gen/yardmaster/v1/agent_service_pb.ts';
import { BlobService, UploadRequestSchema } from '../../../src/gen/yardmaster/v1/blob_service_pb.ts';
import { attack } from '../../fuzz/http2-frames.ts';
import { Dice } from '../../sim/dice.ts';
import { pathOf, Rig, reasonOf } from './rig.ts';

const { download, upload } = BlobService.method;

function blobs(impl: Partial<ServiceImpl<typeof BlobService>> = {}): BoundService {
  return bindService(BlobService, {
    async upload(parts) {
      let size = 0;
      for await (const { part } of parts) size += part.case === 'data' ? part.value.length : 0;
      return { blob: { blobId: String(size) } };
    },
    async *download() {},
    ...impl,
  });
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.from([flag, 0, 0, 0, 0]);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const part = toBinary(
  UploadRequestSchema,
  create(UploadRequestSchema, { part: { case: 'data', value: new Uint8Array(10) } }),
);

interface Answer {
  readonly headers: IncomingHttpHeaders;
  /** Of a response without messages they are in its headers. */
  readonly trailers: IncomingHttpHeaders;
  readonly bytes: number;
}

/** A call of `upload` as bytes, with headers of the test's own. */
async function post(rig: Rig, body: Buffer, headers: OutgoingHttpHeaders = {}, path = pathOf(upload)): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${rig.port}`);
  const own = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const call = session.request({ ...own, ...headers }, { endStream: false });
  try {
    const answered = new Promise<Answer>((resolve, reject) => {
      let head: IncomingHttpHeaders = {};
      let tail: IncomingHttpHeaders | undefined;
      let bytes = 0;
      call.on('response', (received) => {
        head = received;
      });
      call.on('trailers', (received) => {
        tail = received;
      });
      call.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      call.on('end', () => resolve({ headers: head, trailers: tail ?? head, bytes }));
      call.on('error', reject);
    });
    call.end(body);
    return await answered;
  } finally {
    session.close();
  }
}

interface Heard {
  readonly headers: Metadata;
  readonly status: StatusObject;
}

/** A call of `download` with metadata, and what came back around its messages. */
function hear(rig: Rig, metadata: Metadata, options = {}): Promise<Heard> {
  const same = (bytes: Buffer): Buffer => bytes;
  const call = rig
    .client()
    .makeServerStreamRequest(pathOf(download), same, same, Buffer.alloc(0), metadata, options)
    .on('error', () => {})
    .resume();
  let headers = new Metadata();
  call.on('metadata', (received: Metadata) => {
    headers = received;
  });
  return new Promise((resolve) => call.on('status', (status: StatusObject) => resolve({ headers, status })));
}

describe('handlers over gRPC', () => {
  it('read the headers of their call, also binary ones, and set headers and trailers', async () => {
    const seen: (string | null)[] = [];
    const echo = blobs({
      async *download(_, { requestHeader, responseHeader, responseTrailer }: HandlerContext) {
        seen.push(requestHeader.get('x-word'), requestHeader.get('x-bytes-bin'), requestHeader.get('content-type'));
        responseHeader.append('x-back', 'one');
        responseHeader.append('x-back-bin', 'AAE');
        responseTrailer.append('x-end', 'two');
        responseTrailer.append('x-end', 'three');
        yield {};
      },
    });
    await using rig = await Rig.start([echo]);
    const metadata = new Metadata();
    metadata.add('x-word', 'hello');
    metadata.add('x-bytes-bin', Buffer.from([0, 1, 2, 3]));
    const { headers, status } = await hear(rig, metadata);
    expect(seen).toEqual(['hello', 'AAECAw', null]);
    expect(headers.get('x-back')).toEqual(['one']);
    expect(headers.get('x-back-bin')).toEqual([Buffer.from([0, 1])]);
    expect(status).toMatchObject({ code: Status.OK });
    expect(String(status.metadata.get('x-end'))).toBe('two, three');
  });

  it('send headers and trailers with an error and without a message, too', async () => {
    const failing = blobs({
      // biome-ignore lint/correctness/useYield: it fails before it has anything to say.
      async *download(_, { responseHeader, responseTrailer }: HandlerContext) {
        responseHeader.set('x-back', 'one');
        responseTrailer.set('x-end', 'two');
        throw new ConnectError('no', Code.DataLoss, { 'x-own': 'three' });
      },
    });
    await using rig = await Rig.start([failing]);
    const { headers, status } = await hear(rig, new Metadata());
    expect(headers.get('x-back')).toEqual(['one']);
    expect(status).toMatchObject({ code: Status.DATA_LOSS, details: 'no' });
    expect(status.metadata.get('x-end')).toEqual(['two']);
    expect(status.metadata.get('x-own')).toEqual(['three']);
  });

  it('know how much time the caller gives them', async () => {
    const left: (number | undefined)[] = [];
    const asking = blobs({
      async *download(_, context) {
        left.push(context.timeoutMs());
        yield {};
      },
    });
    await using rig = await Rig.start([asking]);
    await hear(rig, new Metadata());
    await hear(rig, new Metadata(), { deadline: Date.now() + 60_000 });
    // More milliseconds than grpc-js can count: as good as none.
    await hear(rig, new Metadata(), { deadline: Date.now() + 30 * 86_400_000 });
    expect(left).toEqual([undefined, expect.any(Number), undefined]);
    expect(left[1]).toBeGreaterThan(0);
    expect(left[1]).toBeLessThanOrEqual(60_000);
  });

  it('pass a status of their own on with its details, packed and not', async () => {
    const info = create(ErrorInfoSchema, { reason: 'OWN' });
    const failing = blobs({
      upload() {
        const error = new ConnectError('taken', Code.AlreadyExists, undefined, [
          { desc: ErrorInfoSchema, value: info },
        ]);
        const { value } = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: 'PACKED' }));
        error.details.push({ type: ErrorInfoSchema.typeName, value });
        throw error;
      },
    });
    await using rig = await Rig.start([failing]);
    const { trailers } = await post(rig, frame(part));
    expect(trailers).toMatchObject({ 'grpc-status': String(Status.ALREADY_EXISTS), 'grpc-message': 'taken' });
    const bytes = Buffer.from(String(trailers['grpc-status-details-bin']), 'base64');
    expect(bytes.toString('latin1')).toContain('OWN');
    expect(bytes.toString('latin1')).toContain('PACKED');
    expect(trailers['grpc-status-details-bin']).not.toContain('=');
  });
});

describe('a request that is not gRPC as it is agreed on', () => {
  it('is refused when its method is not POST, with 405', async () => {
    await using rig = await Rig.start([blobs()]);
    expect((await post(rig, frame(part), { ':method': 'DELETE' })).headers).toMatchObject({
      ':status': 405,
      allow: 'POST',
    });
  });

  it.each([
    ['a codec that nobody here reads', { 'content-type': 'application/grpc+json' }, 'application/grpc+json'],
    ['gRPC-Web, which is for HTTP/1.1', { 'content-type': 'application/grpc-web+proto' }, 'application/grpc-web+proto'],
    ['a compression that nobody here reads', { 'grpc-encoding': 'foo' }, 'foo'],
  ])('is UNIMPLEMENTED with %s, and says what is read', async (_, headers, named) => {
    await using rig = await Rig.start([blobs()]);
    const { trailers } = await post(rig, frame(part), headers);
    expect(trailers).toMatchObject({ ':status': 200, 'grpc-status': String(Status.UNIMPLEMENTED) });
    expect(trailers['grpc-accept-encoding']).toBe('identity,deflate,gzip');
    expect(decodeURI(String(trailers['grpc-message']))).toContain(`"${named}"`);
  });

  it.each(['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8'])(
    'is not one that says %s',
    async (type) => {
      await using rig = await Rig.start([blobs()]);
      expect((await post(rig, frame(part), { 'content-type': type })).trailers['grpc-status']).toBe('0');
    },
  );

  it('is INTERNAL when a message is marked as compressed and nothing says how', async () => {
    await using rig = await Rig.start([blobs()]);
    expect((await post(rig, frame(part, 1))).trailers['grpc-status']).toBe(String(Status.INTERNAL));
    const packed = await post(rig, frame(gzipSync(part), 1), { 'grpc-encoding': 'gzip' });
    expect(packed.trailers['grpc-status']).toBe('0');
  });

  it.each([
    ['a message', frame(part).subarray(0, -1)],
    ['the length of a message', Buffer.from([0, 0, 0])],
    ['its second message', Buffer.concat([frame(part), frame(part).subarray(0, 7)])],
  ])('is INVALID_ARGUMENT when it ends within %s', async (_, body) => {
    await using rig = await Rig.start([blobs()]);
    const { trailers, bytes } = await post(rig, body);
    expect(trailers).toMatchObject({ 'grpc-status': String(Status.INVALID_ARGUMENT) });
    expect(bytes).toBe(0);
  });

  it('is INVALID_ARGUMENT when an agent stream ends within a frame', async () => {
    await using rig = await Rig.start();
    const opened = new Promise<void>((resolve) => {
      rig.plane.onOpen = () => resolve();
    });
    const { trailers } = await post(rig, Buffer.from([0, 0, 0, 0, 9, 1]), {}, pathOf(AgentService.method.session));
    await opened;
    expect(trailers['grpc-status']).toBe(String(Status.INVALID_ARGUMENT));
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from(String(trailers['grpc-status-details-bin']), 'base64'));
    expect(reasonOf({ metadata })).toBe('MALFORMED_FRAME');
  });
});

describe('a call that is reset in the bytes behind its headers', () => {
  it.each(['reset of no type', 'reset of no method'])('harms nobody else: %s (fuzz seed 22)', async (name) => {
    await using rig = await Rig.start([blobs()]);
    await attack(rig.port, name, new Dice(22));
    const { trailers } = await post(rig, frame(part));
    expect(trailers['grpc-status']).toBe('0');
  });
});
