/** The services over HTTP/1.1: Connect, gRPC-Web and JSON, by connect-node. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRegistry } from '@bufbuild/protobuf';
import {
  type Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
} from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Logger } from '../../core/logger.ts';
import { originKey } from '../api/caller.ts';
import { isUnexpected, toRpcStatus } from '../api/errors.ts';
import type { BoundService } from './grpc-adapter.ts';

/** Node's longest timer: a longer timeout would fire at once, so it is refused. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export interface ConnectRoutesOptions {
  readonly services: readonly BoundService[];
  readonly shutdownSignal: AbortSignal;
  readonly logger: Logger;
  readonly requestBytesMax: number;
  /** What is not an RPC. */
  readonly fallback: RequestListener;
}

export function createConnectRoutes({
  services,
  shutdownSignal,
  logger,
  requestBytesMax,
  fallback,
}: ConnectRoutesOptions): RequestListener {
  const handler = connectNodeAdapter({
    routes: (router) => {
      for (const { service, methods } of services) {
        const impls = Object.entries(methods).map(([name, spec]) => [name, spec.impl]);
        router.service(service, Object.fromEntries(impls));
      }
    },
    contextValues: originOf,
    // gRPC itself needs HTTP/2.
    grpc: false,
    readMaxBytes: requestBytesMax,
    // For what an Any holds, in JSON.
    jsonOptions: { registry: createRegistry(...services.map(({ service }) => service.file)) },
    maxTimeoutMs: TIMEOUT_MS_MAX,
    shutdownSignal,
    interceptors: [createErrorInterceptor(logger)],
    fallback: (request, response) => fallback(request as IncomingMessage, response as ServerResponse<IncomingMessage>),
  });
  return (request, response) => {
    keepConnectionUsable(request, response);
    handler(request, response);
  };
}

function originOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): ContextValues {
  return createContextValues().set(originKey, {
    address: socket.remoteAddress ?? '',
    header: (name) => String(headers[name] ?? ''),
  });
}

/**
 * connect-node destroys a request that it answers before the body was read to its end, and the next request on that
 * connection would hang: iterate without destroying, and read the rest away once the answer is out.
 */
function keepConnectionUsable(request: IncomingMessage, response: ServerResponse): void {
  request[Symbol.asyncIterator] = () => request.iterator({ destroyOnReturn: false });
  response.on('finish', () => {
    if (request.readableEnded) return;
    request.removeAllListeners('readable');
    request.resume();
  });
}

function createErrorInterceptor(logger: Logger): Interceptor {
  const refuse = (error: unknown, method: string): ConnectError => {
    if (error instanceof ConnectError) return error;
    if (isUnexpected(error)) logger.error('call failed', { method, error });
    return toConnectError(error);
  };
  return (next) => async (request) => {
    const method = request.method.toString();
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: refuseWithin(response.message, (error) => refuse(error, method)) };
    } catch (error) {
      throw refuse(error, method);
    }
  };
}

async function* refuseWithin<T>(
  messages: AsyncIterable<T>,
  refuse: (error: unknown) => ConnectError,
): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw refuse(error);
  }
}

function toConnectError(error: unknown): ConnectError {
  const { code, message, details } = toRpcStatus(error);
  return new ConnectError(message.toWellFormed(), code as Code, undefined, [...details], error);
}
