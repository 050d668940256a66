/** Every reason why a step waits can be reached, is the same in both calls, and is told with what to do. */
import { expect, test } from 'vitest';
import type { WaitReason } from '../../../src/client/statuses.ts';
import { WaitReason as WireWaitReason } from '../../../src/gen/yardmaster/v1/step_state_pb.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { child, flow, loop, parallel, step } from '../../unit/engine/flow.ts';

interface Waiting {
  readonly mesh: TestMesh;
  readonly run: TestRun;
  readonly path: string;
}

interface Case {
  readonly name: string;
  readonly arrange: (mesh: TestMesh) => Promise<Waiting>;
  readonly summary: RegExp;
  readonly next: RegExp;
  /** Default: the same as in ExplainStep. */
  readonly inRun?: WaitReason;
}

async function start(mesh: TestMesh, path: string, ...given: Parameters<typeof flow>): Promise<Waiting> {
  const run = await mesh.startWorkflow(flow(...given));
  await mesh.settle();
  return { mesh, run, path };
}

const cases: Readonly<Record<Exclude<WaitReason, 'NONE' | 'UNKNOWN'>, readonly Case[]>> = {
  CHILD: [
    {
      name: 'the run of another workflow',
      arrange: async (mesh) => {
        mesh.agent('loader').setResponse('load', 1).setDelay('load', '1h');
        await mesh.registerWorkflow(flow([step('load')], { name: 'Inner' }));
        return start(mesh, 'inner', [child('inner', 'Inner')]);
      },
      summary: /^waits for run \w{26} of "Inner"$/,
      next: /^yardmaster runs get \w+$/,
    },
  ],
  NO_AGENT: [
    {
      name: 'nobody offers it',
      arrange: (mesh) => start(mesh, 'load', [step('load')]),
      summary: /^NO_AGENT: no live agent offers load$/,
      next: /^start an agent that offers load$/,
    },
    {
      name: 'only another agent or another version does',
      arrange: (mesh) => {
        mesh.agent('other').setResponse('load', 1);
        return start(mesh, 'load', [step('load', { agentId: 'loader', labels: { region: 'eu' } })]);
      },
      summary: /^NO_AGENT: no live agent is loader and offers load$/,
      next: /^start an agent that is loader and offers load, region=eu$/,
    },
    {
      name: 'only with another label',
      arrange: (mesh) => {
        mesh.agent('other').setResponse('load', 1);
        return start(mesh, 'load', [step('load', { labels: { region: 'eu' } })]);
      },
      summary: /^NO_AGENT: no live agent offers load, region=eu: other\/\w{4} no region$/,
      next: /^start an agent that offers load, region=eu$/,
    },
    {
      name: 'only in another version',
      arrange: (mesh) => {
        mesh.agent('other').setResponse('load', 1);
        return start(mesh, 'load', [step('load', { version: '^1.2' })]);
      },
      summary: /^NO_AGENT: no live agent offers load \^1\.2: other\/\w{4} load@unversioned$/,
      next: /^start an agent that offers load \^1\.2$/,
    },
  ],
  NO_SLOT: [
    {
      name: 'all are busy',
      arrange: (mesh) => {
        mesh.agent('loader', { slots: 1 }).setResponse('load', 1).setDelay('load', '1h').setResponse('last', 1);
        return start(mesh, 'last', [parallel('p', [step('load'), step('last')])]);
      },
      summary: /^busy: 1 can take it, none has a free slot$/,
      next: /^wait, or more slots on loader$/,
    },
    {
      name: 'the only one that offers it is out of reach',
      arrange: async (mesh) => {
        const loader = mesh.agent('loader').setResponse('load', 1);
        await mesh.settle();
        loader.cut();
        await mesh.advance('1s');
        return start(mesh, 'load', [step('load')]);
      },
      summary: /^takes no work now: loader\/\w{4} UNREACHABLE$/,
      next: /^wait, or start another agent that offers load$/,
    },
  ],
  BACKOFF: [
    {
      name: 'the next try of a step',
      arrange: (mesh) => {
        mesh.agent('loader').failWith('load', 'ONCE', { times: 1 }).setResponse('load', 1);
        return start(mesh, 'load', [
          step('load', { retry: { tries: 2, backoff: '5m', maxBackoff: '5m', jitter: false } }),
        ]);
      },
      summary: /^waits until 2026-01-01T00:05:00Z for try 2 of 2 after ONCE$/,
      next: /^yardmaster runs watch \w{8}$/,
    },
    {
      name: 'the next iteration of a loop',
      arrange: (mesh) => {
        mesh.agent('poller').setResponse('check', 1);
        return start(mesh, 'poll', [loop('poll', [step('check')], { until: 'false', delay: '5m' })]);
      },
      summary: /^waits until 2026-01-01T00:05:00Z for its next iteration$/,
      next: /^yardmaster runs watch \w{8}$/,
    },
  ],
  AGENT_UNREACHABLE: [
    {
      name: 'its agent gives no sign',
      arrange: async (mesh) => {
        const loader = mesh.agent('loader').setResponse('load', 1).setDelay('load', '1h');
        const waiting = await start(mesh, 'load', [step('load')]);
        loader.cut();
        await mesh.advance('1s');
        return waiting;
      },
      summary: /^its agent loader\/\w{4} is out of reach; it may come back with the step until it counts as lost$/,
      next: /^yardmaster agents get loader$/,
    },
  ],
  STOPPING: [
    {
      name: 'an attempt over its time has not said that it stopped',
      arrange: async (mesh) => {
        // Takes no notice of being told to stop.
        mesh.agent('loader').setResponse('load', () => mesh.sleep('1h'));
        const waiting = await start(mesh, 'load', [
          step('load', { timeout: '1m', retry: { tries: 2, backoff: 0, jitter: false } }),
        ]);
        await mesh.advance('61s');
        return waiting;
      },
      summary: /^attempt 1 on loader\/\w{4} was told to stop and has not said that it did$/,
      next: /^yardmaster agents get loader$/,
    },
    {
      name: 'a step of a run that was cancelled',
      arrange: async (mesh) => {
        mesh.agent('loader').setResponse('load', () => mesh.sleep('1h'));
        const waiting = await start(mesh, 'load', [step('load')]);
        await waiting.run.cancel();
        return waiting;
      },
      summary: /^was told to stop; loader\/\w{4} may answer until 2026-01-01T00:00:10Z$/,
      next: /^yardmaster agents get loader$/,
    },
  ],
  BLOCK_CONCURRENCY: [
    {
      name: 'its block runs as many as it may',
      arrange: (mesh) => start(mesh, 'b', [parallel('p', [step('a'), step('b')], { concurrency: 1 })]),
      summary: /^its block p runs 1 of its steps at once, as many as it may$/,
      next: /^wait, or a higher concurrency of p$/,
    },
  ],
  RUN_QUEUED: [
    {
      name: 'its run waits for its turn',
      arrange: async (mesh) => {
        mesh.agent('loader').setResponse('load', 1).setDelay('load', '1h');
        await start(mesh, 'load', [step('load')], { concurrency: 1 });
        return start(mesh, 'load', [step('load')], { concurrency: 1 });
      },
      summary: /^its run is number 1 of 1 that wait: 1 of "\w+" are active, at most 1 at once$/,
      next: /^wait, or raise the concurrency of its workflow$/,
      inRun: 'NONE',
    },
  ],
  CONCURRENCY_KEY: [
    {
      name: 'another attempt has its key',
      arrange: async (mesh) => {
        mesh.agent('loader').setResponse('load', 1).setDelay('load', '1h');
        await start(mesh, 'load', [step('load', { concurrencyKey: 'db' })]);
        return start(mesh, 'load', [step('load', { concurrencyKey: 'db' })]);
      },
      summary: /^CONCURRENCY_KEY "db": 1 of 1 run$/,
      next: /^wait until an attempt that has its key ends$/,
    },
  ],
  PAUSED: [
    {
      name: 'a step that was queued',
      arrange: async (mesh) => {
        const waiting = await start(mesh, 'load', [step('load')]);
        await mesh.orchestrator.pauseRun(waiting.run.id);
        return waiting;
      },
      summary: /^PAUSED: its run is paused$/,
      next: /^yardmaster runs resume \w{8}$/,
    },
    {
      name: 'a step that would begin now',
      arrange: async (mesh) => {
        mesh.agent('loader').setResponse('load', 1).setDelay('load', '1s');
        const waiting = await start(mesh, 'then', [step('load'), step('then')]);
        await mesh.orchestrator.pauseRun(waiting.run.id);
        await mesh.advance('2s');
        return waiting;
      },
      summary: /^PAUSED: its run is paused$/,
      next: /^yardmaster runs resume \w{8}$/,
    },
  ],
  SIGNAL: [
    {
      name: 'somebody is asked',
      arrange: (mesh) =>
        start(mesh, 'ask', [
          { id: 'ask', type: 'signal', signal: 'go', title: 'Go?', answerers: ['ann'], timeout: '1h' },
        ]),
      summary: /^waits for signal "go" from ann until 2026-01-01T01:00:00Z: Go\?$/,
      next: /^yardmaster runs signal \w{8} go$/,
    },
  ],
  TIMER: [
    {
      name: 'a time',
      arrange: (mesh) => start(mesh, 'cool', [{ id: 'cool', type: 'wait', for: '5m' }]),
      summary: /^waits until 2026-01-01T00:05:00Z$/,
      next: /^yardmaster runs watch \w{8}$/,
    },
  ],
  DEPENDENCY: [
    {
      name: 'what is before it',
      arrange: (mesh) => start(mesh, 'report', [parallel('p', [step('a')]), step('report')]),
      summary: /^waits for the end of p$/,
      next: /^yardmaster runs explain \w{8} p$/,
      inRun: 'NONE',
    },
    {
      name: 'the block that it is in',
      arrange: (mesh) => start(mesh, 'b', [step('a'), parallel('p', [step('b')])]),
      summary: /^waits until p, which it is in, begins$/,
      next: /^yardmaster runs explain \w{8} p$/,
      inRun: 'NONE',
    },
    {
      name: 'cleanup before the end of the body',
      arrange: (mesh) => start(mesh, 'tidy', [step('a')], { finally: [step('tidy')] }),
      summary: /^is cleanup: it waits for the end of the body$/,
      next: /^yardmaster runs get \w{8}$/,
      inRun: 'NONE',
    },
  ],
};

test('every reason of the API has a case', () => {
  const names = Object.keys(WireWaitReason).filter((name) => !/^\d+$/.test(name) && name !== 'UNSPECIFIED');
  expect(Object.keys(cases).sort()).toEqual(names.sort());
});

test.each(Object.entries(cases).flatMap(([reason, list]) => list.map((each) => ({ reason, ...each }))))(
  '$reason: $name',
  async ({ reason, arrange, summary, next, inRun = reason }) => {
    await using mesh = await TestMesh.start();
    const { run, path } = await arrange(mesh);
    const explained = await mesh.orchestrator.explainStep(run.id, path);
    expect(explained.waitReason).toBe(reason);
    expect(explained.summary).toMatch(summary);
    expect(explained.next).toMatch(next);
    const { steps } = await mesh.orchestrator.getRun(run.id);
    expect(steps.find((each) => each.path === path)?.waitReason).toBe(inRun);
  },
);

test('a step that does not wait says what it does', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('loader').setResponse('load', 1).setDelay('load', '1h').setResponse('first', 1);
  const { run } = await start(mesh, 'load', [step('first'), step('load')]);
  const told = async (path: string) => {
    const { waitReason, summary, next } = await mesh.orchestrator.explainStep(run.id, path);
    return [waitReason, summary.replace(/\/\w{4} /, '/x '), next.replace(/\w{8}$/, 'RUN')];
  };
  expect(await told('first')).toEqual(['NONE', 'first is COMPLETED', 'yardmaster runs get RUN']);
  expect(await told('load')).toEqual([
    'NONE',
    'runs on loader/x since 2026-01-01T00:00:00Z',
    'yardmaster runs watch RUN',
  ]);
});
