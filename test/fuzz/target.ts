/** What is fuzzed: a control plane in a process of its own, and beside it an agent and a client that go on as if nothing were. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGrpcLinks } from '../../src/agent-sdk/grpc-link.ts';
import { Agent, type LinkFactory } from '../../src/agent-sdk/index.ts';
import { encodeRequest } from '../../src/agent-sdk/wire.ts';
import { Orchestrator, type RunHandle } from '../../src/client/index.ts';
import { type Child, startChild } from '../chaos/child-process.ts';
import type { ControlPlaneFigures } from '../chaos/processes/control-plane.ts';

export class Target implements AsyncDisposable {
  readonly controlPlane: Child<{ readonly port: number; readonly url: string }>;
  readonly client: Orchestrator;
  /** Every frame that the healthy agent has sent after its Hello: what good bytes look like. */
  readonly recorded: Buffer[] = [];
  /** How long each of the runs beside it took. */
  readonly healthyMs: number[] = [];
  /** Attempts that the fuzzer may say something about. */
  readonly attemptIds: string[] = [];
  private readonly folder: string;
  private readonly log: number;
  private readonly agent: Agent;
  private held: RunHandle | undefined;
  private release: () => void = () => {};
  private isOver = false;
  private beside: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, log: number, controlPlane: Target['controlPlane']) {
    this.folder = folder;
    this.log = log;
    this.controlPlane = controlPlane;
    const { url } = controlPlane.ready;
    this.client = new Orchestrator({ url });
    this.agent = new Agent({ id: 'healthy', slots: 4, links: this.recording(createGrpcLinks({ url })) });
  }

  static async start(): Promise<Target> {
    const folder = await mkdtemp(join(tmpdir(), 'yardmaster-fuzz-'));
    const log = openSync(join(folder, 'control-plane.log'), 'a');
    const settings = { logs: true };
    const args = [join(folder, 'yardmaster.db'), '0', JSON.stringify(settings)];
    const target = new Target(
      folder,
      log,
      await startChild('control-plane.ts', args, {}, { execArgv: ['--expose-gc'], stderr: log }),
    );
    await target.open();
    return target;
  }

  get port(): number {
    return this.controlPlane.ready.port;
  }

  figures(): Promise<ControlPlaneFigures> {
    return this.controlPlane.ask<ControlPlaneFigures>('figures');
  }

  /** A number of `/metrics`. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.controlPlane.ready.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** Lines that a control plane writes when it has met something it did not foresee. */
  errors(): readonly string[] {
    const lines = readFileSync(join(this.folder, 'control-plane.log'), 'utf8').split('\n');
    return lines.filter((line) => line !== '' && !/^\{"level":"(warn|info|debug)"/.test(line));
  }

  /** How the run ended that was under way all the time, and in how many attempts. */
  async finish(): Promise<{ readonly status: string; readonly attempts: number }> {
    this.isOver = true;
    await this.beside;
    this.release();
    const result = await this.held?.result();
    return { status: result?.status ?? 'NONE', attempts: result?.steps[0]?.attempts.length ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    this.release();
    await this.beside.catch(() => {});
    if (this.controlPlane.isAlive) await this.agent.stop({ graceMs: 0 });
    await this.client.close();
    await this.controlPlane.kill();
    closeSync(this.log);
    await rm(this.folder, { recursive: true, force: true });
  }

  private recording(links: LinkFactory): LinkFactory {
    return {
      ...links,
      open: (address, events) => {
        const link = links.open(address, events);
        return {
          send: (sent) => {
            // Not its Hello: whoever says it is that instance, takes its stream.
            if (this.recorded.length < 500 && sent.frame.case !== 'hello')
              this.recorded.push(Buffer.from(encodeRequest(sent)));
            link.send(sent);
          },
          close: () => link.close(),
        };
      },
    };
  }

  private async open(): Promise<void> {
    this.agent.handle<object>('echo', (input, ctx) => {
      ctx.progress(0.5, 'half');
      ctx.log.info('echo', { text: 'a line' });
      ctx.checkpoint({ at: 1 });
      return input;
    });
    this.agent.handle('hold', () => new Promise<void>((resolve) => (this.release = resolve)));
    await this.agent.start();
    const { client } = this;
    await client.registerWorkflow({
      name: 'Echo',
      timeout: '1m',
      steps: [{ id: 'echo', action: 'echo', parameters: '${{ params }}' }],
    });
    await client.registerWorkflow({ name: 'Held', timeout: '10m', steps: [{ id: 'hold', action: 'hold' }] });
    await client.registerWorkflow({ name: 'Fuzzed', steps: [{ id: 'a', action: 'fuzzed', retries: 2 }] });
    this.held = await client.startWorkflow('Held');
    this.beside = Promise.all([this.runHealthy(), this.runFuzzed()]);
    // Told by `finish`; whoever gives up before that has something worse to tell.
    this.beside.catch(() => {});
  }

  private async runHealthy(): Promise<void> {
    while (!this.isOver && this.controlPlane.isAlive) {
      const from = performance.now();
      const { status } = await this.client.executeWorkflow('Echo', { at: from });
      if (status !== 'COMPLETED') throw new Error(`a run beside the fuzzer ended ${status}`);
      this.healthyMs.push(performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Work that only the fuzzer offers to do: whatever becomes of it. */
  private async runFuzzed(): Promise<void> {
    while (!this.isOver && this.controlPlane.isAlive) {
      const run = await this.client.startWorkflow('Fuzzed');
      this.attemptIds.unshift(...[1, 2, 3].map((number) => `${run.id}/a#${number}`));
      this.attemptIds.length = Math.min(this.attemptIds.length, 30);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
