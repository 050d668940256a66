/** The items of one map, as its journal tells them. Each answer is a fault, or undefined. */
import { isDeepStrictEqual } from 'node:util';
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { decodeValue } from '../../../src/core/value.ts';

/** What its definition says of it. */
interface Given {
  readonly quorum: number | undefined;
  readonly hasOutput: boolean;
}

export class ItemModel {
  readonly list: StoredValue;
  readonly count: number;
  private readonly concurrency: number;
  private readonly running = new Set<number>();
  private readonly started = new Set<number>();
  /** What the items gave that COMPLETED, in this try or in one before. */
  readonly done: Map<number, StoredValue | undefined>;
  /** How many of those are from one before. */
  readonly kept: number;

  constructor(
    list: { readonly list: StoredValue; readonly count: number },
    concurrency: number,
    done: Iterable<readonly [number, StoredValue | undefined]> = [],
  ) {
    this.list = list.list;
    this.count = list.count;
    this.concurrency = concurrency;
    this.done = new Map(done);
    this.kept = this.done.size;
    for (const number of this.done.keys()) this.started.add(number);
  }

  get open(): readonly number[] {
    return [...this.running];
  }

  /** Another try does those that did not complete. */
  again(): ItemModel {
    return new ItemModel(this, this.concurrency, this.done);
  }

  /** Items that another try does. */
  get left(): readonly number[] {
    return Array.from({ length: this.count }, (_, i) => i).filter((number) => !this.done.has(number));
  }

  start(number: number): string | undefined {
    const before = Array.from({ length: number }, (_, i) => i).find((earlier) => !this.started.has(earlier));
    const hasRoom = this.running.size < this.concurrency;
    if (this.started.has(number)) return `item ${number} begins again`;
    this.running.add(number);
    this.started.add(number);
    if (before !== undefined || number >= this.count)
      return `item ${number} begins, of ${this.count}, before ${before}`;
    return hasRoom ? undefined : `item ${number} begins beside ${this.running.size - 1}, at most ${this.concurrency}`;
  }

  end(number: number, completed: { readonly output: StoredValue | undefined } | undefined): string | undefined {
    if (completed !== undefined) this.done.set(number, completed.output);
    return this.running.delete(number) ? undefined : `item ${number} ends and does not run`;
  }

  /** The map completed: nothing is left over, unless it had what it needed. */
  complete(output: StoredValue | undefined, { quorum, hasOutput }: Given): string | undefined {
    if (this.running.size > 0) return `completed with ${this.open} running`;
    if (quorum === undefined && this.started.size !== this.count)
      return `completed after ${this.started.size} of ${this.count}`;
    if (output === undefined) return 'completed without a list';
    if (hasOutput) return undefined;
    const list = output.kind === 'inline' ? decodeValue(output.bytes) : undefined;
    if (list === undefined) return undefined;
    if (!Array.isArray(list) || list.length !== this.count)
      return `gave ${JSON.stringify(list)} for ${this.count} items`;
    const wrong = list.findIndex((given, number) => !this.gave(number, given));
    return wrong < 0 ? undefined : `gave ${JSON.stringify(list[wrong])} for item ${wrong}, which gave something else`;
  }

  /** What is no text in the event, and what was put together, is not looked at. */
  private gave(number: number, given: unknown): boolean {
    if (!this.done.has(number)) return given === null;
    const output = this.done.get(number);
    return output?.kind !== 'inline' || isDeepStrictEqual(decodeValue(output.bytes), given);
  }
}
