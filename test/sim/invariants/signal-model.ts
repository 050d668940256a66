/** What the journal of a run may say about its signals. Each call answers with what is wrong, if anything is. */
import type { SignalReceived } from '../../../src/control-plane/engine/events.ts';

const KEPT_MAX = 100;

export class SignalModel {
  private readonly waiting: { readonly name: string; readonly number: number }[] = [];
  private readonly requests = new Set<string>();
  private last = 0;

  /** Signals that no step has taken. */
  get kept(): number {
    return this.waiting.length;
  }

  hasRequest(requestId: string): boolean {
    return this.requests.has(requestId);
  }

  receive({ name, number, requestId }: SignalReceived, isOver: boolean): string | undefined {
    if (isOver) return `signal ${number} came after the end`;
    if (number !== this.last + 1) return `signal ${number} follows ${this.last}`;
    if (this.requests.has(requestId)) return `request ${requestId} sent two signals`;
    this.last = number;
    this.requests.add(requestId);
    this.waiting.push({ name, number });
    const kept = this.waiting.filter((signal) => signal.name === name).length;
    return kept > KEPT_MAX ? `${kept} signals "${name}" are kept` : undefined;
  }

  /** `name`: what the step waits for. */
  take(number: number, name: string | undefined): string | undefined {
    const index = this.waiting.findIndex((signal) => signal.name === name);
    const oldest = this.waiting[index];
    if (oldest?.number !== number)
      return `signal ${number} is taken; the oldest "${name}" is ${oldest?.number ?? 'none'}`;
    this.waiting.splice(index, 1);
    return undefined;
  }
}
