/**
 * Secrets on their way out and back. Values are read when an attempt is given out, for that attempt alone, and known only in
 * memory: to clear what comes back of them. After a restart they are read again.
 */
import { Redactor } from '../../core/redactor.ts';
import { resolveMarks, type SecretMark } from '../../core/secret-mark.ts';
import type { SecretProvider } from '../../core/secret-provider.ts';
import { decodeValue, encodeValue } from '../../core/value.ts';
import type { Failure } from '../engine/events.ts';
import { findAgentStep } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';
import type { RunHolder } from './run-holder.ts';

type MissingSecret = Pick<Failure, 'code' | 'message'>;

export type Resolved = { readonly bytes: Uint8Array } | { readonly failure: Pick<Failure, 'code' | 'message'> };

/** What clears reports of one attempt; `missing`: a value that it has is not known any more, so nothing of it can be cleared. */
export interface Cleaner {
  readonly redactor: Redactor;
  readonly missing: MissingSecret | undefined;
}

export class Secrets {
  private readonly provider: SecretProvider | undefined;

  constructor(provider: SecretProvider | undefined) {
    this.provider = provider;
  }

  /** The input with the values in it. */
  resolve(holder: RunHolder | undefined, input: Uint8Array, marks: readonly SecretMark[]): Resolved {
    const values = new Map<string, string>();
    for (const { name } of marks) {
      if (values.has(name)) continue;
      const found = this.read(name);
      if (typeof found === 'object') return { failure: found };
      values.set(name, found);
    }
    if (holder !== undefined) {
      holder.redactor ??= new Redactor();
      for (const [name, value] of values) holder.redactor.add(name, value);
    }
    return { bytes: encodeValue(resolveMarks(decodeValue(input), marks, (name) => values.get(name) ?? '')) };
  }

  /** Undefined: nothing of this run can be secret. */
  cleanerOf(state: RunState, holder: RunHolder, path: string): Cleaner | undefined {
    if (state.secrets.length === 0) return undefined;
    holder.redactor ??= new Redactor();
    const { redactor } = holder;
    const own = findAgentStep(state, path)?.detail?.secrets ?? [];
    let missing: MissingSecret | undefined;
    for (const name of state.secrets) {
      if (redactor.has(name)) continue;
      const found = this.read(name);
      if (typeof found === 'string') redactor.add(name, found);
      else if (own.some((mark) => mark.name === name)) missing = found;
    }
    return { redactor, missing };
  }

  private read(name: string): string | MissingSecret {
    const { provider } = this;
    if (provider === undefined) return missing(name, 'no provider of secrets is configured');
    try {
      return provider.read(name) ?? missing(name, `there is no ${provider.placeOf(name).replace(/^the /, '')}`);
    } catch (error) {
      const fact = error instanceof Error ? error.message : String(error);
      return missing(name, `${provider.placeOf(name)} cannot be read: ${fact}`);
    }
  }
}

function missing(name: string, fact: string): MissingSecret {
  return { code: 'SECRET_MISSING', message: `Cannot read secret "${name}": ${fact}` };
}
