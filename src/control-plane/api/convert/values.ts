/**
 * The values of a run that a reader asked for. Nothing is left out: a small value stands in the answer, a blob does so while
 * there is room (the run's own first, then those of its steps) and is a reference to download after that.
 */
import { limits } from '../../../core/limits.ts';
import { inlineValue, type StoredValue } from '../../../core/stored-value.ts';
import type { Payload } from '../../../gen/yardmaster/v1/payload_pb.ts';
import { shownSteps } from '../../engine/frames.ts';
import type { RunState } from '../../engine/state.ts';
import type { ControlPlane } from '../../runtime/control-plane.ts';
import { writePayload } from './payload.ts';

/** Room for blobs: clients take 4 MiB by default, and the steps themselves need some of it. */
const BLOB_BYTES_MAX = limits.frameBytesMax / 2;

export interface RunValues {
  readonly parameters: Payload | undefined;
  readonly output: Payload | undefined;
  /** By step path. */
  readonly inputs: ReadonlyMap<string, Payload>;
  readonly outputs: ReadonlyMap<string, Payload>;
}

export const NO_VALUES: RunValues = { parameters: undefined, output: undefined, inputs: new Map(), outputs: new Map() };

type Read = Pick<ControlPlane, 'readValue'>;

export async function loadValues(controlPlane: Read, state: RunState): Promise<RunValues> {
  const budget = new Budget(controlPlane, state.runId);
  const output = await budget.load(state.output);
  const parameters = await budget.load(state.params);
  const inputs = new Map<string, Payload>();
  const outputs = new Map<string, Payload>();
  for (const { path, detail, input } of shownSteps(state)) {
    keep(outputs, path, await budget.load(detail?.output));
    keep(inputs, path, await budget.load(input));
  }
  return { parameters, output, inputs, outputs };
}

/** Only what the run itself gave. */
export async function loadOutput(controlPlane: Read, state: RunState): Promise<RunValues> {
  if (state.output === undefined) return NO_VALUES;
  return { ...NO_VALUES, output: await new Budget(controlPlane, state.runId).load(state.output) };
}

function keep(into: Map<string, Payload>, path: string, payload: Payload | undefined): void {
  if (payload !== undefined) into.set(path, payload);
}

class Budget {
  private readonly controlPlane: Read;
  private readonly runId: string;
  private bytes = BLOB_BYTES_MAX;

  constructor(controlPlane: Read, runId: string) {
    this.controlPlane = controlPlane;
    this.runId = runId;
  }

  async load(value: StoredValue | undefined): Promise<Payload | undefined> {
    if (value === undefined || value.kind === 'inline') return value && writePayload(value);
    if (value.size > limits.inlineWireBytesMax || value.size > this.bytes) return writePayload(value);
    this.bytes -= value.size;
    return writePayload(inlineValue(await this.controlPlane.readValue(this.runId, value)));
  }
}
