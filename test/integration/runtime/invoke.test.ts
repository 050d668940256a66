/** Handlers that call other agents through the mesh. */
import { describe, expect, test } from 'vitest';
import { CallFailed, StepError } from '../../../src/agent-sdk/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';
import { ASKING, callsOf, endsOf, ordersOf } from './call-stage.ts';

test('a handler calls another agent and gets what that one returned', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('echo')
    .setResponse('echo', (input) => ({ got: input }))
    .setDelay('echo', '3s');
  mesh
    .agent('caller')
    .setResponse('ask', async (_, { invoke }) => ({ answer: await invoke('echo', { n: 1 }, { key: 'one' }) }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['ask#1 OPEN']);
  expect(endsOf(mesh)).toEqual(['call/echo RUNNING']);
  await mesh.advance('2s');
  expect((await run.result()).output).toEqual({ answer: { got: { n: 1 } } });
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(ordersOf(mesh)).toEqual([['start call#1 echo', 'end call#1 COMPLETED']]);
  expect(callsOf(mesh).map(({ parentRunId, parentStep }) => [parentRunId, parentStep])).toEqual([[run.id, 'ask']]);
  expect(mesh.data.tasks.size).toBe(0);
  await expectReplay(mesh, run);
});

test('input and output of any size and any kind of JSON go there and back', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('echo').setResponse('echo', (input) => input);
  const values = ['text', 7, null, [1, 2], 'k'.repeat(10_000), 'M'.repeat(limits.parametersBytesMax - 100), undefined];
  const answers: unknown[] = [];
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    for (const [i, value] of values.entries()) answers.push(await invoke('echo', value, { key: `${i}` }));
  });
  const run = await mesh.startWorkflow(ASKING);
  expect((await run.result()).status).toBe('COMPLETED');
  // What is not given is an empty object, as of a step without parameters.
  expect(answers).toEqual([...values.slice(0, -1), {}]);
});

test('a second attempt of the step attaches to the call that the first one made', async () => {
  await using mesh = await TestMesh.start();
  const callee = mesh.agent('callee').setResponse('costly', 'paid once').setDelay('costly', '1m');
  const [first, second] = mesh.agents('caller', 2, { idempotent: ['ask'] });
  for (const caller of [first, second])
    caller.setResponse('ask', (_, { invoke }) => invoke('costly', { for: 'you' }, { key: 'the bill' }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('10s');
  (first.calls.length > 0 ? first : second).crash();
  await mesh.advance('10s');
  expect(run.order()).toEqual(['start ask#1 caller', 'start ask#2 caller']);
  await mesh.advance('50s');
  expect((await run.result()).output).toBe('paid once');
  expect(callee.calls).toHaveLength(1);
  expect(endsOf(mesh)).toEqual(['call/costly COMPLETED']);
  expect(run).toHaveHistory(['ask#1 LOST', 'ask#2 COMPLETED']);
});

test('an attempt after a failure of the handler gets the answer of a call that has ended', async () => {
  await using mesh = await TestMesh.start();
  const callee = mesh.agent('callee').setResponse('costly', (_, { attempt }) => attempt.runId);
  let tries = 0;
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    const answer = await invoke('costly', {}, { key: 'k' });
    tries += 1;
    if (tries === 1) throw new Error('forgot it');
    return answer;
  });
  const run = await mesh.startWorkflow(flow([step('ask', { retries: 1 })], { output: '${{ steps.ask.output }}' }));
  await mesh.advance('1m');
  expect(run).toHaveHistory(['ask#1 FAILED', 'ask#2 COMPLETED']);
  expect(callee.calls).toHaveLength(1);
  expect((await run.result()).output).toBe(callsOf(mesh)[0]?.runId);
});

test('a callee that is lost is replaced, and the caller only waits', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('callee', 2, { slots: 1 });
  for (const callee of [first, second]) callee.setResponse('work', 'done').setDelay('work', '20s');
  mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('5s');
  (first.calls.length > 0 ? first : second).crash();
  await mesh.advance('2m');
  expect((await run.result()).output).toBe('done');
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(ordersOf(mesh)).toEqual([
    ['start call#1 callee', 'end call#1 LOST', 'start call#2 callee', 'end call#2 COMPLETED'],
  ]);
});

describe('the call ends with the step of the caller', () => {
  test('when its run is cancelled: the callee is told to stop', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('callee').setResponse('work', 'done').setDelay('work', Number.POSITIVE_INFINITY);
    mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
    const run = await mesh.startWorkflow(ASKING);
    await mesh.advance('5s');
    await run.cancel('no need');
    await mesh.advance('1s');
    expect(run).toHaveHistory(['ask#1 CANCELLED']);
    expect(ordersOf(mesh)).toEqual([['start call#1 callee', 'end call#1 CANCELLED']]);
    expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
  });

  test('when the attempt times out and there is no other', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('callee').setResponse('work', 'done').setDelay('work', '1h');
    mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k', timeout: '30m' }));
    const run = await mesh.startWorkflow(flow([step('ask', { timeout: '10s' })]));
    await mesh.advance('11s');
    expect(run).toHaveHistory(['ask#1 TIMED_OUT']);
    expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
    expect(ordersOf(mesh)).toEqual([['start call#1 callee', 'end call#1 CANCELLED']]);
  });

  test('when the handler returns without waiting for it', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('callee').setResponse('work', 'done').setDelay('work', '1h');
    mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
      invoke('work', {}, { key: 'k' }).catch(() => {});
      await mesh.sleep('5s');
      return 'bored';
    });
    const run = await mesh.startWorkflow(ASKING);
    await mesh.advance('6s');
    expect((await run.result()).output).toBe('bored');
    expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
  });

  test('and not before: it outlives an attempt that timed out, for the next one', async () => {
    await using mesh = await TestMesh.start();
    const callee = mesh.agent('callee').setResponse('work', 'done').setDelay('work', '15s');
    mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
    const retry = { tries: 2, backoff: '1s', jitter: false };
    const run = await mesh.startWorkflow(flow([step('ask', { timeout: '10s', retry })]));
    await mesh.advance('1m');
    expect(run).toHaveHistory(['ask#1 TIMED_OUT', 'ask#2 COMPLETED']);
    expect(callee.calls).toHaveLength(1);
  });

  test('in another try of the run the step has calls of its own', async () => {
    await using mesh = await TestMesh.start();
    const callee = mesh.agent('callee').setResponse('work', 'done');
    let tries = 0;
    mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
      await invoke('work', {}, { key: 'k' });
      tries += 1;
      if (tries === 1) throw new Error('not yet');
    });
    const run = await mesh.startWorkflow(flow([step('ask')], { retries: 1 }));
    await mesh.advance('1m');
    expect((await run.result()).status).toBe('COMPLETED');
    expect(endsOf(mesh)).toEqual(['call/work COMPLETED', 'call/work COMPLETED']);
    expect(callee.calls).toHaveLength(2);
  });
});

describe('a call that gives no answer throws', () => {
  async function failureOf(
    ask: (mesh: TestMesh, invoke: (key: string) => Promise<unknown>) => Promise<unknown>,
    callee: (mesh: TestMesh) => void = () => {},
    options: { readonly timeout?: string; readonly retries?: number } = {},
  ): Promise<{ readonly mesh: TestMesh; readonly error: unknown; readonly failure: unknown }> {
    const mesh = await TestMesh.start();
    callee(mesh);
    let error: unknown;
    mesh.agent('caller').setResponse('ask', async (_, ctx) => {
      try {
        return await ask(mesh, (key) => ctx.invoke('work', {}, { key, ...options }));
      } catch (thrown) {
        error = thrown;
        throw thrown;
      }
    });
    const run = await mesh.startWorkflow(ASKING);
    await mesh.advance('5m');
    return { mesh, error, failure: (await run.result()).error };
  }

  test('what the callee failed with, and fails the step with the same code', async () => {
    const { mesh, error, failure } = await failureOf(
      (_, invoke) => invoke('k'),
      (mesh) =>
        mesh.agent('callee').setResponse('work', () => {
          throw new StepError('NO_PAPER', 'the tray is empty', { details: { tray: 2 } });
        }),
    );
    await using _ = mesh;
    expect(error).toBeInstanceOf(CallFailed);
    expect(error).toMatchObject({
      code: 'NO_PAPER',
      message: 'Call "k" of "work" ended FAILED, NO_PAPER: the tray is empty',
      details: { tray: 2 },
      call: { capability: 'work', key: 'k', runId: callsOf(mesh)[0]?.runId, status: 'FAILED', agentId: 'callee' },
    });
    expect(failure).toMatchObject({ code: 'NO_PAPER', details: { tray: 2 } });
  });

  test('after the tries that it was given', async () => {
    const { mesh, error } = await failureOf(
      (_, invoke) => invoke('k'),
      (mesh) => mesh.agent('callee').failWith('work', 'BROKEN'),
      { retries: 2 },
    );
    await using _ = mesh;
    expect(error).toMatchObject({ code: 'BROKEN', call: { status: 'FAILED' } });
    expect(ordersOf(mesh)[0]?.filter((line) => line.startsWith('end'))).toEqual([
      'end call#1 FAILED',
      'end call#2 FAILED',
      'end call#3 FAILED',
    ]);
  });

  test('RUN_TIMEOUT when its own time is over, waiting for an agent included', async () => {
    const { mesh, error, failure } = await failureOf((_, invoke) => invoke('k'), undefined, { timeout: '20s' });
    await using _ = mesh;
    expect(error).toMatchObject({ code: 'RUN_TIMEOUT', call: { status: 'TIMED_OUT', agentId: '' } });
    expect(failure).toMatchObject({
      code: 'RUN_TIMEOUT',
      message: expect.stringMatching(/took longer than its timeout of [1-9]/),
    });
    expect(endsOf(mesh)).toEqual(['call/work TIMED_OUT']);
  });

  test('CANCELLED when somebody cancels it', async () => {
    const { mesh, error } = await failureOf(
      async (mesh, invoke) => {
        const answer = invoke('k');
        await mesh.sleep('1s');
        await mesh.orchestrator.cancelRun(callsOf(mesh)[0]?.runId ?? '', 'enough');
        return answer;
      },
      (mesh) => mesh.agent('callee').setResponse('work', 1).setDelay('work', '1h'),
    );
    await using _ = mesh;
    expect(error).toMatchObject({ code: 'CANCELLED', call: { status: 'CANCELLED' } });
  });

  test('the same failure again to every attempt: the key stands for one call', async () => {
    await using mesh = await TestMesh.start();
    const callee = mesh.agent('callee').failWith('work', 'BROKEN');
    mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
    const run = await mesh.startWorkflow(flow([step('ask', { retries: 2 })]));
    await mesh.advance('1m');
    expect(run).toHaveHistory(['ask#1 FAILED', 'ask#2 FAILED', 'ask#3 FAILED']);
    expect(callee.calls).toHaveLength(1);
    expect((await run.result()).error).toMatchObject({ code: 'BROKEN' });
  });

  test('CALL_KEY_REUSED under a key that has other input, another capability or another agent', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('callee').setResponse('work', 1).setResponse('other', 1);
    const codes: unknown[] = [];
    mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
      const code = (call: Promise<unknown>) =>
        call.then(
          () => 'fine',
          ({ code }) => code,
        );
      codes.push(await code(invoke('work', { n: 1 }, { key: 'k' })));
      codes.push(await code(invoke('work', { n: 2 }, { key: 'k' })));
      codes.push(await code(invoke('other', { n: 1 }, { key: 'k' })));
      codes.push(await code(invoke('work', { n: 1 }, { key: 'k', agentId: 'callee' })));
      codes.push(await code(invoke('work', { n: 1 }, { key: 'k', timeout: '1s' })));
    });
    const run = await mesh.startWorkflow(ASKING);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(codes).toEqual(['fine', 'CALL_KEY_REUSED', 'CALL_KEY_REUSED', 'CALL_KEY_REUSED', 'fine']);
    expect(callsOf(mesh)).toHaveLength(1);
  });

  test('CHILD_DEPTH where calls stand in calls too deep, and each on the way fails with it', async () => {
    await using mesh = await TestMesh.start();
    const again = mesh.agent('again', { slots: 50 });
    again.setResponse('ask', (_, { invoke }) => invoke('ask', {}, { key: 'k' }));
    const run = await mesh.startWorkflow(ASKING);
    await mesh.advance('1s');
    expect((await run.result()).error).toMatchObject({ code: 'CHILD_DEPTH' });
    expect(endsOf(mesh)).toEqual(Array.from({ length: limits.childDepthMax }, () => 'call/ask FAILED'));
    expect(again.calls).toHaveLength(limits.childDepthMax + 1);
  });

  test('CALL_LIMIT beyond what one step may have open, and the stop of the attempt to those that wait', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('callee').setResponse('work', 1).setDelay('work', '1h');
    const attempts: string[] = [];
    mesh.agent('caller').setResponse('ask', async (_, { attempt, signal }) => {
      attempts.push(`${attempt.runId}/${attempt.step}#${attempt.number}`);
      await mesh.sleep('1h', signal);
    });
    const run = await mesh.startWorkflow(ASKING);
    await mesh.advance('1s');
    const call = (key: string) =>
      mesh.controlPlane
        .invoke(
          {
            attemptId: attempts[0] ?? '',
            key,
            capability: 'work',
            agentId: '',
            version: '',
            labels: {},
            input: new Uint8Array([0x2a, 0]),
            timeoutMs: undefined,
            retries: 0,
          },
          new AbortController().signal,
        )
        [Symbol.asyncIterator]();
    const calls = Array.from({ length: limits.callsOpenMax + 1 }, (_, i) => call(`k${i}`));
    const firsts = await Promise.allSettled(calls.map((iterator) => iterator.next()));
    const refused = firsts.flatMap((first) => (first.status === 'rejected' ? [first.reason.code] : []));
    expect(refused).toEqual(['CALL_LIMIT']);
    const second = calls[0]?.next().then(undefined, ({ code }) => code);
    await run.cancel();
    await mesh.advance('1s');
    expect(await second).toBe('ATTEMPT_NOT_LIVE');
    expect(new Set(endsOf(mesh))).toEqual(new Set(['call/work CANCELLED']));
  });
});

test('a hundred calls of one handler: a few are under way at once, each is made once', async () => {
  await using mesh = await TestMesh.start();
  const callee = mesh.agent('callee', { slots: 100 });
  let running = 0;
  let most = 0;
  callee.setResponse('work', async ({ n }) => {
    running += 1;
    most = Math.max(most, running);
    await mesh.sleep('1s');
    running -= 1;
    return n * n;
  });
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    const all = Array.from({ length: 100 }, (_, n) => invoke('work', { n }, { key: `part ${n}` }));
    return (await Promise.all(all)).reduce((sum, n) => sum + n, 0);
  });
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('1m');
  expect((await run.result()).output).toBe(328_350);
  expect(most).toBe(limits.callsAtOnceMax);
  expect(callsOf(mesh)).toHaveLength(100);
  expect(callee.calls).toHaveLength(100);
});

test('a call goes on while the stream of its agent is cut, and while the control plane restarts', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', 'done').setDelay('work', '40s');
  const caller = mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('5s');
  caller.cut();
  await mesh.advance('5s');
  caller.mend();
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('1m');
  expect((await run.result()).output).toBe('done');
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(ordersOf(mesh)).toEqual([['start call#1 callee', 'end call#1 COMPLETED']]);
});

test('the progress of the callee is told to the caller', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', async (_, ctx) => {
    ctx.progress(0.5, 'halfway');
    await mesh.sleep('2s');
    return 1;
  });
  const told: unknown[] = [];
  mesh
    .agent('caller')
    .setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k', onProgress: (p) => told.push(p) }));
  await mesh.startWorkflow(ASKING);
  await mesh.advance('5s');
  expect(told).toMatchObject([{ fraction: 0.5, message: 'halfway' }]);
});

test('a secret of the caller does not travel in the input of a call, and is stored nowhere', async () => {
  await using mesh = await TestMesh.start({ secrets: { TOKEN: 'hush-hush-hush' } });
  const callee = mesh.agent('callee').setResponse('work', 1);
  let seen: unknown;
  mesh.agent('caller').setResponse('ask', async ({ token }, { invoke }) => {
    seen = token;
    await invoke('work', { header: `Bearer ${token}`, pad: 'p'.repeat(5_000) }, { key: 'k' });
  });
  const run = await mesh.startWorkflow(
    flow([step('ask', { parameters: { token: 'secret:TOKEN' } })], { secrets: ['TOKEN'] }),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(seen).toBe('hush-hush-hush');
  expect(callee.calls[0]?.input).toMatchObject({ header: 'Bearer [secret TOKEN]' });
  const stored = [...mesh.data.blobs.values(), ...mesh.data.journals.values()].flatMap((rows) =>
    [...rows.values()].flat(),
  );
  expect(stored.length).toBeGreaterThan(0);
  expect(stored.some((bytes) => Buffer.from(bytes).includes('hush-hush-hush'))).toBe(false);
});

test('a call of a named agent waits for that one', async () => {
  await using mesh = await TestMesh.start();
  for (const id of ['a', 'b', 'c']) mesh.agent(id).setResponse('work', id);
  mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k', agentId: 'b' }));
  const run = await mesh.startWorkflow(ASKING);
  expect((await run.result()).output).toBe('b');
  expect(endsOf(mesh)).toEqual(['call/work/b COMPLETED']);
});

test('request ids and workflows of calls are nobody else’s', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('caller').setResponse('ask', 1);
  await mesh.registerWorkflow(ASKING);
  await expect(mesh.startWorkflow('Flow', {}, { requestId: 'call/x:1:ask:k' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  await expect(mesh.startWorkflow('call/ask', {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const known = await mesh.controlPlane.listWorkflows('default', '', 10);
  expect(known.map(({ row }) => row.name)).toEqual(['Flow']);
});

test('a call is looked at as any run, its workflow included', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', 7);
  mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', { n: 1 }, { key: 'k', retries: 2 }));
  const run = await mesh.startWorkflow(ASKING);
  const runs = await mesh.orchestrator.listRuns({ parentRunId: run.id });
  expect(runs).toMatchObject([{ workflow: 'call/work', version: 3, status: 'COMPLETED', parentStep: 'ask' }]);
  const byName = await mesh.orchestrator.listRuns({ workflow: 'call/work' });
  expect(byName.map(({ runId }) => runId)).toEqual(runs.map(({ runId }) => runId));
  const seen = await mesh.orchestrator.getRun(runs[0]?.runId ?? '', { values: true });
  expect(seen).toMatchObject({ parameters: { value: { n: 1 } }, output: { value: 7 } });
  expect(await mesh.orchestrator.fetchWorkflow('call/work', 3)).toMatchObject({ steps: [{ id: 'call' }] });
});
