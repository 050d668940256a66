/** Which runs a call is about. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { YardmasterError } from '../core/errors.ts';
import type { RunFilterSchema } from '../gen/yardmaster/v1/run_filter_pb.ts';
import type { RunStatus } from '../gen/yardmaster/v1/run_pb.ts';
import { runStatusNumber, type WorkflowStatus } from './statuses.ts';

/** Everything that is given must hold. */
export interface RunFilter {
  readonly workflow?: string;
  /** One status, or any of several. */
  readonly status?: WorkflowStatus | readonly WorkflowStatus[];
  /** Every one of these. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Accepted at this time or later. */
  readonly createdAfter?: Date;
  /** Accepted before this time. */
  readonly createdBefore?: Date;
  /** Whose error has this code. */
  readonly failureCode?: string;
  /** Child runs of this run. */
  readonly parentRunId?: string;
  /** Only open ones that are stuck; false: whether or not. */
  readonly stuck?: boolean;
}

export function toWireFilter(filter: RunFilter): MessageInitShape<typeof RunFilterSchema> {
  const {
    workflow = '',
    status = [],
    labels = {},
    createdAfter,
    createdBefore,
    failureCode = '',
    parentRunId = '',
    stuck = false,
  } = filter;
  const statuses = typeof status === 'string' ? [status] : status;
  return {
    workflow,
    statuses: statuses.map(toNumber),
    labels: { ...labels },
    failureCode,
    parentRunId,
    stuck,
    ...(createdAfter !== undefined && { createdAfter: timestampFromDate(createdAfter) }),
    ...(createdBefore !== undefined && { createdBefore: timestampFromDate(createdBefore) }),
  };
}

function toNumber(status: string): RunStatus {
  const number = runStatusNumber(status);
  if (number !== undefined) return number;
  throw new YardmasterError(
    'INVALID_ARGUMENT',
    `Cannot look for runs with status "${status}": there is no such status`,
  );
}
