/** Steps that belong to another one, from the proto. What they may have is checked with the rest of the definition. */
import type { Step } from '../../../gen/yardmaster/v1/step_pb.ts';
import type { AttachedStepDefinition, StepCommon, StepDefinition } from '../../../workflow/definition.ts';
import type { Faults } from './faults.ts';

type ReadStep = (faults: Faults, pointer: string, step: Step) => StepDefinition | undefined;

/** The reader of a step is handed in. It comes back here at most as often as protobuf reads nested messages. */
export function readAttached(
  faults: Faults,
  pointer: string,
  step: Step,
  read: ReadStep,
): Pick<StepCommon, 'fallback' | 'compensate'> {
  const agentStep = (name: string, wire: Step | undefined): AttachedStepDefinition | undefined => {
    const at = `${pointer}.${name}`;
    const found = wire === undefined ? undefined : read(faults, at, wire);
    if (found === undefined || found.type === 'agent') return found;
    faults.add(`${at}.block`, 'must be an agent');
    return undefined;
  };
  const fallback = agentStep('fallback', step.fallback);
  const compensate = agentStep('compensate', step.compensate);
  return { ...(fallback !== undefined && { fallback }), ...(compensate !== undefined && { compensate }) };
}
