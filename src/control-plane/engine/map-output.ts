/** What a map gives: the list of what its items gave, in their order; null stands for an item that did not complete. */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { joinList } from '../../core/list-value.ts';
import { inlineValue, type StoredValue } from '../../core/stored-value.ts';
import { NULL_VALUE, scanValue } from '../../core/value.ts';
import type { Draft } from './decision.ts';
import { requireStored, storeValue } from './outputs.ts';
import { shapeOutput } from './shape.ts';
import type { MapStep } from './state.ts';

/** Throws MissingValues, and what `output` throws. */
export function mapOutput(draft: Draft, step: MapStep): StoredValue {
  // What was stopped may have answered all the same.
  refuseLargeOutputs(step);
  const list = joinOutputs(draft, step);
  const own = (): StoredValue => storeValue(draft, list, `out/${step.path}`);
  return shapeOutput(draft, step, { result: () => draft.read(inlineValue(list)), own }) ?? own();
}

function joinOutputs(draft: Draft, { detail, path }: MapStep): Uint8Array {
  const { count = 0, outputs = [] } = detail?.map ?? {};
  requireStored(
    draft,
    outputs.filter((output) => output !== undefined),
  );
  const bytesOf = (output: StoredValue | undefined): Uint8Array =>
    output === undefined ? NULL_VALUE : draft.bytesOf(output);
  const list = joinList(Array.from({ length: count }, (_, i) => bytesOf(outputs[i])));
  const problem = scanValue(list);
  if (problem === undefined) return list;
  throw new YardmasterError('INVALID_VALUE', `Cannot make a list of what the items of "${path}" gave: ${problem}`);
}

/** Asked after each item: at the end of the map all would be in vain. */
export function refuseLargeOutputs({ path, detail }: MapStep): void {
  const { outputBytes = 0, ended = 0 } = detail?.map ?? {};
  const most = limits.mapOutputBytesMax;
  if (outputBytes <= most) return;
  throw new YardmasterError(
    'LIMIT',
    `Cannot keep what the items of "${path}" give: ${outputBytes} bytes after ${ended} of them, at most ${most}`,
    { next: 'let the step give less, with its "output", or store it elsewhere and give the place' },
  );
}
