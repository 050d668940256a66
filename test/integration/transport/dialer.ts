/** What a stranger can say to a port: calls of every kind, streams and plain bytes. */
import { createConnection } from 'node:net';
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../src/gen/google/rpc/status_pb.ts';
import { AgentService } from '../../../src/gen/yardmaster/v1/agent_service_pb.ts';
import { type Problem, ProblemSetSchema } from '../../../src/gen/yardmaster/v1/errors_pb.ts';

export class Dialer {
  port: number;
  private readonly clients: Client[] = [];

  constructor(port: number) {
    this.port = port;
  }

  client(options: ChannelOptions = {}): Client {
    const client = new Client(`127.0.0.1:${this.port}`, credentials.createInsecure(), options);
    this.clients.push(client);
    return client;
  }

  unary<M extends DescMethod>(
    method: M,
    init: MessageInitShape<M['input']>,
    options = {},
  ): Promise<MessageShape<M['output']>> {
    return new Promise((resolve, reject) => {
      const request = create(method.input, init);
      this.client().makeUnaryRequest(
        pathOf(method),
        (message: typeof request) => Buffer.from(toBinary(method.input, message)),
        (bytes) => fromBinary(method.output, bytes) as MessageShape<M['output']>,
        request,
        options,
        (error, value) => (error === null && value !== undefined ? resolve(value) : reject(error)),
      );
    });
  }

  /** Sends bytes as they are. */
  rawUnary(method: DescMethod, bytes: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.client().makeUnaryRequest(pathOf(method), same, same, Buffer.from(bytes), (error, value) =>
        error === null && value !== undefined ? resolve(value) : reject(error),
      );
    });
  }

  serverStream<M extends DescMethod>(
    method: M,
    init: MessageInitShape<M['input']>,
  ): ClientReadableStream<MessageShape<M['output']>> {
    return this.client().makeServerStreamRequest(
      pathOf(method),
      (message: MessageShape<M['input']>) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes) as MessageShape<M['output']>,
      create(method.input, init) as MessageShape<M['input']>,
    );
  }

  /** The agent stream as bytes. */
  stream(): { readonly call: ClientDuplexStream<Buffer, Buffer>; readonly status: Promise<StatusObject> } {
    const call = this.client().makeBidiStreamRequest(pathOf(AgentService.method.session), same, same);
    call.on('error', () => {});
    return { call, status: new Promise((resolve) => call.once('status', resolve)) };
  }

  /** Writes text to a socket and answers everything that comes until it is closed or reset. */
  async raw(bytes: string | Buffer): Promise<string> {
    const socket = createConnection(this.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.write(bytes);
    // Not `once`, which rejects when the other side resets.
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  }

  hangUp(): void {
    for (const client of this.clients) client.close();
  }
}

const same = (bytes: Buffer): Buffer => bytes;

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** `ErrorInfo.reason` of a failed call. */
export function reasonOf(error: { readonly metadata?: Metadata }): string | undefined {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!(bytes instanceof Buffer)) return undefined;
  for (const detail of fromBinary(StatusSchema, bytes).details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return info.reason;
  }
  return undefined;
}

/** The problems that travel with a failed call. */
export function problemsOf(error: { readonly metadata?: Metadata }): readonly Problem[] {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!(bytes instanceof Buffer)) return [];
  return fromBinary(StatusSchema, bytes).details.flatMap(
    (detail) => anyUnpack(detail, ProblemSetSchema)?.problems ?? [],
  );
}

export async function failureOf(promise: Promise<unknown>): Promise<ServiceError> {
  return promise.then(
    () => {
      throw new Error('the call did not fail');
    },
    (error: ServiceError) => error,
  );
}
