/**
 * One port for everything: gRPC by grpc-js, and Connect, gRPC-Web, JSON and pages by node:http.
 *
 * Stopping, in order: health says NOT_SERVING; nobody new is let in; streams end with SHUTTING_DOWN; connections get their
 * GOAWAY; what is open after the grace is cut. It never waits longer than that.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { AgentService } from '../../gen/yardmaster/v1/agent_service_pb.ts';
import type { OpenSession } from '../api/agent-service.ts';
import { describeTakenPort, hostPort, isLoopbackHost, refuseNonLoopback } from './address.ts';
import { createCallGuard } from './call-guard.ts';
import { createChannelz } from './channelz.ts';
import { createConnectRoutes } from './connect-routes.ts';
import { Front } from './front.ts';
import { type BoundService, bindService, mountOnGrpc } from './grpc-adapter.ts';
import { HealthService, type HealthSource } from './health.ts';
import { guardHost } from './host-guard.ts';
import { createHttpPages } from './http-pages.ts';
import { Reflection } from './reflection.ts';
import { checkRequests } from './request-check.ts';
import { interceptSessions, mountSession, SESSION_PATH } from './session-call.ts';
import { SessionStreams } from './session-stream.ts';
import type { StreamCapsOptions } from './stream-caps.ts';

/**
 * Agents are found dead by their beats and quiet peers by
 * probes of the kernel (`Front`); pings are for what neither sees: a peer that was gone, or frozen, before it read what we
 * wrote. Each wakes the process twice, so with a thousand connections they are seldom. No stream is cut for its age.
 */
const GRPC_OPTIONS = {
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_concurrent_streams': limits.streamsPerConnectionMax,
  // Answers are bounded by what they list; a large run with all its values may be over the 4 MiB of a frame.
  'grpc.max_send_message_length': limits.blobBytesMax,
  'grpc-node.max_session_memory': 64,
};
const HEADERS_TIMEOUT_MS = 10_000;
/** How often slow headers are looked for. */
const HEADERS_CHECK_MS = 2_000;
const KEEP_ALIVE_MS = 60_000;

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Without it, an address that other machines can reach is refused. Default false. */
  readonly allowNonLoopback?: boolean;
  /** Counts connections and calls, and shows them as grpc.channelz.v1. Default false. */
  readonly channelz?: boolean;
  /** Of a request, unpacked; larger ones are refused. Default that of a frame, 4 MiB. */
  readonly requestBytesMax?: number;
  readonly node: string;
  /** The services of `api/`, without AgentService, health and reflection. */
  readonly services: readonly BoundService[];
  readonly openSession: OpenSession;
  readonly health: HealthSource;
  readonly isReady: () => boolean;
  /** Agent streams at once. */
  readonly streamCaps?: StreamCapsOptions;
  /** At a stop, how long agents may take to leave by themselves before their streams are ended. Default 0. */
  readonly leaveMs?: number;
  readonly metrics: { readonly contentType: string; readonly read: () => Promise<string> };
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Listening {
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
}

export class Listener {
  private readonly options: ListenerOptions;
  private readonly front: Front;
  private readonly grpc: Server;
  private readonly injector: ReturnType<Server['createConnectionInjector']>;
  private readonly health: HealthService;
  private readonly sessions: SessionStreams;
  private readonly shutdown = new AbortController();
  private readonly services: readonly BoundService[];
  private readonly serviceNames: readonly string[];
  private http: HttpServer | undefined;
  private stopping: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    const { clock, logger } = options;
    this.options = options;
    const services = [...options.services, ...(options.channelz ? [createChannelz()] : [])];
    this.serviceNames = namesOf(services);
    this.health = new HealthService(options.health, this.serviceNames);
    this.services = [...services, ...this.ownServices()];
    const dropPeer = (peer: string): void => this.front.dropPeer(peer);
    const { openSession: open, streamCaps: caps = {} } = options;
    this.sessions = new SessionStreams({ open, clock, logger, dropPeer, caps });
    const interceptors = [createCallGuard(SESSION_PATH), interceptSessions((call) => this.sessions.accept(call))];
    const requestBytesMax = options.requestBytesMax ?? limits.frameBytesMax;
    this.grpc = new Server({
      ...GRPC_OPTIONS,
      'grpc.max_receive_message_length': requestBytesMax,
      'grpc.enable_channelz': options.channelz ? 1 : 0,
      interceptors,
    });
    checkRequests(this.grpc);
    this.injector = this.grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.front = new Front({
      clock,
      onHttp2: (socket) => this.injector.injectConnection(socket),
      onHttp1: (socket) => this.http?.emit('connection', socket),
      onRefused: (address) => logger.warn('connection refused: too many are open', { remote: address }),
    });
    mountSession(this.grpc);
    const adapter = { logger, shutdownSignal: this.shutdown.signal };
    for (const service of this.services) mountOnGrpc(this.grpc, service, adapter);
  }

  /** Throws NON_LOOPBACK, PORT_IN_USE, LISTEN_FAILED. */
  async listen(): Promise<Listening> {
    const { host, port, allowNonLoopback = false } = this.options;
    const isLoopback = await isLoopbackHost(host).catch((error: unknown) => this.refuse(error));
    if (!isLoopback && !allowNonLoopback) refuseNonLoopback(host);
    this.http = this.createHttp(isLoopback);
    const { server } = this.front;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.options.logger.error('listener failed', { error }));
        resolve();
      });
    }).catch((error: unknown) => this.refuse(error));
    const bound = (server.address() as AddressInfo).port;
    return { port: bound, url: `http://${hostPort(host, bound)}` };
  }

  /** Resolves when every connection is closed, at the latest `graceMs` after the call. Calling it again waits for the first. */
  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.stopping ??= this.stopOnce(graceMs);
    return this.stopping;
  }

  /** Agent streams that are open. */
  get sessionCount(): number {
    return this.sessions.count;
  }

  private async stopOnce(graceMs: number): Promise<void> {
    const { clock, node } = this.options;
    const error = new YardmasterError('SHUTTING_DOWN', `Cannot go on: "${node}" is shutting down`, {
      next: 'connect again in a moment',
    });
    this.health.stop();
    this.front.server.close();
    // One turn, so that watchers of health read NOT_SERVING before their stream ends.
    await new Promise<void>((resolve) => clock.turn(resolve));
    this.shutdown.abort(error);
    await this.sessions.emptied(Math.min(graceMs, this.options.leaveMs ?? 0));
    this.sessions.endAll(error);
    await new Promise<void>((resolve) => clock.turn(resolve));
    this.injector.drain(graceMs);
    this.http?.closeIdleConnections();
    const cancel = clock.timer(graceMs, () => this.front.dropAll());
    await this.front.emptied();
    cancel();
    this.http?.close();
    this.grpc.forceShutdown();
  }

  private ownServices(): readonly BoundService[] {
    const reflection = new Reflection(this.serviceNames);
    return [
      bindService(Health, this.health.impl),
      bindService(ServerReflection, reflection.impl),
      bindService(ServerReflectionAlpha, reflection.alphaImpl),
    ];
  }

  private createHttp(isLoopback: boolean): HttpServer {
    const { node, isReady, metrics, logger, requestBytesMax = limits.frameBytesMax } = this.options;
    const pages = createHttpPages({ node, services: this.serviceNames, isReady, metrics });
    const shutdownSignal = this.shutdown.signal;
    const routes = createConnectRoutes({
      services: this.services,
      shutdownSignal,
      logger,
      requestBytesMax,
      fallback: pages,
    });
    const http = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: HEADERS_CHECK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      guardHost(isLoopback, routes),
    );
    // Our front owns the sockets, so this server never listens; the event is what starts its watch over slow headers and
    // makes it know its idle connections.
    http.emit('listening');
    return http;
  }

  private async refuse(error: unknown): Promise<never> {
    const { host, port } = this.options;
    const cause = error as NodeJS.ErrnoException;
    if (cause.code === 'EADDRINUSE') throw await describeTakenPort(host, port);
    throw new YardmasterError('LISTEN_FAILED', `Cannot listen on "${hostPort(host, port)}": ${cause.message}`, {
      cause,
    });
  }
}

function namesOf(services: readonly BoundService[]): readonly string[] {
  const own = [AgentService, Health, ServerReflection, ServerReflectionAlpha];
  return [...services.map(({ service }) => service.typeName), ...own.map(({ typeName }) => typeName)];
}
