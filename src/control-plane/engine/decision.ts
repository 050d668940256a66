/**
 * One decision in the making: events are applied as they are emitted, so that one command can cascade; effects are
 * collected. Reading a stored value that is not at hand throws `MissingValues`, which the advance loop turns into `needs`.
 */

import { YardmasterError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { type StoredValue, storedSize } from '../../core/stored-value.ts';
import { decodeValue } from '../../core/value.ts';
import type { Answer, Command, Decision, Effect } from './commands.ts';
import type { RunEvent, Usage } from './events.ts';
import { evolve } from './evolve.ts';
import type { RunState, Step } from './state.ts';

export interface DecideContext {
  /** Wall ms: the one time of this decision. */
  readonly now: number;
  /** Bytes of blobs, by blob id: what an earlier `needs` asked for, or what the shell happens to have. */
  readonly values: { get(blobId: string): Uint8Array | undefined };
}

/** Stands among paths for the run itself. */
export const RUN = '';

/** Thrown inside a decision when blobs are needed that the shell has not loaded yet. */
export class MissingValues extends Error {
  readonly blobIds: readonly string[];
  constructor(blobIds: readonly string[]) {
    super(`values are not loaded: ${blobIds.join(', ')}`);
    this.blobIds = blobIds;
  }
}

export class Draft {
  readonly state: RunState;
  readonly now: number;
  /** Steps to look at again: a dependency, a child or a window changed. */
  readonly work: Step[] = [];
  answer: Answer = { type: 'none' };
  /** Of the attempt whose result is taken. */
  usage: Usage | undefined = undefined;
  /** The run's next try has waited for what may still run. */
  isTryDue = false;
  /** The run cannot go on: it is not tried again. */
  isLast = false;
  private readonly values: DecideContext['values'];
  private readonly events: RunEvent[] = [];
  private readonly effects: Effect[] = [];
  private decoded: Map<StoredValue, JsonValue> | undefined = undefined;
  /** Blobs that this decision stores itself. */
  private fresh: Map<string, Uint8Array> | undefined = undefined;
  private missing: Set<string> | undefined = undefined;
  private readonly waiting: string[] = [];

  constructor(state: RunState, context: DecideContext) {
    this.state = state;
    this.now = context.now;
    this.values = context.values;
  }

  emit(event: RunEvent): void {
    evolve(this.state, event);
    this.events.push(event);
  }

  effect(effect: Effect): void {
    if (effect.type === 'storeBlob') {
      this.fresh ??= new Map();
      this.fresh.set(effect.blobId, effect.bytes);
    }
    this.effects.push(effect);
  }

  get eventCount(): number {
    return this.events.length;
  }

  /** Records the first event of a run, which made the state. */
  adopt(event: RunEvent): void {
    this.events.push(event);
  }

  /** The bytes of a stored value; throws MissingValues. */
  bytesOf(value: StoredValue): Uint8Array {
    if (value.kind === 'inline') return value.bytes;
    const bytes = this.fresh?.get(value.blobId) ?? this.values.get(value.blobId);
    if (bytes === undefined) throw new MissingValues([value.blobId]);
    return bytes;
  }

  /** The JSON of a stored value, decoded once per decision; throws MissingValues, or LIMIT when it is too large to read. */
  read(value: StoredValue): JsonValue {
    const known = this.decoded?.get(value);
    if (known !== undefined) return known;
    if (storedSize(value) > limits.expressionReadBytesMax) {
      throw new YardmasterError(
        'LIMIT',
        `Cannot read a value of ${storedSize(value)} bytes in an expression: at most ${limits.expressionReadBytesMax}`,
        {
          next: 'pass the whole output on as "${{ steps.<id>.output }}", or let an agent make it smaller',
        },
      );
    }
    const json = decodeValue(this.bytesOf(value));
    this.decoded ??= new Map();
    this.decoded.set(value, json);
    return json;
  }

  /** Keeps a step (or RUN) for later, when `error` says that values are missing; rethrows anything else. */
  postpone(path: string, error: unknown): void {
    if (!(error instanceof MissingValues)) throw error;
    this.missing ??= new Set();
    for (const blobId of error.blobIds) this.missing.add(blobId);
    this.waiting.push(path);
  }

  get isPostponed(): boolean {
    return this.waiting.length > 0;
  }

  /** `resume` is what to decide once the values are there; by default, to go on with the steps that wait. */
  finish(resume?: { readonly command: Command; readonly blobIds: readonly string[] }): Decision {
    return {
      events: this.events,
      effects: this.effects,
      answer: this.answer,
      needs: resume !== undefined ? { blobIds: resume.blobIds, resume: resume.command } : this.continuation(),
    };
  }

  private continuation(): Decision['needs'] {
    if (this.waiting.length === 0) return undefined;
    return { blobIds: [...(this.missing ?? [])], resume: { type: 'Continue', paths: [...this.waiting] } };
  }
}
