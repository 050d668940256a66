/**
 * Mounts handlers in Connect's `ServiceImpl` form on grpc-js, so that each service is written once for both transports.
 *
 * The traps it owns: a rejection of an async handler would crash the process; exactly one status per call; `emit('error')`
 * and never `destroy`; an AbortSignal for handlers; `break` out of a plain `for await` over a call would hang the client;
 * `write() === false` stops nobody. Requests are decoded here, so that bytes which are no message are INVALID_ARGUMENT.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  ConnectError,
  createServiceImplSpec,
  type HandlerContext,
  type MethodImplSpec,
  type ServiceImpl,
} from '@connectrpc/connect';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  Server,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
  sendUnaryData,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import { ChurnMap } from '../../core/churn-map.ts';
import { YardmasterError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { isUnexpected } from '../api/errors.ts';
import { CallContext, type OriginCall } from './call-context.ts';
import { toBuffer, toServiceError } from './grpc-status.ts';
import { toMetadata } from './metadata.ts';

export interface GrpcAdapterOptions {
  readonly logger: Logger;
  /** Aborts when the server stops: streams end with SHUTTING_DOWN. */
  readonly shutdownSignal: AbortSignal;
}

/** A service with its implementation; made by `bindService`, mounted on both transports. */
export interface BoundService {
  readonly service: DescService;
  readonly methods: Readonly<Record<string, MethodImplSpec>>;
}

export function bindService<Desc extends DescService>(service: Desc, impl: ServiceImpl<Desc>): BoundService {
  return createServiceImplSpec(service, impl);
}

export function mountOnGrpc(server: Server, { service, methods }: BoundService, options: GrpcAdapterOptions): void {
  for (const spec of Object.values(methods)) {
    const { method } = spec;
    const path = `/${service.typeName}/${method.name}`;
    const requestStream = spec.kind === 'client_streaming' || spec.kind === 'bidi_streaming';
    const responseStream = spec.kind === 'server_streaming' || spec.kind === 'bidi_streaming';
    const definition = {
      path,
      requestStream,
      responseStream,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const call = new MethodCalls(service, method, options).handlerOf(spec);
    server.addService({ [method.localName]: definition }, { [method.localName]: call });
  }
}

const same = (bytes: Buffer): Buffer => bytes;

/** What all four kinds of call have. */
interface AnyCall extends OriginCall {
  getHost(): string;
  getPath(): string;
  sendMetadata(metadata: Metadata): void;
  once(event: 'cancelled', listener: () => void): unknown;
}

type WritableCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** The calls of one method. */
class MethodCalls {
  private readonly service: DescService;
  private readonly method: DescMethod;
  private readonly options: GrpcAdapterOptions;
  /** Calls that are not over; all end with the server. */
  private readonly open = new ChurnMap<CallContext>();
  private calls = 0;

  constructor(service: DescService, method: DescMethod, options: GrpcAdapterOptions) {
    this.service = service;
    this.method = method;
    this.options = options;
    const { shutdownSignal } = options;
    const endAll = (): void => {
      for (const context of this.open.values()) context.end(shutdownSignal.reason);
    };
    shutdownSignal.addEventListener('abort', endAll, { once: true });
  }

  handlerOf(spec: MethodImplSpec): UntypedHandleCall {
    switch (spec.kind) {
      case 'unary':
        return this.unary((request, context) => spec.impl(request, context));
      case 'client_streaming':
        return this.clientStreaming((requests, context) => spec.impl(requests, context));
      case 'server_streaming':
        return this.serverStreaming((request, context) => spec.impl(request, context));
      case 'bidi_streaming':
        return this.bidiStreaming((requests, context) => spec.impl(requests, context));
    }
  }

  private unary(
    impl: (request: MessageShape<DescMessage>, context: HandlerContext) => Answer,
  ): handleUnaryCall<Buffer, Buffer> {
    return (call, callback) => {
      const context = this.contextOf(call);
      const answer = async (): Promise<Buffer> => this.encode(await impl(this.decode(call.request), context));
      this.reply(call, context, answer(), callback);
    };
  }

  private clientStreaming(
    impl: (requests: Messages, context: HandlerContext) => Answer,
  ): handleClientStreamingCall<Buffer, Buffer> {
    return (call, callback) => {
      const context = this.contextOf(call);
      const answer = async (): Promise<Buffer> => this.encode(await impl(this.readAll(call), context));
      this.reply(call, context, answer(), callback);
    };
  }

  private reply(call: AnyCall, context: CallContext, answer: Promise<Buffer>, callback: sendUnaryData<Buffer>): void {
    answer.then(
      (bytes) => {
        sendHeaders(call, context);
        callback(null, bytes, toMetadata(context.trailers));
      },
      (error: unknown) => {
        sendHeaders(call, context);
        callback(this.refuse(error, context));
      },
    );
  }

  private serverStreaming(
    impl: (request: MessageShape<DescMessage>, context: HandlerContext) => Answers,
  ): handleServerStreamingCall<Buffer, Buffer> {
    return (call) => {
      const context = this.contextOf(call);
      void this.writeAll(call, context, () => impl(this.decode(call.request), context));
    };
  }

  private bidiStreaming(
    impl: (requests: Messages, context: HandlerContext) => Answers,
  ): handleBidiStreamingCall<Buffer, Buffer> {
    return (call) => {
      const context = this.contextOf(call);
      void this.writeAll(call, context, () => impl(this.readAll(call), context));
    };
  }

  /** Never rejects: whatever happens becomes the status of the call. */
  private async writeAll(call: WritableCall, context: CallContext, open: () => Answers): Promise<void> {
    const { signal } = context;
    try {
      for await (const message of open()) {
        if (call.cancelled || call.destroyed) return;
        sendHeaders(call, context);
        if (!call.write(this.encode(message))) await drained(call);
        this.throwIfStopping(signal);
      }
      this.throwIfStopping(signal);
      sendHeaders(call, context);
      call.end(toMetadata(context.trailers));
    } catch (error) {
      if (call.cancelled || call.destroyed) return;
      sendHeaders(call, context);
      // `destroy(error)` would send no status at all.
      call.emit('error', this.refuse(error, context));
    }
  }

  private throwIfStopping(signal: AbortSignal): void {
    if (signal.aborted && this.options.shutdownSignal.aborted) throw this.options.shutdownSignal.reason;
  }

  private async *readAll(call: ServerReadableStream<Buffer, Buffer>): Messages {
    // Without the option, leaving this loop early destroys the call and the client waits for ever.
    for await (const bytes of call.iterator({ destroyOnReturn: false })) yield this.decode(bytes);
  }

  private contextOf(call: AnyCall): CallContext {
    const url = `http://${call.getHost()}${call.getPath()}`;
    const context = new CallContext({ service: this.service, method: this.method, url, call });
    const { shutdownSignal } = this.options;
    if (shutdownSignal.aborted) context.end(shutdownSignal.reason);
    this.calls += 1;
    const key = String(this.calls);
    this.open.set(key, context);
    // Comes after every call, also after one that was answered.
    call.once('cancelled', () => {
      this.open.delete(key);
      context.end();
    });
    return context;
  }

  private decode(bytes: Buffer): MessageShape<DescMessage> {
    try {
      return fromBinary(this.method.input, bytes);
    } catch (error) {
      const { typeName } = this.method.input;
      const fact = error instanceof Error ? error.message : String(error);
      throw new YardmasterError(
        'MALFORMED_REQUEST',
        `Cannot read the request: the bytes are no "${typeName}": ${fact}`,
      );
    }
  }

  private encode(message: MessageInitShape<DescMessage>): Buffer {
    return toBuffer(toBinary(this.method.output, create(this.method.output, message)));
  }

  private refuse(error: unknown, { trailers }: CallContext): ReturnType<typeof toServiceError> {
    const isOurFault = !(error instanceof ConnectError) && isUnexpected(error);
    if (isOurFault) this.options.logger.error('call failed', { method: this.method.toString(), error });
    return toServiceError(error, trailers);
  }
}

type Answer = Promise<MessageInitShape<DescMessage>> | MessageInitShape<DescMessage>;
type Answers = AsyncIterable<MessageInitShape<DescMessage>>;
type Messages = AsyncGenerator<MessageShape<DescMessage>>;

/** Before the first message or the end; grpc-js itself sends them when there are none. */
function sendHeaders(call: AnyCall, context: CallContext): void {
  const metadata = toMetadata(context.takeHeaders());
  if (metadata !== undefined) call.sendMetadata(metadata);
}

/** Resolves when the call takes more, or will never again. */
function drained(call: WritableCall): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done).off('close', done).off('cancelled', done);
      resolve();
    };
    call.on('drain', done).on('close', done).on('cancelled', done);
  });
}
