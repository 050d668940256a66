/** The public API of a control plane in this process, as a Connect transport; it may go and come back. */
import { Code, ConnectError, createRouterTransport, type Interceptor, type Transport } from '@connectrpc/connect';
import { toRpcStatus } from '../control-plane/api/errors.ts';
import { mountServices } from '../control-plane/api/services.ts';
import type { ControlPlane } from '../control-plane/runtime/control-plane.ts';
import type { Clock } from '../core/clock.ts';

/** Calls on a control plane that is gone fail as on a cut connection, those under way too. */
export class LocalTransport implements Transport {
  #inner: Transport | undefined;
  #gone = Promise.withResolvers<never>();

  constructor() {
    this.#gone.promise.catch(() => {});
  }

  serve(controlPlane: ControlPlane, clock: Clock): void {
    this.#inner = createRouterTransport(
      (router) => mountServices({ controlPlane, clock }, (service, impl) => router.service(service, impl)),
      { router: { interceptors: [translateErrors] } },
    );
  }

  crash(): void {
    this.#inner = undefined;
    this.#gone.reject(gone());
    this.#gone = Promise.withResolvers();
    this.#gone.promise.catch(() => {});
  }

  unary: Transport['unary'] = (...call) => this.#race(this.#current().unary(...call));

  stream: Transport['stream'] = async (...call) => {
    const lost = this.#gone.promise;
    const response = await this.#race(this.#current().stream(...call));
    return { ...response, message: endingWith(response.message, lost) };
  };

  #race<T>(call: Promise<T>): Promise<T> {
    return Promise.race([call, this.#gone.promise]);
  }

  #current(): Transport {
    if (this.#inner === undefined) throw gone();
    return this.#inner;
  }
}

async function* endingWith<T>(messages: AsyncIterable<T>, lost: Promise<never>): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), lost]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: an iterator of a control plane that is gone never answers.
    void iterator.return?.()?.then(undefined, () => {});
  }
}

/** As the transports on the port do it. */
const translateErrors: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: translateWithin(response.message) } : response;
  } catch (error) {
    throw toConnectError(error);
  }
};

async function* translateWithin<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error);
  }
}

function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const { code, message, details } = toRpcStatus(error);
  // The numbers are the same: both are those of gRPC.
  return new ConnectError(message, code as Code, undefined, [...details], error);
}

function gone(): ConnectError {
  return new ConnectError('no control plane is there', Code.Unavailable);
}
