/** Random workflows over what the engine can do. */
import type {
  LoopStepDefinition,
  SequentialStepDefinition,
  StepCommon,
  StepDefinition,
  WorkflowDefinition,
} from '../../src/workflow/definition.ts';
import type { Dice } from './dice.ts';
import { readsIteration, vary } from './variations.ts';

export interface WorkflowSettings {
  readonly actions: readonly string[];
  /** Agents that offer an action. */
  readonly agentFor: (action: string) => readonly string[];
  readonly stepsMax: number;
}

const DEPTH_MAX = 3;
/** What steps wait for; `guarded` has an answerer. */
export const SIGNALS = ['go', 'stop', 'guarded'] as const;

export function makeWorkflow(dice: Dice, name: string, settings: WorkflowSettings): WorkflowDefinition {
  const maker = new Maker(dice, settings);
  const steps = maker.siblings(dice.int(1, settings.stepsMax), 0, 'graph');
  const hasFinally = dice.chance(0.25);
  const leaves = hasFinally ? maker.siblings(dice.int(1, 2), DEPTH_MAX, 'graph') : [];
  const cleanup = [...leaves, ...cleanupBlocks(dice.fork('cleanup'), settings)];
  return {
    name,
    steps,
    ...(cleanup.length > 0 ? { finally: cleanup } : {}),
    ...(dice.chance(0.15) ? { timeoutMs: dice.int(5_000, 60_000), cleanupTimeoutMs: dice.int(1_000, 20_000) } : {}),
    ...(dice.chance(0.2) ? { priority: dice.pick(['low', 'high', 'critical'] as const) } : {}),
    ...(dice.chance(0.5) ? { output: { last: `\${{ steps.${steps.at(-1)?.id}.output }}` } } : {}),
  };
}

/** Some workflows clean up with blocks. */
function cleanupBlocks(dice: Dice, settings: WorkflowSettings): readonly StepDefinition[] {
  if (!dice.chance(0.12)) return [];
  return new Maker(dice, { ...settings, stepsMax: 3 }, 'f').siblings(dice.int(1, 2), 1, 'graph');
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
      steps.push(this.step(dependencies, depth));
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
      const agent = { ...common, type: 'agent' as const, ...this.agentPart(dependencies) };
      const computes = dice.fork(`set ${id}`).chance(0.1);
      return this.waitPart(common) ?? (computes ? this.computed(agent.id, common, dependencies) : agent);
    }
    const children = dice.int(1, 4);
    if (dice.chance(0.4)) {
      const steps = this.siblings(children, depth + 1, 'chain');
      const forLoop = dice.fork(`loop ${id}`);
      if (forLoop.chance(0.4)) return { ...common, ...loopOf(steps, forLoop) };
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
    const beside = (name: string): StepDefinition[] =>
      new Maker(dice.fork(name), { ...this.settings, stepsMax: 2 }, `${row.id}${name}`).siblings(
        dice.int(0, 2),
        depth + 1,
        'chain',
      );
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
