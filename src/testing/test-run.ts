/** A run of a `TestMesh`. */
import type { CancelAnswer, RunHandle, WorkflowResult } from '../client/index.ts';
import type { RunEvent } from '../control-plane/engine/events.ts';
import { type HistoryEntry, readHistory, readOrder } from './history.ts';

/** What a run needs of its mesh. */
export interface RunHost {
  settle(): Promise<void>;
  /** Waits for a call of a client, with what it needs to happen at this time. */
  drive<T>(call: Promise<T>): Promise<T>;
  journal(runId: string): readonly RunEvent[];
  /** Rejects with NOTHING_RUNNABLE and names what the run waits for. */
  refuse(runId: string): Promise<never>;
}

export class TestRun<Output = unknown> {
  readonly id: string;
  /** The run as a client holds it: `events()`, `explain()`, `status()`. */
  readonly handle: RunHandle<Output>;
  readonly #host: RunHost;

  constructor(handle: RunHandle<Output>, host: RunHost) {
    this.id = handle.id;
    this.handle = handle;
    this.#host = host;
  }

  /** The end of the run. Time does not move for it: rejects with NOTHING_RUNNABLE when the run waits for a timer. */
  async result(): Promise<WorkflowResult<Output>> {
    await this.#host.settle();
    if (!this.journal().some(({ type }) => type === 'RunEnded')) return this.#host.refuse(this.id);
    return this.#host.drive(this.handle.result());
  }

  /** Every attempt, in the order of the starts. */
  history(): readonly HistoryEntry[] {
    return readHistory(this.journal());
  }

  /** Starts and ends of attempts as they were decided, such as `start a#1 worker` and `end a#1 COMPLETED`. */
  order(): readonly string[] {
    return readOrder(this.journal());
  }

  /** Everything that was decided and is durable. */
  journal(): readonly RunEvent[] {
    return this.#host.journal(this.id);
  }

  /** Asks the run to end; a second time ends its cleanup, too. */
  async cancel(reason?: string): Promise<CancelAnswer> {
    const answer = await this.#host.drive(this.handle.cancel(reason));
    await this.#host.settle();
    return answer;
  }
}
