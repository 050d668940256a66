/**
 * Inputs and outputs by the schemas of the instance that gets or gave them. What has no schema costs nothing; values in blobs and
 * schemas that cannot be checked in bounded time are left to the agent.
 */
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError, toYardmasterError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Logger } from '../../core/logger.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Failure } from '../engine/events.ts';
import type { CheckedParameters, ParameterChecks } from '../parameters/port.ts';
import type { Capability } from '../registry/frames.ts';
import type { SchemaBook } from './schema-book.ts';

export type Side = 'input' | 'output';
export type Misfit = Pick<Failure, 'code' | 'message'>;

export interface SchemaChecksOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly book: SchemaBook;
  readonly checks: ParameterChecks;
}

/** The checks of all others stand before it. */
const BUSY_RETRY_MS = 100;
const SHOWN = 10;

export class SchemaChecks {
  readonly #options: SchemaChecksOptions;
  #underWay = 0;

  constructor(options: SchemaChecksOptions) {
    this.#options = options;
  }

  /** True while a value is being checked. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** Schemas that no value is checked by, and why: `input: it is no object`. */
  unchecked({ inputSchema, outputSchema }: Capability): readonly string[] {
    const sides = [
      ['input', inputSchema],
      ['output', outputSchema],
    ] as const;
    return sides.flatMap(([side, stated]) => {
      const read = stated === undefined ? undefined : this.#options.book.read(stated);
      return read !== undefined && 'fault' in read ? [`${side}: ${read.fault}`] : [];
    });
  }

  /** Undefined: there is nothing to check. Resolves with what does not fit; never settles while the control plane stops. */
  check(side: Side, capability: Capability | undefined, value: StoredValue): Promise<Misfit | undefined> | undefined {
    const stated = side === 'input' ? capability?.inputSchema : capability?.outputSchema;
    if (capability === undefined || stated === undefined || value.kind !== 'inline') return undefined;
    const read = this.#options.book.read(stated);
    return 'fault' in read ? undefined : this.#look(side, capability, read.schema, value.bytes);
  }

  async #look(side: Side, capability: Capability, schema: JsonObject, bytes: Uint8Array): Promise<Misfit | undefined> {
    this.#underWay += 1;
    try {
      return misfitOf(side, capability, await this.#run(schema, bytes));
    } catch (error) {
      if (isStopping(error)) return new Promise(() => {});
      if (!isYardmasterError(error)) this.#options.logger.error('a value could not be checked', { side, error });
      const { code, message } = toYardmasterError(error);
      return { code, message: `Cannot check the ${side} by the schema of ${nameOf(capability)}: ${message}` };
    } finally {
      this.#underWay -= 1;
    }
  }

  async #run(schema: JsonObject, bytes: Uint8Array): Promise<CheckedParameters> {
    const { checks, clock } = this.#options;
    for (;;) {
      try {
        return await checks.check(schema, bytes);
      } catch (error) {
        if (!isYardmasterError(error) || error.code !== 'CHECKS_BUSY') throw error;
        await new Promise<void>((resolve) => void clock.timer(BUSY_RETRY_MS, resolve));
      }
    }
  }
}

/** Whoever sent the value keeps it, and sends it again. */
function isStopping(error: unknown): boolean {
  return isYardmasterError(error) && error.code === 'SHUTTING_DOWN';
}

function misfitOf(
  side: Side,
  capability: Capability,
  { problems, problemCount }: CheckedParameters,
): Misfit | undefined {
  if (problemCount === 0) return undefined;
  const shown = problems.slice(0, SHOWN).map(({ message }) => message.replace(/^parameters/, side));
  const more = problemCount > shown.length ? `; and ${problemCount - shown.length} more` : '';
  return {
    code: side === 'input' ? 'INVALID_INPUT' : 'INVALID_OUTPUT',
    message: `The ${side} does not fit the schema of ${nameOf(capability)}: ${shown.join('; ')}${more}`,
  };
}

function nameOf({ name, version }: Capability): string {
  return version === '' ? name : `${name}@${version}`;
}
