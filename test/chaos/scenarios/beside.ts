/** What an ordinary agent and an ordinary caller see while somebody misbehaves, and what that costs the control plane. */
import type { Orchestrator } from '../../../src/client/index.ts';
import { AGAIN } from '../work.ts';
import type { ChaosMesh } from '../world/mesh.ts';
import { workflowOf } from './scenario.ts';

const STEP_MS = 20;
/** Each takes two collections of the whole heap, which is work for the control plane. */
const SAMPLE_MS = 1_500;

export class Beside implements AsyncDisposable {
  /** How long each run took. */
  readonly tookMs: number[] = [];
  /** The most heap and buffers that were seen. */
  peakBytes = 0;
  private isOver = false;
  private readonly work: Promise<unknown>;

  private constructor(mesh: ChaosMesh) {
    this.work = Promise.all([this.run(mesh.client), this.sample(mesh)]);
    this.work.catch(() => {});
  }

  static async start(mesh: ChaosMesh): Promise<Beside> {
    await mesh.client.registerWorkflow(workflowOf(AGAIN));
    return new Beside(mesh);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
  }

  /** Whoever ends it early has something worse to tell than what it met. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
  }

  get slowestMs(): number {
    return Math.round(Math.max(...this.tookMs));
  }

  private async run(client: Orchestrator): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const from = performance.now();
      const { status } = await client.executeWorkflow(AGAIN, { key: `beside-${i}`, ms: STEP_MS, isExact: true });
      if (status !== 'COMPLETED') throw new Error(`a run beside ended ${status}`);
      this.tookMs.push(performance.now() - from);
    }
  }

  private async sample(mesh: ChaosMesh): Promise<void> {
    while (!this.isOver) {
      this.peakBytes = Math.max(this.peakBytes, await bytesOf(mesh));
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }
}

/** Heap and buffers, after a collection. */
export async function bytesOf(mesh: ChaosMesh): Promise<number> {
  const { heap, external } = await mesh.figures();
  return heap + external;
}

export const MIB = 1024 * 1024;
