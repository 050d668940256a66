/**
 * MeshService.Invoke over grpc-js. A call may last as long as its attempt, and a handler that waits for one may stand in the way of what
 * it waits for: so calls have connections of their own, as many as it takes for none to wait for another.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Client, ClientReadableStream, Metadata } from '@grpc/grpc-js';
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import {
  type InvokeRequest,
  InvokeRequestSchema,
  type InvokeResponse,
  InvokeResponseSchema,
} from '../gen/yardmaster/v1/mesh_service_pb.ts';
import { readAnswer, writeCall } from './call-messages.ts';
import { toStatusError } from './grpc-status.ts';
import type { CallAnswer, CallOrder, CallProgress } from './link.ts';

const INVOKE_PATH = '/yardmaster.v1.MeshService/Invoke';

interface Connection {
  readonly client: Client;
  calls: number;
}

export class GrpcCalls {
  readonly #connect: () => Client;
  readonly #metadata: Metadata;
  #connections: Connection[] = [];

  constructor(connect: () => Client, metadata: Metadata) {
    this.#connect = connect;
    this.#metadata = metadata;
  }

  /** Rejects with the status name as code. No deadline: it ends with the signal, or when the other side is gone. */
  async invoke(
    order: CallOrder,
    onProgress: (progress: CallProgress) => void,
    signal: AbortSignal,
  ): Promise<CallAnswer> {
    const connection = this.#take();
    try {
      return await call(connection.client, this.#metadata, order, onProgress, signal);
    } finally {
      this.#leave(connection);
    }
  }

  close(): void {
    for (const { client } of this.#connections) client.close();
    this.#connections = [];
  }

  #take(): Connection {
    let connection = this.#connections.find(({ calls }) => calls < limits.streamsPerConnectionMax);
    if (connection === undefined) {
      connection = { client: this.#connect(), calls: 0 };
      this.#connections.push(connection);
    }
    connection.calls += 1;
    return connection;
  }

  /** The first one is kept for the next call. */
  #leave(connection: Connection): void {
    connection.calls -= 1;
    if (connection.calls > 0 || connection === this.#connections[0]) return;
    this.#connections = this.#connections.filter((other) => other !== connection);
    connection.client.close();
  }
}

function call(
  client: Client,
  metadata: Metadata,
  order: CallOrder,
  onProgress: (progress: CallProgress) => void,
  signal: AbortSignal,
): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const stream: ClientReadableStream<InvokeResponse> = client.makeServerStreamRequest(
      INVOKE_PATH,
      (request: InvokeRequest) => Buffer.from(toBinary(InvokeRequestSchema, request)),
      (answer) => fromBinary(InvokeResponseSchema, answer),
      create(InvokeRequestSchema, writeCall(order)),
      metadata,
    );
    let answer: CallAnswer | undefined;
    const cancel = (): void => stream.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    stream.on('data', ({ event }: InvokeResponse) => {
      if (event.case === 'progress') onProgress({ fraction: event.value.fraction, message: event.value.message });
      if (event.case === 'result') answer = readAnswer(event.value);
    });
    // The status says the same and comes for every end.
    stream.on('error', () => {});
    stream.on('status', (status) => {
      signal.removeEventListener('abort', cancel);
      if (answer !== undefined) resolve(answer);
      else if (status.code !== 0) reject(toStatusError(status, `Cannot call "${order.capability}"`));
      else reject(new YardmasterError('UNAVAILABLE', `Cannot call "${order.capability}": the answer has no result`));
    });
  });
}
