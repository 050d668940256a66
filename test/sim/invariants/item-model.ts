/** The items of one map, as its journal tells them. Each answer is a fault, or undefined. */
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { decodeValue } from '../../../src/core/value.ts';

/** What its definition says of it. */
interface Given {
  readonly quorum: number | undefined;
  readonly hasOutput: boolean;
}

export class ItemModel {
  private readonly count: number;
  private readonly concurrency: number;
  private readonly running = new Set<number>();
  private started = 0;

  constructor(count: number, concurrency: number) {
    this.count = count;
    this.concurrency = concurrency;
  }

  get open(): readonly number[] {
    return [...this.running];
  }

  start(number: number): string | undefined {
    const isNext = number === this.started && number < this.count;
    const hasRoom = this.running.size < this.concurrency;
    this.running.add(number);
    this.started = number + 1;
    if (!isNext) return `item ${number} begins, of ${this.count}`;
    return hasRoom ? undefined : `item ${number} begins beside ${this.running.size - 1}, at most ${this.concurrency}`;
  }

  end(number: number): string | undefined {
    return this.running.delete(number) ? undefined : `item ${number} ends and does not run`;
  }

  /** The map completed: nothing is left over, unless it had what it needed. */
  complete(output: StoredValue | undefined, { quorum, hasOutput }: Given): string | undefined {
    if (this.running.size > 0) return `completed with ${this.open} running`;
    if (quorum === undefined && this.started !== this.count) return `completed after ${this.started} of ${this.count}`;
    if (output === undefined) return 'completed without a list';
    if (hasOutput) return undefined;
    const list = output.kind === 'inline' ? decodeValue(output.bytes) : undefined;
    if (list === undefined || (Array.isArray(list) && list.length === this.count)) return undefined;
    return `gave ${JSON.stringify(list)} for ${this.count} items`;
  }
}
