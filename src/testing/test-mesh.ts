/**
 * A whole mesh in one process, without a port: the real engine, runtime, API and SDK over memory, in virtual time.
 *
 * Time moves by `advance` alone. What takes no time (frames, commits, handlers that answer at once) happens by itself.
 */
import { createHash } from 'node:crypto';
import {
  Orchestrator,
  type RegisteredWorkflow,
  type RerunOptions,
  type RetryOptions,
  type RunHandle,
  type StartOptions,
} from '../client/index.ts';
import { createAgentService } from '../control-plane/api/agent-service.ts';
import type { RunEvent } from '../control-plane/engine/events.ts';
import { InProcessChecks } from '../control-plane/parameters/in-process.ts';
import {
  type RunningControlPlane,
  type StuckThresholds,
  startControlPlane,
} from '../control-plane/runtime/assembly.ts';
import { createMemoryStore, type MemoryStore, type StoreFaults } from '../control-plane/store/index.ts';
import { createMemoryData, type MemoryData } from '../control-plane/store/memory/memory-data.ts';
import { readJournal, readTasks } from '../control-plane/store/memory/read-data.ts';
import type { Alerts } from '../core/alerts.ts';
import { type Clock, sleep } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { YardmasterError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import { type Metrics, noMetrics } from '../core/metrics.ts';
import { type Random, seededRandom } from '../core/random.ts';
import { givenSecrets } from '../core/secret-provider.ts';
import type { Workflow } from '../workflow/builder/index.ts';
import { IdleWatch } from './idle-watch.ts';
import { LocalTransport } from './local-transport.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import { createMemoryCalls } from './memory-calls.ts';
import { MemoryNetwork } from './memory-link.ts';
import { MockAgent, type MockAgentOptions, type MockWorld } from './mock-agent.ts';
import { TestRun } from './test-run.ts';
import { readDuration, VirtualClock } from './virtual-clock.ts';

export interface TestMeshOptions {
  /** The same seed gives the same run ids, jitter and order. Default 1. */
  readonly seed?: number;
  /** Milliseconds; default 30 s. */
  readonly lossWindowMs?: number;
  /** Milliseconds; default 5 s. */
  readonly beatIntervalMs?: number;
  /** Secrets of workflows by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
  /** Who is told of what needs somebody; default: nobody. */
  readonly alerts?: Alerts;
  /** When an open run counts as stuck. */
  readonly stuck?: Partial<StuckThresholds>;
  /** What counts; default: nothing does. */
  readonly metrics?: Metrics;
  /** Throws at commits, for tests of the store's troubles. */
  readonly faults?: StoreFaults;
}

/** A list of exactly `N`, as far as the compiler counts: so that `const [first, second] = mesh.agents(id, 2)` needs no check. */
export type ListOf<T, N extends number, List extends readonly T[] = []> = number extends N
  ? readonly T[]
  : List['length'] extends N | 32
    ? List
    : ListOf<T, N, readonly [...List, T]>;

interface Running {
  readonly clock: Clock & { stop(): void };
  readonly store: MemoryStore;
  readonly controlPlane: RunningControlPlane;
}

export class TestMesh implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly random: Random;
  /** What the store holds; it outlives a crash. */
  readonly data: MemoryData = createMemoryData();
  /** A client of this mesh. */
  readonly orchestrator: Orchestrator;
  readonly #options: TestMeshOptions;
  readonly #network: MemoryNetwork;
  readonly #transport = new LocalTransport();
  readonly #agents: MockAgent[] = [];
  readonly #idle: IdleWatch;
  #running: Running | undefined;
  #starts = 0;
  readonly #handlerClock = this.clock.fork('handlers');
  /** Handlers that wait in `sleep`. */
  #sleepers = 0;

  private constructor(options: TestMeshOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed ?? 1);
    this.#network = new MemoryNetwork(this.clock);
    this.orchestrator = new Orchestrator({ transport: this.#transport });
    this.clock.watch(() => this.#whatIsBusy());
    this.#idle = new IdleWatch(this.clock, () => this.#signature());
  }

  static async start(options: TestMeshOptions = {}): Promise<TestMesh> {
    const mesh = new TestMesh(options);
    await mesh.#serve();
    return mesh;
  }

  /** The control plane that runs now. Throws NOT_RUNNING between `crash` and `restart`. */
  get controlPlane(): RunningControlPlane {
    if (this.#running === undefined)
      throw new YardmasterError('NOT_RUNNING', 'Cannot use the control plane: it has crashed', {
        next: 'await mesh.restart()',
      });
    return this.#running.controlPlane;
  }

  /** The world that agents of this mesh live in; a real `Agent` takes `{clock: world.createClock('process'), random: world.random, links: world.createLinks(id)}`. */
  get world(): Required<MockWorld> {
    return {
      random: this.random,
      createClock: (use) => this.clock.fork(use),
      createLinks: (remote) => this.#network.connect(remote),
    };
  }

  /** A mock that joined this mesh; it dials in with its first response. */
  agent(id: string, options: MockAgentOptions = {}): MockAgent {
    return this.join(new MockAgent(id, options));
  }

  /** `count` replicas of one agent. */
  agents<const N extends number>(id: string, count: N, options: MockAgentOptions = {}): ListOf<MockAgent, N> {
    const replicas = Array.from({ length: count }, () => this.agent(id, options));
    // The type counts what the line above made.
    return replicas as readonly MockAgent[] as ListOf<MockAgent, N>;
  }

  join(agent: MockAgent): MockAgent {
    this.#agents.push(agent);
    return agent.join(this.world);
  }

  async registerWorkflow(
    workflow: Workflow | Parameters<Orchestrator['registerWorkflow']>[0],
  ): Promise<RegisteredWorkflow> {
    await this.settle();
    return this.orchestrator.registerWorkflow(workflow);
  }

  /** Registers the workflow first when it is not a name. Agents that are about to dial in are there before the run starts. */
  startWorkflow<Params, Output>(
    workflow: Workflow<Params, Output>,
    params?: Params,
    options?: StartOptions,
  ): Promise<TestRun<Output>>;
  // biome-ignore lint/suspicious/noExplicitAny: what a workflow known by its name answers, nobody knows
  startWorkflow(name: string, params?: object, options?: StartOptions): Promise<TestRun<any>>;
  async startWorkflow(workflow: string | Workflow, params?: unknown, options: StartOptions = {}): Promise<TestRun> {
    await this.settle();
    if (typeof workflow !== 'string') await this.orchestrator.registerWorkflow(workflow);
    const name = typeof workflow === 'string' ? workflow : workflow.name;
    const handle = await this.#drive(this.orchestrator.startWorkflow(name, params as object | undefined, options));
    await this.settle();
    return this.#follow(handle);
  }

  /** Another try of an ended run. */
  async retryRun(runId: string, options: RetryOptions = {}): Promise<TestRun> {
    const handle = await this.#drive(this.orchestrator.retryRun(runId, options));
    await this.settle();
    return this.#follow(handle);
  }

  /** The same again from the beginning. */
  async rerunRun(runId: string, options: RerunOptions = {}): Promise<TestRun> {
    const handle = await this.#drive(this.orchestrator.rerunRun(runId, options));
    await this.settle();
    return this.#follow(handle);
  }

  /** Moves time on. Stretches in which nothing can happen are left out, so that a day costs little. */
  async advance(duration: number | string): Promise<void> {
    await this.settle();
    await this.#idle.advance(readDuration(duration));
  }

  /** Waits until nothing moves at this time. */
  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** For handlers that are functions of a test: waits on the clock of the mesh. */
  async sleep(duration: number | string, signal?: AbortSignal): Promise<void> {
    this.#sleepers += 1;
    try {
      await sleep(this.#handlerClock, readDuration(duration), signal);
    } finally {
      this.#sleepers -= 1;
    }
  }

  /** Kill -9 of the control plane: what is not durable is gone, connections are reset. */
  crash(): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.store.crash();
    running.clock.stop();
    this.#transport.crash();
    this.#network.crash();
  }

  /** A crash, if it still runs, and a new control plane over the same data. Agents come back by themselves as time moves. */
  async restart(): Promise<void> {
    this.crash();
    await this.settle();
    await this.#serve();
    await this.settle();
  }

  /** What was decided about a run and is durable. */
  journal(runId: string): readonly RunEvent[] {
    return readJournal(this.data, runId, 0, Number.MAX_SAFE_INTEGER).flatMap((row) => row.events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent.crash();
    this.crash();
    await this.orchestrator.close();
  }

  #follow<Output>(handle: RunHandle<Output>): TestRun<Output> {
    return new TestRun(handle, {
      settle: () => this.settle(),
      drive: (call) => this.#drive(call),
      journal: (runId) => this.journal(runId),
      refuse: (runId) => this.#refuse(runId),
    });
  }

  /** A call of a client, with what it needs to happen at this time. */
  async #drive<T>(call: Promise<T>): Promise<T> {
    await Promise.race([call, this.settle()]);
    return call;
  }

  async #serve(): Promise<void> {
    const clock = this.clock.fork();
    const { logger = silentLogger, metrics = noMetrics, lossWindowMs, beatIntervalMs, faults, secrets } = this.#options;
    const { alerts, stuck } = this.#options;
    const store = createMemoryStore({ data: this.data, ...(faults === undefined ? {} : { faults }) });
    this.#starts += 1;
    const controlPlane = await startControlPlane({
      node: `test-${this.#starts}`,
      clock,
      random: this.random,
      store,
      parameterChecks: new InProcessChecks(),
      logger,
      metrics,
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
      ...(alerts === undefined ? {} : { alerts }),
      ...(stuck === undefined ? {} : { stuck }),
      ...(lossWindowMs === undefined ? {} : { lossWindowMs }),
      ...(beatIntervalMs === undefined ? {} : { beatIntervalMs }),
      ...(secrets === undefined ? {} : { secrets: givenSecrets(secrets) }),
    });
    this.#running = { clock, store, controlPlane };
    this.#transport.serve(controlPlane, clock);
    this.#network.serve({
      openSession: createAgentService({ controlPlane, clock, metrics, logger }),
      blobs: createMemoryBlobs(this.#transport),
      calls: createMemoryCalls(this.#transport),
    });
  }

  #whatIsBusy(): string | undefined {
    if (this.#running?.controlPlane.isBusy() === true) return 'the control plane';
    const busy = this.#agents.filter(({ busyCount }) => busyCount > 0);
    const count = busy.reduce((sum, { busyCount }) => sum + busyCount, 0);
    return count > this.#sleepers ? `a handler of agent "${busy[0]?.id}"` : undefined;
  }

  /** Undefined while time alone may change something; else a text that stays the same as long as nothing happens. */
  #signature(): string | undefined {
    if (this.#running?.controlPlane.isReady() !== true) return undefined;
    const agents = this.#running.controlPlane.listAgents('default');
    const instances = agents.flatMap((agent) => agent.instances);
    if (instances.some(({ status }) => status !== 'READY' && status !== 'LOST')) return undefined;
    const states = instances.map(({ instanceId, status, slotsUsed }) => `${instanceId} ${status} ${slotsUsed}`);
    const calls = this.#agents.map((agent) => agent.calls.length);
    return JSON.stringify([this.#starts, this.#running.store.stats(), states, calls]);
  }

  async #refuse(runId: string): Promise<never> {
    const tasks = readTasks(this.data, undefined, Number.MAX_SAFE_INTEGER);
    const [next] = tasks.filter((task) => task.runId === runId && task.dueAt > 0).sort((a, b) => a.dueAt - b.dueAt);
    const timer =
      next === undefined
        ? 'no timer will change that'
        : `its next timer is ${next.path === '' ? 'the run itself' : `"${next.path}#${next.attempt}"`} (${next.state}) in ${formatDuration(next.dueAt - this.clock.now())}`;
    throw new YardmasterError(
      'NOTHING_RUNNABLE',
      `Cannot answer with the result of run "${runId}": nothing in it can go on now, and ${timer}`,
      {
        next: next === undefined ? 'see run.handle.explain()' : `await mesh.advance(${next.dueAt - this.clock.now()})`,
      },
    );
  }
}
