/** A listener on a real port with a scripted control plane behind it, and clients for it. */

import { once } from 'node:events';
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
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { createAgentService } from '../../../src/control-plane/api/agent-service.ts';
import type { AgentFrame, SessionPeer, SessionReceiver } from '../../../src/control-plane/registry/frames.ts';
import type { BoundService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { Listener, type ListenerOptions } from '../../../src/control-plane/transport/listener.ts';
import type { CancelTimer, Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../src/gen/google/rpc/status_pb.ts';
import { AgentService } from '../../../src/gen/yardmaster/v1/agent_service_pb.ts';
import { type Problem, ProblemSetSchema } from '../../../src/gen/yardmaster/v1/errors_pb.ts';

/** Turns are real; timers fire only when the test says so. */
export class HandClock implements Clock {
  private time = 1_700_000_000_000;
  private readonly timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  readonly turn = systemClock.turn;

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  timer(delayMs: number, fn: () => void): CancelTimer {
    const entry = { at: this.time + delayMs, fn };
    this.timers.add(entry);
    return () => this.timers.delete(entry);
  }

  advance(ms: number): void {
    this.time += ms;
    for (const entry of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (entry.at > this.time || !this.timers.delete(entry)) continue;
      entry.fn();
    }
  }
}

/** What the control plane saw of one stream. */
export class RecordedSession implements SessionReceiver {
  readonly peer: SessionPeer;
  readonly frames: AgentFrame[] = [];
  readonly errors: Error[] = [];
  endedCount = 0;
  onFrame: (frame: AgentFrame) => void = () => {};

  constructor(peer: SessionPeer) {
    this.peer = peer;
  }

  frame(frame: AgentFrame): void {
    this.frames.push(frame);
    this.onFrame(frame);
  }

  malformed(error: Error): void {
    this.errors.push(error);
    this.peer.end(error);
  }

  ended(): void {
    this.endedCount += 1;
  }
}

export class FakePlane {
  readonly sessions: RecordedSession[] = [];
  readonly healthy = new Map<string, boolean>([['', true]]);
  onOpen: (session: RecordedSession) => void = () => {};
  private readonly listeners = new Set<() => void>();

  openSession(peer: SessionPeer): SessionReceiver {
    const session = new RecordedSession(peer);
    this.sessions.push(session);
    this.onOpen(session);
    return session;
  }

  health(name: string): boolean | undefined {
    return this.healthy.get(name);
  }

  onHealthChange(fn: () => void): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  setHealth(name: string, serves: boolean): void {
    this.healthy.set(name, serves);
    for (const fn of [...this.listeners]) fn();
  }
}

export class Rig implements AsyncDisposable {
  readonly plane = new FakePlane();
  readonly listener: Listener;
  port = 0;
  url = '';
  private readonly clients: Client[] = [];

  constructor(services: readonly BoundService[], options: Partial<ListenerOptions> = {}) {
    const clock = options.clock ?? systemClock;
    const agentService = { controlPlane: this.plane, clock, metrics: noMetrics, logger: silentLogger };
    this.listener = new Listener({
      host: '127.0.0.1',
      port: 0,
      node: 'n-test',
      services,
      openSession: createAgentService(agentService),
      health: this.plane,
      isReady: () => this.plane.health('') === true,
      metrics: { contentType: 'text/plain', read: async () => 'up 1\n' },
      clock,
      logger: silentLogger,
      ...options,
    });
  }

  static async start(services: readonly BoundService[] = [], options: Partial<ListenerOptions> = {}): Promise<Rig> {
    const rig = new Rig(services, options);
    Object.assign(rig, await rig.listener.listen());
    return rig;
  }

  client(): Client {
    const client = new Client(`127.0.0.1:${this.port}`, credentials.createInsecure());
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

  /** The agent stream as bytes, and the session that the control plane sees at its other end. */
  async session(): Promise<{
    call: ClientDuplexStream<Buffer, Buffer>;
    session: RecordedSession;
    status: Promise<StatusObject>;
  }> {
    const opened = new Promise<RecordedSession>((resolve) => {
      this.plane.onOpen = resolve;
    });
    const call = this.client().makeBidiStreamRequest(pathOf(AgentService.method.session), same, same);
    call.on('error', () => {});
    const status = new Promise<StatusObject>((resolve) => call.once('status', resolve));
    return { call, session: await opened, status };
  }

  /** Writes text to a socket and answers everything that comes until it is closed. */
  async raw(bytes: string | Buffer): Promise<string> {
    const socket = createConnection(this.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.write(bytes);
    await once(socket, 'close');
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    await this.listener.stop({ graceMs: 1_000 });
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

export async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!condition()) throw new Error('it never came true');
}
