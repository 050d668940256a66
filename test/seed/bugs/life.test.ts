/** What the seed system got wrong about progress, events, agents and processes, and what this one does. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type RunError, WorkflowBuilder, type WorkflowProgress } from 'yardmaster';
import { TestMesh } from 'yardmaster/testing';
import { openStage, play } from './mesh.ts';

const two = new WorkflowBuilder('Two')
  .description('Two at once, then one')
  .parallel('p', {
    steps: [
      { id: 'a', action: 'a' },
      { id: 'b', action: 'b' },
    ],
  })
  .step('c', { action: 'c' })
  .build();

describe('bug 15, theirs: progress is told at the start of steps, of those seen so far, and never reaches 100', () => {
  test('ours: all steps are counted from the beginning, it only grows, and the last word is 100', async () => {
    await using stage = await openStage({ a: '1m', b: '2m', c: '1m' });
    const told: WorkflowProgress[] = [];
    stage.mesh.orchestrator.onProgress((progress) => void told.push(progress));
    const run = await play(stage.mesh, two);
    await run.result();
    expect(new Set(told.map(({ totalSteps }) => totalSteps))).toEqual(new Set([3]));
    const percentages = told.map(({ percentage }) => percentage);
    expect(percentages).toEqual(percentages.toSorted((a, b) => a - b));
    expect([...new Set(percentages)]).toEqual([0, 33, 66, 99, 100].filter((n) => percentages.includes(n)));
    expect(percentages).toEqual(expect.arrayContaining([0, 33, 66, 100]));
    expect(told.at(-1)).toMatchObject({ percentage: 100, completedSteps: 3, status: 'COMPLETED', executionId: run.id });
    expect(told.some(({ currentSteps }) => currentSteps.join() === 'a,b')).toBe(true);
  });
});

describe('bug 18, theirs: no error is ever told, pause, resume and cancel throw, and agents cannot leave or come back', () => {
  test('ours: onError hears of the step and of the run, with their ids', async () => {
    await using stage = await openStage({ a: 0, c: 0 });
    stage.worker.failWith('b', 'NO');
    const told: RunError[] = [];
    stage.mesh.orchestrator.onError((error) => void told.push(error));
    const run = await play(stage.mesh, two);
    await run.result();
    expect(
      told.map(({ name, executionId, stepId, code, agentId }) => [name, executionId, stepId, code, agentId]),
    ).toEqual([
      ['StepExecutionError', run.id, 'b', 'NO', 'worker'],
      ['WorkflowExecutionError', run.id, 'b', 'NO', 'worker'],
    ]);
  });

  test('ours: a run is paused, resumed and cancelled', async () => {
    await using stage = await openStage({ a: '1m', b: '1m', c: '1h' });
    const run = await play(stage.mesh, two, '30s');
    expect(await stage.mesh.orchestrator.pauseRun(run.id, 'lunch')).toBe(true);
    await stage.mesh.advance('10m');
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
    expect(await stage.mesh.orchestrator.resumeRun(run.id)).toBe(true);
    await stage.mesh.advance('1m');
    expect((await run.cancel()).accepted).toBe(true);
    await stage.mesh.advance('1m');
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 CANCELLED']);
    expect((await run.result()).status).toBe('CANCELLED');
  });

  test('ours: an agent that leaves finishes what it has', async () => {
    await using stage = await openStage({ a: '5s', b: '5s', c: '5s' });
    const run = await play(stage.mesh, two, '1s');
    const leaving = stage.worker.stop();
    await stage.mesh.advance('10s');
    await leaving;
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
    const next = stage.mesh.agent('next').setResponse('c', 3);
    await stage.mesh.advance('1m');
    expect(next.calls).toHaveLength(1);
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('ours: an agent that comes back is the same agent, with what it had or as a new process', async () => {
    await using stage = await openStage({ a: '20s', b: '20s', c: 0 });
    const cut = await play(stage.mesh, two, '5s');
    stage.worker.cut();
    await stage.mesh.advance('5s');
    stage.worker.mend();
    await stage.mesh.advance('1m');
    expect(cut).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
    stage.worker.restart();
    await stage.mesh.advance('1s');
    const again = await stage.mesh.startWorkflow('Two');
    await stage.mesh.advance('1m');
    expect(again).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
    expect(new Set([...cut.history(), ...again.history()].map(({ instance }) => instance)).size).toBe(2);
  });
});

describe('bug 19, theirs: policies fail open, weights do nothing, and health is what somebody once said', () => {
  test('ours: a step goes to no agent but those that it allows, and waits when there is none', async () => {
    await using mesh = await TestMesh.start();
    const anybody = mesh.agent('anybody').setResponse('read', 1);
    const workflow = new WorkflowBuilder('Read')
      .description('Only in the EU')
      .step('read', { action: 'read', labels: { region: 'eu' } })
      .build();
    const run = await play(mesh, workflow, '1h');
    expect(run).toHaveHistory([]);
    expect(await mesh.orchestrator.explainStep(run.id)).toMatchObject({
      waitReason: 'NO_AGENT',
      candidates: [expect.objectContaining({ agentId: 'anybody' })],
    });
    mesh.agent('european', { labels: { region: 'eu' } }).setResponse('read', 2);
    await mesh.advance('1m');
    expect(run.history().map(({ agent, outcome }) => `${agent} ${outcome}`)).toEqual(['european COMPLETED']);
    expect(anybody.calls).toEqual([]);
  });

  test('ours: work is spread over replicas by what each has room for', async () => {
    await using mesh = await TestMesh.start();
    const small = mesh.agent('reader', { slots: 1 }).setResponse('read', 1).setDelay('read', '1m');
    const large = mesh.agent('reader', { slots: 3 }).setResponse('read', 1).setDelay('read', '1m');
    const workflow = new WorkflowBuilder('Read')
      .description('Four at once')
      .parallel('all', { steps: [1, 2, 3, 4].map((n) => ({ id: `read-${n}`, action: 'read' })) })
      .build();
    const run = await play(mesh, workflow);
    expect([small.calls.length, large.calls.length]).toEqual([1, 3]);
    expect(new Set(run.history().map(({ startedAt }) => startedAt)).size).toBe(1);
  });

  test('ours: the status of an agent is that of its connection', async () => {
    await using mesh = await TestMesh.start();
    const worker = mesh.agent('worker').setResponse('a', 1);
    await mesh.settle();
    await mesh.orchestrator.ready();
    const statusOf = async () => {
      await mesh.advance('2s');
      return mesh.orchestrator.getAgent('worker')?.status;
    };
    expect(await statusOf()).toBe('READY');
    worker.cut();
    expect(await statusOf()).toBe('UNREACHABLE');
    worker.mend();
    await mesh.advance('20s');
    expect(await statusOf()).toBe('READY');
    worker.crash();
    await mesh.advance('1m');
    expect(await statusOf()).toBe('LOST');
  });
});

describe('bug 20, theirs: timers are never cleared and losers never stopped; retries have no jitter and no filter', () => {
  test('ours: nothing of a timeout is left when the step ends before it', async () => {
    await using stage = await openStage({ a: '1s', b: '1s', c: '1s' });
    const workflow = new WorkflowBuilder('Quick')
      .description('Ends long before its timeouts')
      .timeout('1d')
      .step('a', { action: 'a', timeout: '1h', totalTimeout: '2h', queueTimeout: '3h', heartbeatTimeout: '30m' })
      .build();
    const run = await play(stage.mesh, workflow, '5s');
    expect((await run.result()).status).toBe('COMPLETED');
    expect(stage.mesh.data.tasks.size).toBe(0);
    const { length } = run.journal();
    await stage.mesh.advance('2d');
    expect(run.journal()).toHaveLength(length);
  });

  test('ours: a process ends when its orchestrator is closed, whatever timeouts its workflow had', async () => {
    const out = await new Promise<string>((resolve, reject) => {
      const args = ['--conditions=source', fileURLToPath(new URL('quick-process.ts', import.meta.url))];
      // Killed after a minute, long before the timers of an hour: then this rejects.
      execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
    });
    expect(out.trim()).toBe('COMPLETED');
  });

  test('ours: backoffs of steps that fail together differ, and what is final is not tried again', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').failWith('busy', 'BUSY').failWith('wrong', 'WRONG');
    const retry = { tries: 2, backoff: '1m', nonRetryable: ['WRONG'] };
    const workflow = new WorkflowBuilder('Herd')
      .description('Ten fail at once')
      .parallel('herd', {
        steps: [
          { id: 'wrong', action: 'wrong', retry },
          ...Array.from({ length: 10 }, (_, i) => ({ id: `busy-${i}`, action: 'busy', retry })),
        ],
      })
      .build();
    const run = await play(mesh, workflow);
    const seconds = run.history().filter(({ number }) => number === 2);
    expect(seconds.map(({ path }) => path).toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `busy-${i}`));
    expect(new Set(seconds.map(({ startedAt }) => startedAt)).size).toBe(10);
  });
});

describe('bug 21, theirs: a listener that goes away silences its neighbour, and what async listeners throw is lost', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('ours: the others hear everything, and faults of listeners are warnings of the process', async () => {
    const warnings: string[] = [];
    vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
    await using stage = await openStage({ a: '1m', b: '2m', c: '1m' });
    const { orchestrator } = stage.mesh;
    const heard: Record<'once' | 'neighbour' | 'last', number> = { once: 0, neighbour: 0, last: 0 };
    const stop = orchestrator.onProgress(() => {
      heard.once += 1;
      stop();
    });
    orchestrator.onProgress(() => {
      heard.neighbour += 1;
    });
    orchestrator.onProgress(async () => {
      await Promise.resolve();
      throw new Error('careless');
    });
    orchestrator.onProgress(() => {
      heard.last += 1;
    });
    await (await play(stage.mesh, two)).result();
    expect(heard.once).toBe(1);
    expect(heard.neighbour).toBeGreaterThan(3);
    expect(heard.last).toBe(heard.neighbour);
    expect(warnings).toHaveLength(heard.last);
    expect(warnings[0]).toContain('careless');
  });
});

describe('bug 23, theirs: lint is an echo, a dependency is unused, others are paths, and open handles are hidden', () => {
  interface Manifest {
    readonly scripts: Readonly<Record<string, string>>;
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly peerDependencies?: Readonly<Record<string, string>>;
  }
  const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));

  test('ours: scripts do something, and none hides what is left open', () => {
    const commands = Object.values(manifest.scripts);
    expect(commands.filter((command) => /^(?:echo|true|exit)\b|forceExit|passWithNoTests/.test(command))).toEqual([]);
    expect(readFileSync('scripts/run-checks.ts', 'utf8')).toContain("'biome'");
  });

  test('ours: every dependency is a version, and the sources import it', () => {
    const { dependencies, devDependencies, peerDependencies = {} } = manifest;
    const versions = Object.values({ ...dependencies, ...devDependencies, ...peerDependencies });
    expect(versions.filter((version) => /^(?:file|link|git|http)/.test(version))).toEqual([]);
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`src/${name}`, 'utf8'));
    const unused = Object.keys(dependencies).filter(
      (name) =>
        !sources.some((text) => text.includes(`'${name}'`) || text.includes(`'${name}/`) || text.includes(`"${name}`)),
    );
    expect(unused).toEqual([]);
  });
});
