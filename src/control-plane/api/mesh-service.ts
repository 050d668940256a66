import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import validRange from 'semver/ranges/valid.js';
import { limits } from '../../core/limits.ts';
import { inlineValue } from '../../core/stored-value.ts';
import { EMPTY_OBJECT_VALUE } from '../../core/value.ts';
import type {
  InvokeRequest,
  InvokeResponseSchema,
  InvokeResultSchema,
  MeshService,
} from '../../gen/yardmaster/v1/mesh_service_pb.ts';
import { RunStatus } from '../../gen/yardmaster/v1/run_pb.ts';
import { type CalledCapability, callWorkflowName } from '../../workflow/call-workflow.ts';
import type { CallEvent, CallRequest, ControlPlane } from '../runtime/control-plane.ts';
import { writeFailure } from './convert/failure.ts';
import type { Faults } from './convert/faults.ts';
import { readValue, writePayload } from './convert/payload.ts';
import { quote, readAttemptId, readLabels, readName } from './convert/text.ts';
import { readDuration } from './convert/times.ts';
import { readRequest } from './requests.ts';

type Plane = Pick<ControlPlane, 'invoke' | 'readValue'>;

export interface MeshServiceOptions {
  readonly controlPlane: Plane;
}

export function createMeshService({ controlPlane }: MeshServiceOptions): ServiceImpl<typeof MeshService> {
  return {
    async *invoke(wire, { signal }) {
      const request = readRequest('call another agent', (faults) => readCall(faults, wire));
      for await (const event of controlPlane.invoke(request, signal))
        yield { event: await writeEvent(controlPlane, event) };
    },
  };
}

function readCall(faults: Faults, wire: InvokeRequest): CallRequest {
  const { callKey, input, retries } = wire;
  if (callKey === '' || callKey.length > limits.callKeyCharsMax)
    faults.add('call_key', `has ${callKey.length} characters; it must have 1 to ${limits.callKeyCharsMax}`);
  if (retries > limits.callRetriesMax) faults.add('retries', `${retries} is over ${limits.callRetriesMax}`);
  const timeoutMs = readDuration(faults, 'timeout', wire.timeout);
  if (timeoutMs === 0) faults.add('timeout', 'is 0; leave it out for none');
  return {
    attemptId: readAttemptId(faults, () => 'attempt_id', wire.attemptId),
    key: callKey,
    ...readCalled(faults, wire),
    input:
      input === undefined
        ? EMPTY_OBJECT_VALUE
        : (readValue(faults, 'input', input, limits.parametersBytesMax) ?? EMPTY_OBJECT_VALUE),
    timeoutMs,
    retries,
  };
}

/** What is asked for, and of whom. */
function readCalled(faults: Faults, { capability, agentId, version, labels }: InvokeRequest): CalledCapability {
  const called = {
    capability: readName(faults, 'capability', capability),
    agentId: agentId === '' ? '' : readName(faults, 'agent_id', agentId),
    version,
    labels: readLabels(faults, 'labels', labels),
  };
  if (version.length > limits.callNameCharsMax || (version !== '' && validRange(version) === null))
    faults.add('version', `${quote(version)} is not a semver range such as ^1.2`);
  const { length } = callWorkflowName(called);
  if (length > limits.callNameCharsMax)
    faults.add('labels', `make the call too long, with its names and version: ${length} of ${limits.callNameCharsMax}`);
  return called;
}

type WireEvent = NonNullable<MessageInitShape<typeof InvokeResponseSchema>['event']>;

async function writeEvent(controlPlane: Plane, event: CallEvent): Promise<WireEvent> {
  switch (event.type) {
    case 'accepted':
      return { case: 'accepted', value: { runId: event.runId, attached: event.isRepeat } };
    case 'progress':
      return { case: 'progress', value: { fraction: event.fraction, message: event.message } };
    case 'result':
      return { case: 'result', value: await writeResult(controlPlane, event) };
  }
}

async function writeResult(
  controlPlane: Plane,
  { runId, status, output, failure }: Extract<CallEvent, { type: 'result' }>,
): Promise<MessageInitShape<typeof InvokeResultSchema>> {
  const error = writeFailure(failure);
  const common = { runId, status: RunStatus[status], ...(error === undefined ? {} : { error }) };
  if (output === undefined || status !== 'COMPLETED') return common;
  // What fits a message is in it; for the rest there is BlobService.
  const isInline = output.kind === 'blob' && output.size <= limits.inlineWireBytesMax;
  const value = isInline ? inlineValue(await controlPlane.readValue(runId, output)) : output;
  return { ...common, output: writePayload(value) };
}
