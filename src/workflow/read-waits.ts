/** `wait` and `signal` from their written form. */
import type { z } from 'zod';
import type { SignalStepDefinition, WaitStepDefinition } from './definition.ts';
import type { signalSchema, waitSchema } from './schema.ts';

type Fields<Schema extends z.ZodType> = Omit<z.output<Schema>, 'id' | 'type' | 'dependencies' | 'totalTimeout'>;

/** A plain duration is milliseconds from here on; text is an expression. */
export function readWait(fields: Fields<typeof waitSchema>): Omit<WaitStepDefinition, 'id' | 'dependencies'> {
  const { for: length, ...rest } = fields;
  if (length === undefined) return { ...rest, type: 'wait' };
  return { ...rest, type: 'wait', ...(typeof length === 'number' ? { forMs: length } : { for: length }) };
}

/** A timeout of 0 is none, which is the default; nobody in particular means anybody. */
export function readSignal(fields: Fields<typeof signalSchema>): Omit<SignalStepDefinition, 'id' | 'dependencies'> {
  const { timeout = 0, answerers = [], signal = '', ...rest } = fields;
  return {
    ...rest,
    type: 'signal',
    signal,
    ...(answerers.length > 0 && { answerers }),
    ...(timeout > 0 && { timeoutMs: timeout }),
  };
}
