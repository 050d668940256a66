/** Random workflows, agents, accidents, cancels and crashes: whatever happens, these hold. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { type MockAgent, TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, sequential, step } from '../../unit/engine/flow.ts';

type Source = Readonly<Record<string, unknown>>;

class Dice {
  readonly #random;
  #ids = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  oneOf<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined) throw new Error('an empty list');
    return chosen;
  }

  steps(count: number, depth: number): readonly Source[] {
    const steps: Source[] = [];
    for (let i = 0; i < count; i++) {
      const ids = steps.map(({ id }) => id);
      const edges = this.chance(0.4) ? { dependencies: ids.filter(() => this.chance(0.4)) } : {};
      const rules = {
        ...edges,
        ...(this.chance(0.15) ? { when: this.oneOf(['true', 'false']) } : {}),
        ...(this.chance(0.2) ? { runOn: this.oneOf(['always', 'failure']) } : {}),
        ...(this.chance(0.1) ? { totalTimeout: '20s' } : {}),
      };
      steps.push(this.chance(0.35) && depth > 0 ? this.block(rules, depth - 1) : this.agentStep(rules));
    }
    return steps;
  }

  block(rules: Source, depth: number): Source {
    const id = `b${this.#ids++}`;
    const children = this.steps(1 + this.below(4), depth);
    if (this.chance(0.4))
      return sequential(id, children, { ...rules, ...(this.chance(0.2) ? { onFailure: 'continue' } : {}) });
    const onFailure = this.oneOf(['failFast', 'waitAll', 'continue']);
    return parallel(id, children, {
      ...rules,
      onFailure,
      ...(this.chance(0.5) ? { concurrency: 1 + this.below(3) } : {}),
    });
  }

  agentStep(rules: Source): Source {
    return step(`s${this.#ids++}`, {
      ...rules,
      action: this.oneOf(['fine', 'fine', 'slow', 'flaky', 'broken', 'hangs']),
      retry: { tries: 1 + this.below(3), backoff: '1s' },
      timeout: this.oneOf(['8s', '1m']),
      idempotent: this.chance(0.5),
      ...(this.chance(0.2) ? { onFailure: 'continue' } : {}),
      ...(this.chance(0.2) ? { heartbeatTimeout: '5s' } : {}),
    });
  }
}

function prepare(mesh: TestMesh, dice: Dice) {
  const agents = mesh.agents('worker', 3, { slots: 2 });
  for (const agent of agents) {
    agent.setResponse('fine', 1).setResponse('slow', 2).setDelay('slow', '3s').failWith('broken', 'BROKEN');
    agent.setResponse('hangs', 3).setDelay('hangs', Number.POSITIVE_INFINITY);
    agent.setResponse('flaky', () => {
      if (dice.chance(0.5)) throw new Error('flaky');
      return 4;
    });
  }
  return agents;
}

function heal(agents: readonly MockAgent[]): void {
  for (const agent of agents) {
    agent.mend();
    agent.release();
  }
}

/** No step starts before its dependencies ended, none has two live attempts that are not idempotent, numbers only grow. */
function expectOrder(run: TestRun, definition: readonly Source[]): void {
  const dependencies = new Map<string, readonly string[]>();
  const collect = (steps: readonly Source[], isChain: boolean): void => {
    steps.forEach((each, i) => {
      const above = isChain && i > 0 ? [String(steps[i - 1]?.id)] : [];
      dependencies.set(String(each.id), (each.dependencies as readonly string[] | undefined) ?? above);
      if (each.steps !== undefined) collect(each.steps as readonly Source[], each.type === 'sequential');
    });
  };
  collect(definition, true);
  const ended = new Set<string>();
  const started = new Set<string>();
  const live = new Map<string, number>();
  const last = new Map<string, number>();
  for (const event of run.journal()) {
    if (event.type === 'StepReady' || event.type === 'BlockStarted') {
      expect(started.has(event.path)).toBe(false);
      started.add(event.path);
      for (const dependency of dependencies.get(event.path) ?? []) expect(ended).toContain(dependency);
    }
    if (
      event.type === 'StepCompleted' ||
      event.type === 'StepFailed' ||
      event.type === 'StepSkipped' ||
      event.type === 'StepCancelled'
    ) {
      expect(ended.has(event.path)).toBe(false);
      ended.add(event.path);
    }
    if (event.type === 'AttemptStarted') {
      expect(event.number).toBe((last.get(event.path) ?? 0) + 1);
      last.set(event.path, event.number);
      live.set(event.path, (live.get(event.path) ?? 0) + 1);
      expect(live.get(event.path)).toBeLessThanOrEqual(event.idempotent ? 2 : 1);
    }
    if (event.type === 'AttemptEnded') live.set(event.path, (live.get(event.path) ?? 0) - 1);
  }
  expect(run.journal().filter(({ type }) => type === 'RunEnded')).toHaveLength(1);
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i', async (seed) => {
  const dice = new Dice(seed);
  await using mesh = await TestMesh.start({ seed });
  const agents = prepare(mesh, dice);
  const steps = dice.steps(2 + dice.below(5), 3);
  const cleanup = dice.chance(0.4)
    ? { finally: [step('tidy', { action: 'fine' }), step('more', { action: 'flaky' })] }
    : {};
  const run = await mesh.startWorkflow(flow(steps, { timeout: '10m', cleanupTimeout: '2m', ...cleanup }));
  for (let i = 0; i < 30; i++) {
    const accident = dice.below(14);
    if (accident === 0) dice.oneOf(agents).cut();
    else if (accident === 1) dice.oneOf(agents).hold();
    else if (accident === 2) dice.oneOf(agents).restart();
    else if (accident === 3) await mesh.restart();
    else if (accident === 4 && dice.chance(0.1)) await run.cancel();
    else if (accident < 8) heal(agents);
    await mesh.advance(dice.oneOf(['200ms', '1s', '7s', '40s']));
    await expectReplay(mesh, run);
  }
  heal(agents);
  await mesh.advance('30m');
  const { steps: ends } = await run.result();
  await expectReplay(mesh, run);
  expect(ends.filter(({ status }) => status === 'PENDING' || status === 'READY' || status === 'RUNNING')).toEqual([]);
  expectOrder(run, steps);
  expect(mesh.data.tasks.size).toBe(0);
  const instances = mesh.controlPlane.listAgents('default').flatMap((agent) => agent.instances);
  expect(instances.filter(({ status }) => status === 'READY').map(({ slotsUsed }) => slotsUsed)).toEqual([0, 0, 0]);
});
