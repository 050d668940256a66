/** Random workflows over what the engine can do. */
import type {
  AgentStepDefinition,
  AttachedStepDefinition,
  LoopStepDefinition,
  MapStepDefinition,
  SequentialStepDefinition,
  StepCommon,
  StepDefinition,
  WorkflowDefinition,
} from '../../src/workflow/definition.ts';
import { nestedSteps } from '../../src/workflow/nested.ts';
import type { Dice } from './dice.ts';
import { readsItem, readsIteration, vary } from './variations.ts';

export interface WorkflowSettings {
  readonly actions: readonly string[];
  /** Agents that offer an action. */
  readonly agentFor: (action: string) => readonly string[];
  readonly stepsMax: number;
  /** A workflow that steps may run; absent: none does. */
  readonly child?: string;
}

const DEPTH_MAX = 3;
/** What steps wait for; `guarded` has an answerer. */
export const SIGNALS = ['go', 'stop', 'guarded'] as const;

export const CHILD = 'child';

/** What steps run as child runs: small, and it may fail, take long, be cancelled, and clean up. */
export function makeChildWorkflow(dice: Dice): WorkflowDefinition {
  const retry = { tries: 3, backoffMs: 100 };
  return {
    name: CHILD,
    ...ofRuns(dice),
    parameters: { type: 'object', properties: { k: { default: 7 }, whole: { type: 'integer' } } },
    steps: [
      {
        id: 'c1',
        type: 'agent',
        dependencies: [],
        action: 'read',
        parameters: '${{ params }}',
        timeoutMs: 8_000,
        retry,
      },
      { id: 'c2', type: 'wait', dependencies: ['c1'], forMs: 300 },
    ],
    finally: [{ id: 'c3', type: 'agent', dependencies: [], action: 'read', timeoutMs: 4_000 }],
    cleanupTimeoutMs: 10_000,
    output: '${{ steps.c1.output }}',
  };
}

export function hasChildSteps(steps: readonly StepDefinition[]): boolean {
  return steps.some((step) => step.type === 'workflow' || hasChildSteps(nestedSteps(step)));
}

export function makeWorkflow(dice: Dice, name: string, settings: WorkflowSettings): WorkflowDefinition {
  const child = dice.fork('children').chance(0.3) ? { child: CHILD } : {};
  const maker = new Maker(dice, { ...settings, ...child });
  const steps = maker.siblings(dice.int(1, settings.stepsMax), 0, 'graph');
  const hasFinally = dice.chance(0.25);
  maker.isFinally = true;
  const leaves = hasFinally ? maker.siblings(dice.int(1, 2), DEPTH_MAX, 'graph') : [];
  const cleanup = [...leaves, ...cleanupBlocks(dice.fork('cleanup'), settings)];
  return {
    name,
    steps,
    ...ofRuns(dice.fork('runs')),
    ...(cleanup.length > 0 ? { finally: cleanup } : {}),
    ...(dice.chance(0.15) ? { timeoutMs: dice.int(5_000, 60_000), cleanupTimeoutMs: dice.int(1_000, 20_000) } : {}),
    ...(dice.chance(0.2) ? { priority: dice.pick(['low', 'high', 'critical'] as const) } : {}),
    ...(dice.chance(0.5) ? { output: { last: `\${{ steps.${steps.at(-1)?.id}.output }}` } } : {}),
  };
}

/** Some steps have a key: one for all, or one of several. */
function keyPart(dice: Dice): Pick<AgentStepDefinition, 'concurrencyKey'> {
  if (!dice.chance(0.12)) return {};
  const key = dice.pick(['all', 'n-${{ params.n }}', '${{ params.flag ? "flag" : "" }}']);
  return { concurrencyKey: { key, ...(dice.chance(0.3) ? { limit: 2 } : {}) } };
}

/** How many runs at once, and how often one is tried again. */
function ofRuns(dice: Dice): Pick<WorkflowDefinition, 'concurrency' | 'retries'> {
  const limit = dice.int(1, 3);
  const overflow = dice.pick(['queue', 'queue', 'reject', 'cancelOldest'] as const);
  return {
    ...(dice.chance(0.4) ? { concurrency: { limit, overflow } } : {}),
    ...(dice.chance(0.3) ? { retries: dice.int(1, 2) } : {}),
  };
}

/** Some workflows clean up with blocks. */
function cleanupBlocks(dice: Dice, settings: WorkflowSettings): readonly StepDefinition[] {
  if (!dice.chance(0.12)) return [];
  const maker = new Maker(dice, { ...settings, stepsMax: 3 }, 'f');
  maker.isFinally = true;
  return maker.siblings(dice.int(1, 2), 1, 'graph');
}

/** The same workflow with no more than `howMany` steps at its top. */
export function firstSteps(definition: WorkflowDefinition, howMany: number): WorkflowDefinition {
  const steps = definition.steps.slice(0, Math.max(1, howMany));
  const isWhole = steps.length === definition.steps.length;
  if (isWhole || definition.output === undefined) return { ...definition, steps };
  return { ...definition, steps, output: { last: `\${{ steps.${steps.at(-1)?.id}.output }}` } };
}

type Common = Pick<StepDefinition, 'id' | 'dependencies' | 'runOn' | 'when' | 'totalTimeoutMs'>;

class Maker {
  private readonly dice: Dice;
  private readonly settings: WorkflowSettings;
  private readonly prefix: string;
  private count = 0;
  /** What runs at the end is not undone at the end. */
  isFinally = false;

  constructor(dice: Dice, settings: WorkflowSettings, prefix = 's') {
    this.dice = dice;
    this.settings = settings;
    this.prefix = prefix;
  }

  /** Steps of one level. In a graph they may depend on earlier ones; a sequential states its chain itself. */
  siblings(howMany: number, depth: number, kind: 'graph' | 'chain'): StepDefinition[] {
    const steps: StepDefinition[] = [];
    for (let i = 0; i < howMany; i++) {
      const earlier = steps.map((step) => step.id);
      const last = earlier.at(-1);
      const dependencies =
        kind === 'chain' ? (last === undefined ? [] : [last]) : earlier.filter(() => this.dice.chance(0.35));
      const made = this.step(dependencies, depth);
      steps.push({ ...made, ...this.belongings(made.id) });
    }
    return steps;
  }

  private step(dependencies: readonly string[], depth: number): StepDefinition {
    const step = this.plainStep(dependencies, depth);
    return vary(step, dependencies[0], this.dice.fork(`vary ${step.id}`));
  }

  private plainStep(dependencies: readonly string[], depth: number): StepDefinition {
    const { dice } = this;
    this.count += 1;
    const id = `${this.prefix}${this.count}`;
    const common = {
      id,
      dependencies,
      ...(dependencies.length > 0 && dice.chance(0.2) ? { runOn: dice.pick(['failure', 'always'] as const) } : {}),
      ...(dice.chance(0.1) ? { when: dice.chance(0.5) ? 'params.n > 4' : 'params.flag' } : {}),
      ...(dice.chance(0.1) ? { totalTimeoutMs: dice.int(2_000, 60_000) } : {}),
    };
    if (depth >= DEPTH_MAX || this.count > this.settings.stepsMax || dice.chance(0.65)) {
      const agent = {
        ...common,
        type: 'agent' as const,
        ...this.agentPart(dependencies),
        ...keyPart(dice.fork(`key ${id}`)),
      };
      const computes = dice.fork(`set ${id}`).chance(0.1);
      return (
        this.waitPart(common) ??
        this.childPart(common, dependencies) ??
        (computes ? this.computed(agent.id, common, dependencies) : agent)
      );
    }
    const children = dice.int(1, 4);
    if (dice.chance(0.4)) {
      const steps = this.siblings(children, depth + 1, 'chain');
      const forLoop = dice.fork(`loop ${id}`);
      if (forLoop.chance(0.4)) return { ...common, ...loopOf(steps, forLoop) };
      const forMap = dice.fork(`map ${id}`);
      if (forMap.chance(0.4)) return { ...common, ...mapOf(id, steps, forMap) };
      const onFailure = dice.chance(0.3) ? { onFailure: 'continue' as const } : {};
      return this.branched({ ...common, type: 'sequential', steps, ...onFailure }, depth);
    }
    const forQuorum = dice.fork(`quorum ${common.id}`);
    const quorum = forQuorum.chance(0.2) ? forQuorum.int(1, children) : undefined;
    return {
      ...common,
      type: 'parallel',
      steps: this.siblings(children, depth + 1, 'graph'),
      ...(dice.chance(0.4) ? { concurrency: dice.int(1, 3) } : {}),
      ...(quorum === undefined ? {} : { quorum }),
      ...(quorum === undefined && dice.chance(0.6)
        ? { onFailure: dice.pick(['failFast', 'waitAll', 'continue'] as const) }
        : {}),
    };
  }

  /** A fallback, a compensation, both or mostly neither; with dice of their own. */
  private belongings(id: string): Pick<StepCommon, 'fallback' | 'compensate'> {
    const dice = this.dice.fork(`belongings ${id}`);
    const hasFallback = dice.chance(0.15);
    const hasCompensation = dice.chance(0.2) && !this.isFinally;
    return {
      ...(hasFallback
        ? { fallback: this.attached(`${id}f`, `\${{ steps.${id}.error.code }}`, dice.fork('fallback')) }
        : {}),
      ...(hasCompensation
        ? { compensate: this.attached(`${id}u`, `\${{ steps.${id}.output }}`, dice.fork('compensate')) }
        : {}),
    };
  }

  private attached(id: string, source: string, dice: Dice): AttachedStepDefinition {
    return {
      id,
      type: 'agent',
      dependencies: [],
      action: dice.pick(this.settings.actions),
      ...(dice.chance(0.5) ? { parameters: { from: source } } : {}),
      ...(dice.chance(0.1) ? { when: dice.chance(0.5) ? 'params.n > 4' : 'params.flag' } : {}),
      ...(dice.chance(0.3) ? { retry: { tries: 2, backoffMs: dice.int(1, 1_000) } } : {}),
      ...(dice.chance(0.3) ? { timeoutMs: dice.int(500, 20_000) } : {}),
      ...(dice.chance(0.1) ? { totalTimeoutMs: dice.int(2_000, 60_000) } : {}),
    };
  }

  /** A value instead of work. Some of them read what may be missing. */
  private computed(
    id: string,
    { totalTimeoutMs: _, ...common }: Common,
    dependencies: readonly string[],
  ): StepDefinition {
    const dice = this.dice.fork(`value ${id}`);
    const [first] = dependencies;
    const source = first === undefined ? '${{ params }}' : `\${{ steps.${first}.output }}`;
    const set = dice.chance(0.5) ? source : { from: source, n: '${{ params.n * 2 }}' };
    return { ...common, type: 'set', set, ...(dice.chance(0.3) ? { onFailure: 'continue' as const } : {}) };
  }

  /** Some rows become a branch, beside others that are made for it. */
  private branched(row: SequentialStepDefinition, depth: number): StepDefinition {
    const dice = this.dice.fork(`branches ${row.id}`);
    if (!dice.chance(0.4)) return row;
    const beside = (name: string): StepDefinition[] => {
      const maker = new Maker(dice.fork(name), { ...this.settings, stepsMax: 2 }, `${row.id}${name}`);
      maker.isFinally = this.isFinally;
      return maker.siblings(dice.int(0, 2), depth + 1, 'chain');
    };
    const { steps, type: _, ...common } = row;
    if (dice.chance(0.5)) {
      const text = dice.pick(['params.n > 4', 'params.flag', 'true', 'params.missing', 'now > run.startedAt']);
      return {
        ...common,
        type: 'condition',
        if: text,
        then: steps,
        ...(dice.chance(0.7) ? { else: beside('e') } : {}),
      };
    }
    const cases = [
      { equals: dice.int(0, 9), steps: beside('c') },
      { equals: 'never', steps: [] },
    ];
    return { ...common, type: 'switch', switch: 'params.n', cases, default: steps };
  }

  /** Instead of an agent step, now and then; with dice of its own. A signal that never comes must not keep a run open. */
  private waitPart(common: StepCommon): StepDefinition | undefined {
    const dice = this.dice.fork(`wait ${common.id}`);
    if (!dice.chance(0.15)) return undefined;
    const output = dice.chance(0.2) ? { output: { was: '${{ result }}' } } : {};
    const handled = dice.chance(0.25) ? { onFailure: 'continue' as const } : {};
    if (dice.chance(0.4)) {
      const forMs = Math.round(dice.skewed(0, 20_000));
      const end = dice.chance(0.3) ? { for: '${{ params.n * 500 }}' } : { forMs };
      return { ...common, ...output, ...handled, type: 'wait', ...(dice.chance(0.2) ? { until: 'now' } : end) };
    }
    const signal = dice.pick(SIGNALS);
    return {
      ...common,
      ...output,
      ...handled,
      type: 'signal',
      signal,
      ...(signal === 'guarded' ? { answerers: ['ann'] } : {}),
      ...(dice.chance(0.3) ? { title: 'go on with ${{ params.n }}?' } : {}),
      ...(dice.chance(0.4) ? { default: { n: '${{ params.n }}', pad: '${{ params.pad }}' } } : {}),
      timeoutMs: dice.int(1_000, 60_000),
    };
  }

  /** A child run instead of an agent step, now and then, in some workflows; with dice of its own. */
  private childPart(common: StepCommon, dependencies: readonly string[]): StepDefinition | undefined {
    const { child } = this.settings;
    const dice = this.dice.fork(`child ${common.id}`);
    if (child === undefined || !dice.chance(0.25)) return undefined;
    const [first] = dependencies;
    const given = first === undefined || dice.chance(0.5) ? '${{ params }}' : { from: `\${{ steps.${first}.output }}` };
    return {
      ...common,
      type: 'workflow',
      workflow: dice.chance(0.05) ? 'nowhere' : child,
      ...(dice.chance(0.8)
        ? { parameters: dice.fork('fits').chance(0.08) ? { whole: '${{ params.n / 2 }}' } : given }
        : {}),
      ...(dice.chance(0.3) ? { onFailure: 'continue' as const } : {}),
    };
  }

  private agentPart(dependencies: readonly string[]) {
    const { dice, settings } = this;
    const [first] = dependencies;
    const source = first === undefined ? '${{ params }}' : `\${{ steps.${first}.output }}`;
    const action = dice.pick(settings.actions);
    return {
      action,
      ...(dice.chance(0.6) ? { parameters: dice.chance(0.5) ? source : { from: source, k: 1 } } : {}),
      ...(dice.chance(0.1) ? { agentId: dice.pick(settings.agentFor(action)) } : {}),
      ...(dice.chance(0.25) ? { onFailure: 'continue' as const } : {}),
      ...(dice.chance(0.4) ? { timeoutMs: dice.int(500, 20_000) } : {}),
      ...(dice.chance(0.08) ? { queueTimeoutMs: dice.int(1_000, 30_000) } : {}),
      ...(dice.chance(0.08) ? { heartbeatTimeoutMs: dice.int(1_000, 20_000) } : {}),
      ...(dice.chance(0.5) ? { retry: this.retry() } : {}),
      ...(dice.chance(0.1) ? { priority: dice.pick(['low', 'normal', 'high', 'critical'] as const) } : {}),
      ...(dice.chance(0.1) ? { assert: 'output.n < 8' } : {}),
      ...(dice.chance(0.1) ? { output: { kept: '${{ result }}', n: '${{ result.n }}' } } : {}),
    };
  }

  private retry() {
    const { dice } = this;
    return {
      tries: dice.int(1, 4),
      backoffMs: dice.int(1, 1_500),
      jitter: dice.chance(0.5),
      ...(dice.chance(0.2) ? { onDifferentAgent: true } : {}),
      ...(dice.chance(0.2) ? { onAssert: true } : {}),
      ...(dice.chance(0.1) ? { nonRetryable: ['SIM_FAILED'] } : {}),
    };
  }
}

/** A chain as the body of a loop: few iterations, some with a wait between, some that reach their limit. */
function loopOf(body: StepDefinition[], dice: Dice): Omit<LoopStepDefinition, 'id' | 'dependencies'> {
  const iterations = dice.int(0, 3);
  const condition = dice.pick([
    { while: `iteration <= ${iterations}` },
    { until: `iteration >= ${iterations}` },
    { until: `last == null || iteration >= ${iterations}` },
  ]);
  return {
    type: 'loop',
    ...condition,
    body: readsIteration(body, dice.fork('reads')),
    maxIterations: dice.chance(0.2) ? 1 : 3,
    ...(dice.chance(0.5) ? { onMaxIterations: 'stop' as const } : {}),
    ...(dice.chance(0.4) ? { delayMs: dice.int(1, 5_000) } : {}),
    ...(dice.chance(0.3) ? { onFailure: 'continue' as const } : {}),
  };
}

/** A chain as what is done with each item: few items, some lists that are none, large or empty. */
function mapOf(id: string, steps: StepDefinition[], dice: Dice): Omit<MapStepDefinition, 'id' | 'dependencies'> {
  const quorum = dice.chance(0.2) ? dice.int(1, 3) : undefined;
  const [first, ...rest] = steps.map((step) => (dice.chance(0.5) ? withItem(step) : step));
  const row = {
    type: 'sequential' as const,
    id: `${id}row`,
    dependencies: [],
    steps: [...(first ? [first] : []), ...rest],
  };
  return {
    type: 'map',
    items: dice.pick([
      '[1, 2, 3]',
      '[params.n, {"pad": params.pad}, null, [params.n]]',
      '[params.pad, params.pad, params.pad, 4, 5, 6]',
      '[]',
      'params.n',
    ]),
    step: readsItem(rest.length === 0 && first !== undefined ? first : row, dice.fork('reads')),
    ...(dice.chance(0.6) ? { concurrency: dice.int(1, 3) } : {}),
    ...(quorum === undefined ? {} : { quorum }),
    ...(quorum === undefined && dice.chance(0.6)
      ? { onFailure: dice.pick(['failFast', 'waitAll', 'continue'] as const) }
      : {}),
  };
}

function withItem(step: StepDefinition): StepDefinition {
  return step.type === 'agent' ? { ...step, parameters: { item: '${{ item }}', i: '${{ index }}' } } : step;
}
