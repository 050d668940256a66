/** A capability as Hello states it. */
import { z } from 'zod';
import { type Capability, capability, inputSchemaOf, outputSchemaOf } from '../core/capability.ts';
import type { OfferedCapability } from './news.ts';

export interface HandlerOptions {
  readonly version?: string;
  readonly description?: string;
  /** Default false. */
  readonly idempotent?: boolean;
  /** Attempts of this action at once, within the slots. */
  readonly concurrency?: number;
  /** Per attempt, when the step states none: milliseconds, or text such as `30s`. */
  readonly timeout?: number | string;
  /** How long an attempt waits for a lost instance: milliseconds, or text such as `30s`. */
  readonly lossWindow?: number | string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Throws CAPABILITY_INVALID when a schema has no JSON form. */
export function describeTyped(offered: Capability): OfferedCapability {
  const examples = offered.examples.map(({ description = '', input, output }) => ({ description, input, output }));
  return {
    ...describe(offered),
    inputSchema: inputSchemaOf(offered),
    outputSchema: outputSchemaOf(offered),
    examples,
  };
}

/** An action without schemas. Throws CAPABILITY_INVALID. */
export function describeUntyped(name: string, options: HandlerOptions): OfferedCapability {
  return describe(capability(name, { ...options, input: ANYTHING, output: ANYTHING }));
}

const ANYTHING = z.unknown();

function describe({ name, version, description, idempotent, ...rest }: Capability): OfferedCapability {
  const { concurrency, timeoutMs, lossWindowMs, labels } = rest;
  return {
    name,
    version: version ?? '',
    description: description ?? '',
    idempotent,
    concurrency: concurrency ?? 0,
    labels,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(lossWindowMs === undefined ? {} : { lossWindowMs }),
  };
}
