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
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { limits } from '../../core/limits.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';

const DETAILS_KEY = 'grpc-status-details-bin';

const OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.client_idle_timeout_ms': 60_000,
  'grpc.enable_retries': 0,
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

/** `url` such as `http://127.0.0.1:7420`. Connects when it is first called. */
export function createGrpcTransport(url: string): GrpcTransport {
  const { host, protocol } = new URL(url);
  const isSecure = protocol === 'https:';
  const target = /:\d+$/.test(host) ? host : `${host}:${isSecure ? 443 : 80}`;
  const client = new Client(target, isSecure ? credentials.createSsl() : credentials.createInsecure(), OPTIONS);
  return {
    unary(method, signal, timeoutMs, header, input) {
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          pathOf(method),
          serializer(method.input),
          deserializer(method.output),
          input,
          toMetadata(header),
          callOptions(timeoutMs),
          (error, message) => {
            signal?.removeEventListener('abort', onAbort);
            if (error !== null) reject(toConnectError(error));
            else if (message === undefined) reject(new ConnectError('the answer is empty', Code.Internal));
            else resolve({ ...emptyHeaders(), service: method.parent, method, stream: false, message });
          },
        );
        const onAbort = (): void => call.cancel();
        if (signal?.aborted === true) call.cancel();
        else signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    async stream(method, signal, timeoutMs, header, input) {
      const call = client.makeBidiStreamRequest(
        pathOf(method),
        serializer(method.input),
        deserializer(method.output),
        toMetadata(header),
        callOptions(timeoutMs),
      );
      return { ...emptyHeaders(), service: method.parent, method, stream: true, message: readAll(call, input, signal) };
    },
    close: () => client.close(),
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function serializer<I extends DescMessage>(schema: I): (input: MessageInitShape<I>) => Buffer {
  return (input) => {
    const bytes = toBinary(schema, create(schema, input));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer<O extends DescMessage>(schema: O): (bytes: Buffer) => MessageShape<O> {
  return (bytes) => fromBinary(schema, bytes, { readUnknownFields: false });
}

function callOptions(timeoutMs: number | undefined): CallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function toMetadata(header: ConstructorParameters<typeof Headers>[0]): Metadata {
  const metadata = new Metadata();
  if (header !== undefined) for (const [key, value] of new Headers(header)) metadata.set(key, value);
  return metadata;
}

/** Nobody reads the headers and trailers of an answer: what an error says is in its details. */
function emptyHeaders(): { readonly header: Headers; readonly trailer: Headers } {
  return { header: new Headers(), trailer: new Headers() };
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

function toConnectError({
  code,
  details,
  metadata,
}: Pick<ServiceError, 'code' | 'details' | 'metadata'>): ConnectError {
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
