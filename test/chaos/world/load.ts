/** Starts runs all the time and keeps the list of those that were acknowledged. */
import type { Orchestrator } from '../../../src/client/index.ts';
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { type ChaosParameters, items, workflows } from './workflows.ts';

export interface StartedRun {
  readonly runId: string;
  readonly workflow: string;
  readonly params: ChaosParameters;
}

export interface LoadOptions {
  readonly client: Orchestrator;
  /** Callers that each start a run, and the next one when that has ended or after a while. */
  readonly callers: number;
  /** The longest step. */
  readonly stepMs: number;
}

const AGAIN_MS = 150;
/** A caller does not wait longer for the end of its run. */
const PATIENCE_MS = 2_000;

export class Load {
  readonly started: StartedRun[] = [];
  private readonly options: LoadOptions;
  private readonly over = new AbortController();
  private readonly callers: readonly Promise<void>[];

  constructor(options: LoadOptions) {
    this.options = options;
    this.callers = Array.from({ length: options.callers }, (_, caller) => this.call(caller));
  }

  /** Resolves when nobody starts anything any more. */
  async stop(): Promise<void> {
    this.over.abort();
    await Promise.all(this.callers);
  }

  private async call(caller: number): Promise<void> {
    const { client, stepMs } = this.options;
    for (let request = 0; !this.over.signal.aborted; request++) {
      const { name } = workflows[(caller + request) % workflows.length] ?? workflows[0];
      const params = { key: `c${caller}-${request}`, ms: stepMs };
      const runId = await this.startUntilAcknowledged(name, params);
      if (runId === undefined) return;
      this.started.push({ runId, workflow: name, params });
      const ended = client.run(runId).result();
      await Promise.race([ended.then(() => {}), this.pause(PATIENCE_MS)]).catch(() => {});
    }
  }

  /** A start that was not acknowledged is repeated under its id: it may have begun all the same. */
  private async startUntilAcknowledged(name: string, params: ChaosParameters): Promise<string | undefined> {
    const { client } = this.options;
    while (!this.over.signal.aborted) {
      try {
        return (await client.startWorkflow(name, { ...params, items }, { requestId: params.key })).id;
      } catch {
        await this.pause(AGAIN_MS);
      }
    }
    return undefined;
  }

  private pause(ms: number): Promise<void> {
    return sleep(systemClock, ms, this.over.signal).catch(() => {});
  }
}
