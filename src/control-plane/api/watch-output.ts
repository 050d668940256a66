/** RunService.WatchOutput: one message for one page of the store, asked for when the reader has taken the last. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WatchOutputRequest, WatchOutputResponseSchema } from '../../gen/yardmaster/v1/run_service_pb.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import { writeOutputItem } from './convert/output.ts';
import { readName } from './convert/text.ts';
import { NAMESPACE, readRequest } from './requests.ts';
import { readRunId } from './run-changes.ts';

export async function* watchOutput(
  controlPlane: Pick<ControlPlane, 'watchOutput'>,
  request: WatchOutputRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof WatchOutputResponseSchema>> {
  const { channel, after, stepPath, storedOnly } = request;
  const runId = readRequest('read the output of a step', (faults) => {
    if (stepPath === '') faults.add('step_path', 'is empty');
    if (channel !== undefined) readName(faults, 'channel', channel);
    if (after !== undefined && after.attempt === 0) faults.add('after.attempt', 'is 0; attempts are counted from 1');
    return readRunId(faults, request.runId);
  });
  const items = controlPlane.watchOutput({
    namespace: NAMESPACE,
    runId,
    path: stepPath,
    storedOnly,
    signal,
    ...(channel === undefined ? {} : { channel }),
    ...(after === undefined ? {} : { after: { attempt: after.attempt, number: after.number } }),
  });
  for await (const item of items) yield { events: writeOutputItem(item) };
}
