/**
 * HTTP/2 connections to one control plane, as one Transport. It owns the connections and the count of streams on each.
 *
 * Invariants: 1. a connection never has more than `limits.streamsPerConnectionMax` streams, which is what the server
 * allows; 2. calls that wait for something to happen (`longCall`) leave `QUICK_STREAMS` free for all others and take
 * turns in the order in which they came; 3. every stream that was counted is uncounted once.
 */
import { createContextKey, createContextValues, type Transport } from '@connectrpc/connect';
import { limits } from '../../core/limits.ts';
import { createGrpcTransport, type GrpcTransport } from './grpc-transport.ts';

/** 1,024 streams: more clients than one process should be. */
const CONNECTIONS_MAX = 64;
const QUICK_STREAMS = 2 * limits.streamsPerConnectionMax;
const LONG_CALLS_MAX = CONNECTIONS_MAX * limits.streamsPerConnectionMax - QUICK_STREAMS;

const longCallKey = createContextKey(false, { description: 'a call that waits for something to happen' });

/** Marks a call that holds its stream until something happens. */
export function longCall(): ReturnType<typeof createContextValues> {
  return createContextValues().set(longCallKey, true);
}

interface Connection {
  readonly transport: GrpcTransport;
  streams: number;
}

export interface Connections extends Transport {
  /** Closes every connection; open calls fail. */
  close(): void;
}

/** `url` such as `http://127.0.0.1:7420`; `actor` is who calls, '' for nobody. Connections are opened when they are needed. */
export function createConnections(url: string, actor = ''): Connections {
  const connections: Connection[] = [];
  const gate = createGate(LONG_CALLS_MAX);

  const take = (): Connection => {
    let best = connections[0];
    for (const connection of connections)
      if (best === undefined || connection.streams < best.streams) best = connection;
    const isFull = best === undefined || best.streams >= limits.streamsPerConnectionMax;
    if (best === undefined || (isFull && connections.length < CONNECTIONS_MAX)) {
      best = { transport: createGrpcTransport(url, actor), streams: 0 };
      connections.push(best);
    }
    best.streams++;
    return best;
  };

  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const isLong = contextValues?.get(longCallKey) === true;
      if (isLong) await gate.enter(signal);
      const connection = take();
      try {
        return await connection.transport.unary(method, signal, timeoutMs, header, input, contextValues);
      } finally {
        connection.streams--;
        if (isLong) gate.leave();
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      await gate.enter(signal);
      const connection = take();
      const release = (): void => {
        connection.streams--;
        gate.leave();
      };
      try {
        const response = await connection.transport.stream(method, signal, timeoutMs, header, input, contextValues);
        return { ...response, message: releaseAtEnd(response.message, release) };
      } catch (error) {
        release();
        throw error;
      }
    },
    close() {
      for (const connection of connections) connection.transport.close();
      connections.length = 0;
    },
  };
}

async function* releaseAtEnd<T>(messages: AsyncIterable<T>, release: () => void): AsyncGenerator<T> {
  try {
    yield* messages;
  } finally {
    release();
  }
}

interface Gate {
  /** Resolves when it is the caller's turn; rejects with the signal's reason. */
  enter(signal: AbortSignal | undefined): Promise<void>;
  leave(): void;
}

function createGate(places: number): Gate {
  let free = places;
  const waiting = new Set<() => void>();
  return {
    enter(signal) {
      signal?.throwIfAborted();
      if (free > 0) {
        free--;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const go = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const onAbort = (): void => {
          waiting.delete(go);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.add(go);
      });
    },
    leave() {
      const [next] = waiting;
      if (next === undefined) {
        free++;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}
