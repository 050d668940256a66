/** MeshService over any Connect transport, as the SDK uses it. */
import { createClient, type Transport } from '@connectrpc/connect';
import { readAnswer, writeCall } from '../agent-sdk/call-messages.ts';
import type { CallAnswer, CallLink } from '../agent-sdk/index.ts';
import { YardmasterError } from '../core/errors.ts';
import { MeshService } from '../gen/yardmaster/v1/mesh_service_pb.ts';
import { told } from './memory-blobs.ts';

export function createMemoryCalls(transport: Transport): CallLink {
  const client = createClient(MeshService, transport);
  return {
    invoke: (order, onProgress, signal) =>
      told(
        (async (): Promise<CallAnswer> => {
          for await (const { event } of client.invoke(writeCall(order), { signal })) {
            if (event.case === 'progress') onProgress({ fraction: event.value.fraction, message: event.value.message });
            if (event.case === 'result') return readAnswer(event.value);
          }
          throw new YardmasterError('UNAVAILABLE', `Cannot call "${order.capability}": the answer has no result`);
        })(),
      ),
  };
}
