/**
 * A Connect Transport over one grpc-js channel: a third of the work per call of connect-node's, which matters where one
 * process starts thousands of runs. It owns the channel.
 *
 * Known traps: `break` out of grpc-js's own iterator hangs; a write never stops anyone; a channel that failed waits.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport, type UnaryResponse } from '@connectrpc/connect';
import {
  type ChannelInterface,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { limits } from '../../core/limits.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';

const DETAILS_KEY = 'grpc-status-details-bin';

/** Who calls, for the audit log. */
const ACTOR_KEY = 'x-yardmaster-actor';

const OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.client_idle_timeout_ms': 60_000,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // A run with all its values may be large; one value is at most a blob.
  'grpc.max_receive_message_length': 2 * limits.blobBytesMax,
  'grpc.use_local_subchannel_pool': 1,
};

export interface GrpcTransport extends Transport {
  close(): void;
}

/** `url` such as `http://127.0.0.1:7420`; `actor` is who calls, '' for nobody. Connects when it is first called. */
export function createGrpcTransport(url: string, actor: string): GrpcTransport {
  const { host, protocol } = new URL(url);
  const isSecure = protocol === 'https:';
  const target = /:\d+$/.test(host) ? host : `${host}:${isSecure ? 443 : 80}`;
  const client = new Client(target, isSecure ? credentials.createSsl() : credentials.createInsecure(), OPTIONS);
  const channel = client.getChannel();
  // Calls copy what they are given.
  const own = new Metadata();
  if (actor !== '') own.set(ACTOR_KEY, actor);
  return {
    async unary(method, signal, timeoutMs, header, input) {
      // grpc-js would send it all the same.
      if (signal?.aborted === true) throw new ConnectError('the call was aborted before it was sent', Code.Canceled);
      const request = toBytes(method.input, input);
      const metadata = toMetadata(own, header);
      const call = channel.createCall(pathOf(method), deadlineOf(timeoutMs), null, null, null);
      return toAnswer(method, await exchange(call, metadata, request, signal));
    },
    async stream(method, signal, timeoutMs, header, input) {
      const call = client.makeBidiStreamRequest(
        pathOf(method),
        (message: MessageInitShape<typeof method.input>) => toBytes(method.input, message),
        (bytes) => fromBytes(method.output, bytes),
        toMetadata(own, header),
        { deadline: deadlineOf(timeoutMs) },
      );
      const message = readAll(call, input, signal);
      return { header: new Headers(), trailer: new Headers(), service: method.parent, method, stream: true, message };
    },
    close: () => client.close(),
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function toBytes<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Buffer {
  const bytes = toBinary(schema, create(schema, input));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fromBytes<O extends DescMessage>(schema: O, bytes: Buffer): MessageShape<O> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new ConnectError('the answer cannot be read', Code.Internal, undefined, undefined, error);
  }
}

function deadlineOf(timeoutMs: number | undefined): number {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
}

function toMetadata(own: Metadata, header: ConstructorParameters<typeof Headers>[0]): Metadata {
  if (header === undefined) return own;
  const metadata = own.clone();
  for (const [key, value] of new Headers(header)) metadata.set(key, value);
  return metadata;
}

/** What an error says is in its details, so headers and trailers are made only for who asks, and are empty. */
function toAnswer<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  bytes: Buffer,
): UnaryResponse<I, O> {
  return {
    service: method.parent,
    method,
    stream: false,
    message: fromBytes(method.output, bytes),
    get header() {
      return new Headers();
    },
    get trailer() {
      return new Headers();
    },
  };
}

type UnaryCall = ReturnType<ChannelInterface['createCall']>;

/** Sends a message and awaits the answer. `makeUnaryRequest` does the same for a fifth more: a stack trace and four wrappers. */
function exchange(
  call: UnaryCall,
  metadata: Metadata,
  request: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => call.cancelWithStatus(status.CANCELLED, 'Cancelled on client');
    let answer: Buffer | undefined;
    call.start(metadata, {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: (bytes: Buffer) => {
        answer = bytes;
      },
      onReceiveStatus: (end) => {
        signal?.removeEventListener('abort', cancel);
        if (end.code !== status.OK) reject(toConnectError(end));
        else if (answer === undefined) reject(new ConnectError('the answer is empty', Code.Internal));
        else resolve(answer);
      },
    });
    call.startRead();
    call.sendMessageWithContext({}, request);
    call.halfClose();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

type Call<I, O> = ClientDuplexStream<I, O>;

/** Sends everything, then yields every answer; leaving the loop early cancels the call. */
async function* readAll<I, O>(
  call: Call<I, O>,
  input: AsyncIterable<I>,
  signal: AbortSignal | undefined,
): AsyncGenerator<O> {
  let failure: StatusObject | undefined;
  const isOver = new Promise<void>((resolve) => {
    call.on('status', (end: StatusObject) => {
      if (end.code !== status.OK) failure = end;
      resolve();
    });
  });
  // The status says the same.
  call.on('error', () => undefined);
  const cancel = (): void => call.cancel();
  if (signal?.aborted === true) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });
  try {
    sendAll(call, input).catch(cancel);
    try {
      for await (const message of call.iterator({ destroyOnReturn: false })) yield message;
    } catch {
      // Told below, with its details.
    }
    await isOver;
    if (failure !== undefined) throw toConnectError(failure);
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

async function sendAll<I, O>(call: Call<I, O>, input: AsyncIterable<I>): Promise<void> {
  for await (const message of input) {
    await new Promise<void>((resolve) => call.write(message, () => resolve()));
  }
  call.end();
}

function toConnectError({ code, details, metadata }: StatusObject): ConnectError {
  const error = new ConnectError(readable(details), isCode(code) ? code : Code.Unknown);
  const [bytes] = metadata.get(DETAILS_KEY);
  if (bytes === undefined || typeof bytes === 'string') return error;
  try {
    error.details = fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => {
      return { type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value };
    });
  } catch {
    // A proxy may put anything there; the plain status still counts.
  }
  return error;
}

/** Connect numbers the statuses as gRPC does. */
function isCode(code: number): code is Code {
  return code in Code;
}

/** `No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ` */
function readable(details: string): string {
  const [, last] = /Last error: (.*?)(?:\. Resolution note.*)?$/s.exec(details) ?? [];
  return (last ?? details).replace(/^Error: /, '').trim();
}
