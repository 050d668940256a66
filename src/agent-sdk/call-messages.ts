/** The messages of a call, to and from what the SDK says of it. */
import { fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import type { InvokeRequestSchema, InvokeResult } from '../gen/yardmaster/v1/mesh_service_pb.ts';
import type { Payload } from '../gen/yardmaster/v1/payload_pb.ts';
import { RunStatus } from '../gen/yardmaster/v1/run_pb.ts';
import { readBlob } from './frames.ts';
import type { CallAnswer, CallOrder } from './link.ts';
import type { WirePayload } from './news.ts';

export function writeCall(order: CallOrder): MessageInitShape<typeof InvokeRequestSchema> {
  const { attemptId, key, capability, agentId, version, labels, input, timeoutMs, retries } = order;
  return {
    attemptId,
    callKey: key,
    capability,
    agentId,
    version,
    labels: { ...labels },
    input: fromBinary(ValueSchema, input),
    retries,
    ...(timeoutMs > 0 ? { timeout: durationFromMs(timeoutMs) } : {}),
  };
}

export function readAnswer({ runId, status, output, error }: InvokeResult): CallAnswer {
  return {
    runId,
    status: readStatus(status),
    output: readPayload(output),
    error:
      error === undefined
        ? undefined
        : {
            code: error.code,
            message: error.message,
            details: error.details === undefined ? undefined : toBinary(ValueSchema, error.details),
            agentId: error.agentId,
          },
  };
}

/** An end that this SDK does not know is none that the caller can use. */
function readStatus(status: RunStatus): CallAnswer['status'] {
  if (status === RunStatus.COMPLETED) return 'COMPLETED';
  if (status === RunStatus.TIMED_OUT) return 'TIMED_OUT';
  return status === RunStatus.CANCELLED ? 'CANCELLED' : 'FAILED';
}

function readPayload(payload: Payload | undefined): WirePayload | undefined {
  const kind = payload?.kind;
  if (kind?.case === 'value') return { kind: 'value', bytes: toBinary(ValueSchema, kind.value) };
  return kind?.case === 'blob' ? { kind: 'blob', blob: readBlob(kind.value) } : undefined;
}
