/** `wait` and `signal` steps of a definition: proto to the normal form and back. */
import type { SignalBlock, WaitBlock } from '../../../gen/yardmaster/v1/step_pb.ts';
import type { SignalStepDefinition, StepCommon, WaitStepDefinition } from '../../../workflow/definition.ts';
import type { Faults } from './faults.ts';
import { readStruct, readTemplate, writeStruct, writeTemplate } from './json.ts';
import { readDuration, writeDuration } from './times.ts';

type WaitOnly = Omit<WaitStepDefinition, keyof StepCommon>;
type SignalOnly = Omit<SignalStepDefinition, keyof StepCommon>;

/** A block without an end is left to the checks, which say what is missing. */
export function readWaitBlock(faults: Faults, pointer: string, { end }: WaitBlock): WaitOnly {
  switch (end.case) {
    case 'duration': {
      const forMs = readDuration(faults, `${pointer}.duration`, end.value);
      return { type: 'wait', ...(forMs !== undefined && { forMs }) };
    }
    case 'durationExpression':
      return { type: 'wait', for: end.value };
    case 'until':
      return { type: 'wait', until: end.value };
    case undefined:
      return { type: 'wait' };
  }
}

export function readSignalBlock(faults: Faults, pointer: string, block: SignalBlock): SignalOnly {
  const timeoutMs = readDuration(faults, `${pointer}.timeout`, block.timeout) ?? 0;
  const form = readStruct(faults, `${pointer}.form`, block.form);
  const fallback = readTemplate(faults, `${pointer}.default_payload`, block.defaultPayload);
  return {
    type: 'signal',
    signal: block.signal,
    ...(block.title !== '' && { title: block.title }),
    ...(block.answerers.length > 0 && { answerers: block.answerers }),
    ...(form !== undefined && { form }),
    ...(timeoutMs > 0 && { timeoutMs }),
    ...(fallback !== undefined && { default: fallback }),
  };
}

export function writeWaitBlock({ forMs, for: length, until }: WaitStepDefinition) {
  if (until !== undefined) return { end: { case: 'until', value: until } } as const;
  if (length !== undefined) return { end: { case: 'durationExpression', value: length } } as const;
  return { end: { case: 'duration', value: writeDuration(forMs ?? 0) } } as const;
}

export function writeSignalBlock(step: SignalStepDefinition) {
  return {
    signal: step.signal,
    title: step.title ?? '',
    answerers: [...(step.answerers ?? [])],
    form: writeStruct(step.form),
    ...(step.timeoutMs !== undefined && { timeout: writeDuration(step.timeoutMs) }),
    defaultPayload: writeTemplate(step.default),
  };
}
