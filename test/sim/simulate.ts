/**
 * One seed, from the first event to the verdict: a storm of faults with the invariants checked after every event (safety), then
 * everything heals and every run must end within a bounded time (liveness).
 */
import { isDeepStrictEqual } from 'node:util';
import type { OfferedCapability } from '../../src/agent-sdk/news.ts';
import type { SessionWire } from '../../src/control-plane/api/agent-service.ts';
import type { RunStatus } from '../../src/control-plane/engine/status.ts';
import type { Store } from '../../src/control-plane/store/port.ts';
import { limits } from '../../src/core/limits.ts';
import { AgentHost } from './agent-host.ts';
import { Answers } from './answers.ts';
import { Asked } from './asks.ts';
import { ControlPlaneHost } from './control-plane-host.ts';
import { Dice } from './dice.ts';
import { Executions } from './executions.ts';
import { Verdict } from './failure.ts';
import type { FaultKind } from './faults.ts';
import { FleetChecks } from './invariants/fleet-checks.ts';
import { type InstanceFacts, Observer } from './invariants/observer.ts';
import { PlacementChecks } from './invariants/placement-checks.ts';
import { Nemesis } from './nemesis.ts';
import { Network } from './network.ts';
import { claimOf, Operator, withLabels } from './operator.ts';
import { Outputs } from './outputs.ts';
import { isInside, type Part } from './part.ts';
import { ScheduleWork } from './schedules.ts';
import { findLeak, withSecrets } from './secrets.ts';
import { drawSettings, type SimSettings } from './settings.ts';
import { SimClient } from './sim-client.ts';
import { Disk } from './sim-store.ts';
import { SqlDisk } from './sql-mirror.ts';
import { Trace } from './trace.ts';
import { firstSteps, hasChildSteps, makeChildWorkflow, makeWorkflow, SIGNALS } from './workflows.ts';
import { settle, World } from './world.ts';

/** Virtual time in which everything must end once all is well. Runs that go one after the other take minutes each. */
const CALM_MS = 4 * 60 * 60_000;
const EVENTS_MAX = 400_000;
const RETRIES_MAX = 2;

export interface SimResult {
  readonly seed: number;
  readonly digest: string;
  readonly events: number;
  readonly lines: number;
  readonly virtualMs: number;
  readonly runs: number;
  readonly executions: number;
  /** Calls of handlers to other agents. */
  readonly calls: number;
  /** Ends that the reference interpreter compared, those that had to be just so, and those that it left open. */
  readonly compared: { readonly ends: number; readonly exact: number; readonly open: number };
  /** Ticks of schedules by what became of them. */
  readonly ticks: ReadonlyMap<string, number>;
  readonly invariant: string | undefined;
  readonly message: string;
  readonly lastLines: readonly string[];
  /** What the seed had in mind: what a part can be taken of. */
  readonly plan: {
    readonly runs: number;
    readonly faults: number;
    readonly steps: number;
    readonly kinds: readonly FaultKind[];
  };
}

export interface SimOptions {
  readonly print?: (line: string) => void;
  readonly wrapWire?: (wire: SessionWire) => SessionWire;
  readonly wrapStore?: (store: Store) => Store;
  /** Changes what the seed drew. */
  readonly adjust?: (settings: SimSettings) => SimSettings;
  /** Simulates no more than that of it. */
  readonly part?: Part;
}

/** Not reentrant: limits of the product are changed while it runs. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const dice = new Dice(seed);
  const drawn = drawSettings(dice.fork('settings'));
  const settings = options.adjust?.(drawn) ?? drawn;
  const before = { ...limits };
  Object.assign(limits, settings.limits);
  const simulation = new Simulation(seed, dice, settings, options);
  const onRejection = (error: unknown): void => simulation.verdict.fail('no promise is left alone', stackOf(error));
  process.on('unhandledRejection', onRejection);
  try {
    return await simulation.run();
  } finally {
    process.off('unhandledRejection', onRejection);
    simulation.close();
    Object.assign(limits, before);
  }
}

class Simulation {
  readonly verdict = new Verdict();
  private readonly seed: number;
  private readonly dice: Dice;
  private readonly settings: SimSettings;
  private readonly part: Part;
  private readonly trace: Trace;
  private readonly world: World;
  private readonly host: ControlPlaneHost;
  private readonly client: SimClient;
  private readonly observer: Observer;
  private readonly executions: Executions;
  private readonly answers = new Answers();
  private readonly outputs = new Outputs();
  private readonly asked = new Asked();
  private readonly agents: readonly AgentHost[];
  private readonly nemesis: Nemesis;
  private readonly schedules: ScheduleWork;
  private readonly operator: Operator;
  private readonly sqlDisk: SqlDisk | undefined;
  private readonly claims = new Map<string, Readonly<Record<string, string>>>();
  private readonly facts = new Map<string, Omit<InstanceFacts, 'hasHandled'>>();

  private readonly runsAsked: number;
  private stepsMax = 0;

  constructor(seed: number, dice: Dice, settings: SimSettings, { print, wrapWire, wrapStore, part }: SimOptions) {
    this.seed = seed;
    this.dice = dice;
    this.settings = settings;
    this.part = part ?? {};
    const runs = Array.from({ length: settings.runs }, (_, i) => i);
    this.runsAsked = runs.filter((i) => isInside(this.part.runs, i)).length;
    this.trace = new Trace(print);
    const world = new World(this.trace);
    this.world = world;
    const { verdict } = this;
    const disk = new Disk(settings.disk);
    const network = new Network(world, dice.fork('network'), settings.network);
    const { lossWindowMs, beatIntervalMs } = settings;
    this.sqlDisk = settings.isSql ? new SqlDisk() : undefined;
    const host = new ControlPlaneHost({
      world,
      dice: dice.fork('control-plane'),
      disk,
      verdict,
      lossWindowMs,
      beatIntervalMs,
      sqlDisk: this.sqlDisk,
      wrapWire: wrapWire ?? ((wire) => wire),
      wrapStore: wrapStore ?? ((store) => store),
    });
    this.host = host;
    this.executions = new Executions(world, verdict);
    this.agents = this.makeAgents(network);
    this.observer = new Observer(
      host,
      verdict,
      { answers: this.answers, asked: this.asked, outputs: this.outputs },
      (instanceId) => this.factsOf(instanceId),
    );
    const { schedules: count, stormMs } = settings;
    const own = dice.fork('schedules');
    this.schedules = new ScheduleWork({ world, dice: own, host, verdict, observer: this.observer, count, stormMs });
    const placements = new PlacementChecks({
      host,
      verdict,
      stepOf: (runId, path) => this.observer.runs.get(runId)?.steps.get(path)?.info,
      claimOf: (agentId) => this.claims.get(agentId) ?? {},
    });
    host.observer = placements.beside(this.schedules.checks.beside(this.observer));
    this.client = new SimClient({ world, dice: dice.fork('client'), host, verdict, observer: this.observer });
    const { operatorPauseMs } = settings;
    const hands = dice.fork('hands of the operator');
    this.operator = new Operator({
      world,
      dice: hands,
      client: new SimClient({ world, dice: hands.fork('client'), host, verdict, observer: this.observer }),
      checks: placements,
      agentIds: this.agents.map(({ options }) => options.agentId),
      pauseMs: operatorPauseMs,
    });
    this.nemesis = new Nemesis({
      world,
      dice: dice.fork('nemesis'),
      network,
      host,
      disk,
      agents: this.agents,
      pauseMs: settings.pauseMs,
      kinds: settings.kinds.filter((kind) => this.part.without?.includes(kind) !== true),
      only: this.part.faults,
    });
    const checks = new FleetChecks({
      world,
      host,
      observer: this.observer,
      verdict,
      agents: this.agents,
      storeWellSince: () => this.nemesis.storeWellSince,
    });
    world.onEvent = () => checks.check();
  }

  async run(): Promise<SimResult> {
    this.trace.add(0, 'seed', `${this.seed} ${JSON.stringify(this.settings)}`);
    await this.world.run(0, () => false);
    this.host.start();
    await settle();
    for (const agent of this.agents)
      this.world.after(this.dice.between(0, 500), undefined, 'timer', () => agent.start());
    this.nemesis.start();
    this.operator.start();
    this.work();
    this.schedules.begin();
    try {
      await this.world.run(this.settings.stormMs, () => this.isStopped());
      if (!this.verdict.isFailed) await this.calm();
    } catch (error) {
      this.verdict.fail('nothing throws', stackOf(error));
    }
    return this.result();
  }

  close(): void {
    this.host.crash();
    this.sqlDisk?.remove();
  }

  /** Everything heals; all runs must end, and everything must be let go. */
  private async calm(): Promise<void> {
    this.nemesis.heal();
    this.operator.calm();
    this.schedules.calm();
    const until = this.world.now + CALM_MS;
    await this.world.run(until, () => this.isStopped() || this.isDone());
    if (!this.verdict.isFailed && !this.isDone()) this.verdict.fail('all runs end', this.openWork());
    for (const runId of this.observer.runs.keys()) this.observer.checkReplay(runId);
    this.checkRows();
  }

  private isStopped(): boolean {
    if (this.world.eventCount > EVENTS_MAX)
      this.verdict.fail('a simulation is finite', `more than ${EVENTS_MAX} events`);
    return this.verdict.isFailed;
  }

  private isDone(): boolean {
    const { openRequests, openWaits, started, retries } = this.client;
    if (
      !this.schedules.isDone ||
      !this.operator.isDone ||
      openRequests > 0 ||
      openWaits > 0 ||
      started.size - retries < this.runsAsked
    )
      return false;
    for (const { outcome } of this.observer.runs.values()) if (outcome === undefined) return false;
    // The agents know, too: nothing is held any more, at either end.
    for (const instance of this.observer.current?.fleet.instances.values() ?? [])
      if (instance.held.size > 0) return false;
    return this.observer.current !== undefined;
  }

  private openWork(): string {
    const open = [...this.observer.runs.values()].filter((run) => run.outcome === undefined).map((run) => run.runId);
    const tasks = [...this.host.data.tasks.values()].map(
      ({ runId, path, attempt, state, instanceId }) => `${runId}/${path}#${attempt} ${state} ${instanceId}`,
    );
    const held = [...(this.observer.current?.fleet.instances.values() ?? [])].flatMap((instance) =>
      [...instance.held.keys()].map((id) => `${instance.instanceId}: ${id}`),
    );
    const { openRequests, openWaits, started } = this.client;
    return `open runs [${open}], tasks [${tasks}], held [${held}], requests ${openRequests}, waits ${openWaits}, started ${started.size} of ${this.runsAsked}`;
  }

  /** The rows of the runs table say what the journals say, and no task is left. */
  private checkRows(): void {
    if (this.verdict.isFailed) return;
    for (const [runId, model] of this.observer.runs) {
      const row = this.host.data.runs.get(runId);
      this.verdict.check(
        row?.status === model.outcome,
        'rows say what the journal says',
        () => `${runId}: ${row?.status} instead of ${model.outcome}`,
      );
      const seen = this.client.ended.get(runId);
      this.verdict.check(
        seen === undefined || seen === model.outcome,
        'clients see what is durable',
        () => `${runId}: ${seen}`,
      );
    }
    const leak = findLeak(this.host.data);
    this.verdict.check(leak === undefined, 'the value of a secret is nowhere stored', () => `it is in ${leak}`);
    const left = [...this.host.data.tasks.values()];
    this.verdict.check(left.length === 0, 'no task outlives its run', () => JSON.stringify(left[0]));
    const asked = [...this.observer.runs.keys()].filter(
      (runId) =>
        !this.observer.children.isChild(runId) &&
        !this.observer.calls.isCall(runId) &&
        this.host.data.runs.get(runId)?.labels.schedule === undefined,
    );
    const known = [...this.client.started.values()].every((runId) => this.observer.runs.has(runId));
    this.verdict.check(
      known && isDeepStrictEqual(new Set(this.client.started.values()), new Set(asked)),
      'one request id is one run',
      () => 'there are other runs than those that were asked for',
    );
  }

  // ---- what is there

  private makeAgents(network: Network): readonly AgentHost[] {
    const dice = this.dice.fork('agents');
    const actions = this.actions();
    return Array.from({ length: this.settings.agents }, (_, i) => {
      const agentId = `ag${i}`;
      const mine = actions.filter((_action, j) => j % this.settings.agents === i || dice.chance(0.6));
      const capabilities = mine.map((name) => this.capability(name));
      const slots = dice.int(1, this.settings.slotsMax);
      const labels = this.settings.operatorPauseMs === 0 ? {} : claimOf(dice.fork(`claims of ${agentId}`));
      this.claims.set(agentId, labels);
      const agent = new AgentHost({
        world: this.world,
        dice: dice.fork(agentId),
        network,
        host: this.host,
        executions: this.executions,
        answers: this.answers,
        outputs: this.outputs,
        agentId,
        slots,
        capabilities,
        labels,
        behaviour: this.settings.behaviour,
        asks: { chance: this.settings.calls, actions, asked: this.asked },
        moods: { isStubbornAllowed: true },
      });
      const concurrency = new Map(capabilities.map((capability) => [capability.name, capability.concurrency]));
      this.facts.set(agentId, { slots, concurrency });
      return agent;
    });
  }

  private actions(): readonly string[] {
    return ['read', 'write', 'pure'].concat(this.settings.agents > 1 ? ['sum'] : []);
  }

  private capability(name: string): OfferedCapability {
    return {
      name,
      version: '1.0.0',
      description: '',
      idempotent: name === 'pure' || name === 'sum',
      concurrency: name === 'write' ? 1 : 0,
      labels: {},
    };
  }

  private factsOf(instanceId: string): InstanceFacts {
    const known = this.facts.get(instanceId.slice(0, instanceId.lastIndexOf('-')));
    const hasHandled = (attempt: string): boolean => this.executions.hasHandled(instanceId, attempt);
    return { slots: 0, concurrency: new Map(), ...known, hasHandled };
  }

  // ---- what is asked of it

  private work(): void {
    const dice = this.dice.fork('work');
    const { workflows, runs, stormMs, stepsMax, cancels, pauses } = this.settings;
    const names: string[] = [];
    let hasChildren = false;
    for (let i = 0; i < workflows; i++) {
      const name = `w${i}`;
      const agentIds = this.agents.map((agent) => agent.options.agentId);
      const luck = dice.fork(name);
      const plain = withSecrets(this.fitting(luck, name, agentIds, stepsMax), luck.fork('secrets'));
      const whole = this.settings.operatorPauseMs === 0 ? plain : withLabels(plain, luck.fork('labels'));
      this.stepsMax = Math.max(this.stepsMax, whole.steps.length);
      const definition = this.part.steps === undefined ? whole : firstSteps(whole, this.part.steps);
      this.observer.know(definition);
      this.world.log('seed', JSON.stringify(definition));
      hasChildren ||= hasChildSteps([...definition.steps, ...(definition.finally ?? [])]);
      this.client.register(definition, () => names.push(name));
    }
    if (hasChildren) {
      const child = makeChildWorkflow(dice.fork('child workflow'));
      this.observer.know(child);
      this.client.register(child, () => undefined);
    }
    for (let i = 0; i < runs; i++) {
      if (!isInside(this.part.runs, i)) continue;
      const luck = dice.fork(`run${i}`);
      const ask = (): void => {
        if (names.length < workflows) return void this.world.after(200, undefined, 'timer', ask);
        const params = {
          n: luck.int(0, 9),
          flag: luck.chance(0.5),
          pad: 'p'.repeat(Math.floor(luck.skewed(0, this.settings.behaviour.outputChars))),
        };
        const urgency = luck.fork('priority');
        const priority = urgency.chance(0.5) ? urgency.pick(['low', 'critical'] as const) : undefined;
        this.client.startRun(`request-${i}`, luck.pick(names), params, priority, (runId) => {
          this.client.waitFor(runId, (status) => this.tryAgain(`request-${i}`, runId, status, luck.fork('retry')));
          if (luck.chance(0.5)) this.client.watch(runId);
          const pause = luck.fork('pause');
          if (pause.chance(pauses)) {
            const forMs = pause.skewed(1, stormMs);
            this.world.after(pause.skewed(1, stormMs), undefined, 'timer', () => this.client.pause(runId, forMs));
          }
          this.sendSignals(luck.fork('signals'), runId);
          this.readOutputs(luck.fork('outputs'), runId);
          if (!luck.chance(cancels)) return;
          const cancel = (): void => this.client.cancel(runId);
          this.world.after(luck.skewed(1, stormMs), undefined, 'timer', cancel);
          if (luck.chance(0.2)) this.world.after(luck.skewed(1, stormMs), undefined, 'timer', cancel);
        });
      };
      this.world.after(luck.between(0, stormMs * 0.8), undefined, 'timer', ask);
    }
  }

  /** Of a run that did not complete: another try, and sometimes one more. */
  private tryAgain(requestId: string, runId: string, status: RunStatus, dice: Dice, tries = 1): void {
    if (status === 'COMPLETED' || tries > RETRIES_MAX || !dice.chance(this.settings.retries)) return;
    const id = `${requestId}-retry-${tries}`;
    this.client.retry(id, runId, (newRunId) => {
      this.client.waitFor(newRunId, (end) => this.tryAgain(requestId, newRunId, end, dice, tries + 1));
    });
  }

  /** Of steps that have an attempt by then. */
  private readOutputs(dice: Dice, runId: string): void {
    for (let rest = dice.int(0, 2); rest > 0; rest--) {
      this.world.after(dice.skewed(1, this.settings.stormMs), undefined, 'timer', () => {
        const steps = [...(this.observer.runs.get(runId)?.steps.values() ?? [])];
        const tried = steps.filter(({ attempts }) => attempts.length > 0);
        if (tried.length > 0) this.client.read(this.observer.outputs.reader(runId, dice.pick(tried).path));
      });
    }
  }

  /** Some come before their step, some twice, some from the wrong actor, some under a name that the workflow does not have. */
  private sendSignals(dice: Dice, runId: string): void {
    const count = dice.int(0, 6);
    for (let i = 0; i < count; i++) {
      const name = dice.chance(0.05) ? 'nothing' : dice.pick(SIGNALS);
      const actor = dice.pick(['ann', 'ben', '']) || undefined;
      const howOften = dice.chance(0.2) ? 2 : 1;
      const send = (): void => this.client.signal(runId, name, `signal-${i}`, actor, howOften);
      this.world.after(dice.skewed(1, this.settings.stormMs), undefined, 'timer', send);
    }
  }

  /** A workflow whose pinned steps name agents that offer what they ask for; nothing else could ever run them. */
  private fitting(dice: Dice, name: string, agentIds: readonly string[], stepsMax: number) {
    const offers = new Map(
      this.agents.map(({ options }) => [options.agentId, new Set(options.capabilities.map((offered) => offered.name))]),
    );
    return makeWorkflow(dice, name, {
      actions: this.actions(),
      stepsMax,
      agentFor: (action) => agentIds.filter((agentId) => offers.get(agentId)?.has(action) === true),
    });
  }

  private result(): SimResult {
    const { verdict, trace, world } = this;
    return {
      seed: this.seed,
      digest: trace.digest(),
      events: world.eventCount,
      lines: trace.lineCount,
      virtualMs: world.now,
      runs: this.observer.runs.size,
      executions: this.executions.count,
      calls: this.observer.calls.count,
      compared: this.observer.compared,
      ticks: this.schedules.checks.counts,
      invariant: verdict.invariant,
      message: verdict.message,
      lastLines: trace.lastLines(),
      plan: {
        runs: this.settings.runs,
        faults: this.nemesis.count,
        steps: this.stepsMax,
        kinds: this.settings.kinds,
      },
    };
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
