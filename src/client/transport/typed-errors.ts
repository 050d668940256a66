/** A Transport whose failures are YardmasterErrors. */
import type { Transport } from '@connectrpc/connect';
import { fromWireError } from '../errors.ts';

/** `target` stands in the message when the other side cannot be reached. */
export function withTypedErrors(inner: Transport, target: string): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      try {
        return await inner.unary(method, signal, timeoutMs, header, input, contextValues);
      } catch (error) {
        throw fromWireError(error, target, signal);
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      try {
        const response = await inner.stream(method, signal, timeoutMs, header, input, contextValues);
        return { ...response, message: mapFailures(response.message, target, signal) };
      } catch (error) {
        throw fromWireError(error, target, signal);
      }
    },
  };
}

async function* mapFailures<T>(
  messages: AsyncIterable<T>,
  target: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw fromWireError(error, target, signal);
  }
}
