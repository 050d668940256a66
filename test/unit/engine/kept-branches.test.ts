/** What another try does with a choice that was made, in both ways: the next try of a run, and a run that is a retry. */
import { describe, expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

const WAYS = ['the next try of a run', 'a run that is a retry'] as const;

interface Told {
  readonly output: unknown;
  /** What another try starts, opens with a branch, and leaves out. */
  readonly after: readonly string[];
}

/** Every action answers with its name; those of `broken` fail once. */
function worker(mesh: TestMesh, actions: string, ...broken: readonly string[]): void {
  const agent = mesh.agent('worker', { slots: 5 });
  for (const action of actions.split(' ')) {
    if (broken.includes(action)) agent.failWith(action, 'BROKEN', { times: 1 });
    agent.setResponse(action, action);
  }
}

async function again(
  mesh: TestMesh,
  way: (typeof WAYS)[number],
  steps: readonly Source[],
  output: string,
): Promise<Told> {
  const isSame = way === 'the next try of a run';
  const old = await mesh.startWorkflow(flow(steps, { output, ...(isSame && { retries: 1 }) }));
  await mesh.advance('3m');
  const run = isSame ? old : await retry(mesh, old);
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  await expectReplay(mesh, run);
  const from = isSame ? run.journal().findIndex(({ type }) => type === 'RunTryStarted') : 0;
  const after = run
    .journal()
    .slice(from)
    .flatMap((event) => {
      if (event.type === 'AttemptStarted') return [event.path];
      if (event.type === 'BlockStarted' && event.branch !== undefined) return [`${event.path} chooses ${event.branch}`];
      if (event.type === 'StepSkipped' && event.reason === 'BRANCH') return [`${event.path} is left out`];
      return [];
    });
  return { output: result.output, after };
}

async function retry(mesh: TestMesh, old: TestRun): Promise<TestRun> {
  expect((await old.result()).status).toBe('FAILED');
  return mesh.retryRun(old.id);
}

const OUTPUT = '${{ steps.c.output }}';

/** True at first, and no longer when the run, or the next one, is tried again: `slow` takes a minute. */
function atFirst(mesh: TestMesh): string {
  return `now < timestamp("${new Date(mesh.clock.now() + 30_000).toISOString()}")`;
}

describe.each(WAYS)('%s', (way) => {
  test('a condition that COMPLETED gives what its branch gave, and nothing of it runs again', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'a b x last', 'last');
    const told = await again(
      mesh,
      way,
      [
        { id: 'c', type: 'condition', if: 'false', then: [step('x')], else: [step('a'), step('b')] },
        step('last', { parameters: { of: OUTPUT, status: '${{ steps.c.status }}' } }),
      ],
      OUTPUT,
    );
    expect(told).toEqual({ output: 'b', after: ['last'] });
  });

  test('so does a switch, also inside of a sequential and with a branch that is empty', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'a b last', 'last');
    const pick = {
      id: 'pick',
      type: 'switch',
      switch: '2',
      cases: [
        { equals: 1, steps: [step('a')] },
        { equals: 2, steps: [step('b')] },
      ],
    };
    const none = { id: 'none', type: 'condition', if: 'false', then: [step('never')] };
    const told = await again(
      mesh,
      way,
      [sequential('c', [pick]), none, step('last')],
      '${{ [steps.c.output, default(steps.none.output, "nothing")] }}',
    );
    expect(told.after).toEqual(['last']);
    expect(told.output).toEqual(['b', null]);
  });

  test('a condition that did not stays in its branch, although it would choose the other one', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'a b never', 'b');
    mesh.agent('slow').setResponse('slow', 1).setDelay('slow', '1m');
    const branches = { then: [step('a'), step('slow'), step('b')], else: [step('never')] };
    const told = await again(mesh, way, [{ id: 'c', type: 'condition', if: atFirst(mesh), ...branches }], OUTPUT);
    expect(told).toEqual({ output: 'b', after: ['c chooses 0', 'never is left out', 'b'] });
  });

  test('one in whose branch nothing is done chooses anew', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'other');
    mesh.agent('slow').setDelay('slow', '1m').failWith('slow', 'BROKEN');
    const branches = { then: [step('slow')], else: [step('other')] };
    const told = await again(mesh, way, [{ id: 'c', type: 'condition', if: atFirst(mesh), ...branches }], OUTPUT);
    expect(told).toEqual({ output: 'other', after: ['c chooses 1', 'slow is left out', 'other'] });
  });

  test('a choice in an iteration that goes on is kept with it', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'a b x', 'b');
    const inside = {
      id: 'c',
      type: 'condition',
      if: 'iteration == 1',
      then: [step('x')],
      else: [step('a')],
    };
    const told = await again(
      mesh,
      way,
      [
        loop(
          'l',
          [
            inside,
            step('b', { when: 'iteration == 2', parameters: { of: OUTPUT } }),
            parallel('p', [step('d', { action: 'a' })]),
          ],
          { until: 'iteration >= 2' },
        ),
      ],
      '${{ steps.l.output }}',
    );
    expect(told).toEqual({ output: { d: 'a' }, after: ['l/2/b', 'l/2/d'] });
  });
});
