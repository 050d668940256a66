/**
 * Runs by the clock in a world: schedules that were put and schedules of definitions, paused, resumed, triggered and changed while
 * the faults strike. When everything is healed there may be one more outage, long enough that ticks are missed; then they are paused.
 */
import type { RunningControlPlane } from '../../src/control-plane/runtime/assembly.ts';
import type { ScheduleSpec } from '../../src/control-plane/store/port.ts';
import { isYardmasterError } from '../../src/core/errors.ts';
import type { ScheduleDefinition, WorkflowDefinition } from '../../src/workflow/definition.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import type { Dice } from './dice.ts';
import type { Verdict } from './failure.ts';
import type { Observer } from './invariants/observer.ts';
import { ScheduleChecks } from './invariants/schedule-checks.ts';
import { SimClient } from './sim-client.ts';
import { EPOCH_MS } from './sim-clock.ts';
import type { World } from './world.ts';

const NAMESPACE = 'default';
/** After a start: by then every tick that was due before it has been handled. */
const HANDLED_MS = 60_000;
const CRONS = [
  { cron: '*/10 * * * * *', everyMs: 10_000 },
  { cron: '*/20 * * * * *', everyMs: 20_000 },
  { cron: '*/30 * * * * *', everyMs: 30_000 },
  { cron: '* * * * *', everyMs: 60_000 },
  { cron: '*/2 * * * *', everyMs: 120_000 },
] as const;

export interface ScheduleWorkOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly host: ControlPlaneHost;
  readonly verdict: Verdict;
  readonly observer: Observer;
  readonly count: number;
  readonly stormMs: number;
}

interface Planned {
  readonly name: string;
  readonly dice: Dice;
  readonly schedule: ScheduleDefinition;
  readonly workflow: WorkflowDefinition;
  /** The schedule stands in the definition. */
  readonly isOfWorkflow: boolean;
}

export class ScheduleWork {
  readonly checks: ScheduleChecks;
  private readonly options: ScheduleWorkOptions;
  private readonly client: SimClient;
  private readonly planned: readonly Planned[];
  private hasEnded: boolean;

  constructor(options: ScheduleWorkOptions) {
    this.options = options;
    const { world, dice, host, verdict, observer, count } = options;
    this.checks = new ScheduleChecks(
      () => host.data,
      verdict,
      // A decision may have been made while the clock was ahead.
      () => EPOCH_MS + Math.floor(world.now + host.wallAheadMaxMs),
    );
    this.client = new SimClient({ world, dice: dice.fork('client'), host, verdict, observer });
    this.planned = Array.from({ length: count }, (_, i) => this.plan(`clock${i}`, dice.fork(`clock${i}`)));
    this.hasEnded = count === 0;
  }

  get isDone(): boolean {
    return this.hasEnded && this.client.openRequests === 0;
  }

  /** Creates them, and sees to what happens to them. */
  begin(): void {
    for (const planned of this.planned) {
      const begin = (): void => this.register(planned, 0, () => (planned.isOfWorkflow ? undefined : this.put(planned)));
      this.options.world.after(planned.dice.skewed(0, this.options.stormMs / 2), undefined, 'timer', begin);
      for (let i = planned.dice.int(0, 4); i > 0; i--) this.disturb(planned, i);
    }
  }

  /** Everything is healed. */
  calm(): void {
    const { world, dice, host } = this.options;
    if (this.hasEnded) return;
    const luck = dice.fork('outage');
    if (!luck.chance(0.5)) return this.endAfter(HANDLED_MS);
    const outageMs = luck.between(1_000, 300_000);
    world.after(luck.between(1_000, 10_000), undefined, 'timer', () => {
      host.crash();
      world.after(outageMs, undefined, 'timer', () => {
        host.start();
        this.endAfter(HANDLED_MS);
      });
    });
  }

  private endAfter(delayMs: number): void {
    const { world } = this.options;
    world.after(delayMs, undefined, 'timer', () => {
      this.checks.checkHandled(EPOCH_MS + world.now - delayMs / 2);
      for (const { name } of this.planned) this.pause(name, true);
      this.hasEnded = true;
    });
  }

  private plan(name: string, dice: Dice): Planned {
    const { cron, everyMs } = dice.pick(CRONS);
    this.checks.know(name, everyMs);
    const schedule: ScheduleDefinition = {
      cron,
      parameters: { n: 3 },
      overlap: dice.pick(['skip', 'allow', 'cancelOther'] as const),
      catchUp: dice.pick(['none', 'one', 'all'] as const),
      catchUpWindowMs: dice.pick([90_000, 86_400_000]),
    };
    const isOfWorkflow = dice.chance(0.5);
    const workflow = makeClockWorkflow(dice.fork('workflow'), name);
    this.options.observer.know(workflow);
    return { name, dice, schedule, workflow, isOfWorkflow };
  }

  /** Something that a person does to it, some time in the storm. */
  private disturb(planned: Planned, number: number): void {
    const { world, stormMs } = this.options;
    const luck = planned.dice.fork(`disturb${number}`);
    const what = luck.pick(['pause', 'trigger', 'change'] as const);
    const forMs = luck.skewed(100, stormMs);
    world.after(luck.between(0, stormMs), undefined, 'timer', () => {
      if (what === 'trigger') return this.trigger(planned.name, `${planned.name}-${number}`);
      if (what === 'change' && planned.isOfWorkflow) return this.register(planned, number, () => undefined);
      if (what === 'change') return this.put(planned);
      this.pause(planned.name, true, () =>
        world.after(forMs, undefined, 'timer', () => {
          if (!this.hasEnded) this.pause(planned.name, false);
        }),
      );
    });
  }

  private register({ workflow, schedule, isOfWorkflow }: Planned, number: number, onDone: () => void): void {
    const definition = { ...workflow, metadata: { number }, ...(isOfWorkflow ? { schedule } : {}) };
    this.client.ask((face) => face.registerWorkflow({ namespace: NAMESPACE, definition, validateOnly: false }), onDone);
  }

  private put({ name, schedule }: Planned): void {
    const spec: ScheduleSpec = {
      workflow: name,
      version: 0,
      timezone: 'UTC',
      parameters: {},
      labels: {},
      overlap: 'skip',
      catchUp: 'one',
      catchUpWindowMs: 86_400_000,
      ...schedule,
    };
    this.client.ask((face) => orGone(() => face.schedules.put({ namespace: NAMESPACE, name, spec })));
  }

  private pause(name: string, isPaused: boolean, onDone: () => void = () => undefined): void {
    const request = { namespace: NAMESPACE, name, isPaused, reason: '' };
    this.client.ask((face) => orGone(() => face.schedules.setPaused(request)), onDone);
  }

  private trigger(name: string, requestId: string): void {
    const call = (face: RunningControlPlane) =>
      orGone(() => face.schedules.trigger({ namespace: NAMESPACE, name, requestId }));
    this.client.ask(call);
  }
}

/** Not there yet, or no room for its run: an answer as any other. */
async function orGone<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const answers = ['SCHEDULE_NOT_FOUND', 'SCHEDULE_INVALID', 'CONCURRENCY_LIMIT', 'QUEUE_FULL'];
    if (isYardmasterError(error) && answers.includes(error.code)) return undefined;
    throw error;
  }
}

/** Some of its runs last longer than it is to the next tick. */
function makeClockWorkflow(dice: Dice, name: string): WorkflowDefinition {
  const limit = dice.int(1, 2);
  const overflow = dice.pick(['queue', 'reject'] as const);
  return {
    name,
    ...(dice.chance(0.3) ? { concurrency: { limit, overflow } } : {}),
    ...(dice.chance(0.2) ? { timeoutMs: dice.int(5_000, 60_000) } : {}),
    steps: [
      { id: 't1', type: 'agent', dependencies: [], action: 'read', parameters: '${{ params }}', timeoutMs: 8_000 },
      { id: 't2', type: 'wait', dependencies: ['t1'], forMs: Math.floor(dice.skewed(100, 40_000)) },
    ],
    ...(dice.chance(0.3)
      ? { finally: [{ id: 't3', type: 'agent', dependencies: [], action: 'read', timeoutMs: 4_000 }] }
      : {}),
    cleanupTimeoutMs: 10_000,
  };
}
