/** Calls of handlers, as their run shows them. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type RunCallSchema, RunStatus } from '../../../gen/yardmaster/v1/run_pb.ts';
import type { ListedCall } from '../../runtime/control-plane.ts';
import { writeTime } from './times.ts';

export function writeCall({ path, key, called, row, ...made }: ListedCall): MessageInitShape<typeof RunCallSchema> {
  return {
    stepPath: path,
    tryNumber: made.try,
    callKey: key,
    runId: row.runId,
    capability: called.capability,
    agentId: called.agentId,
    version: called.version,
    labels: { ...called.labels },
    status: RunStatus[row.status],
    failureCode: row.failureCode ?? '',
    createTime: writeTime(row.queuedAt),
    endTime: writeTime(row.endedAt),
  };
}
