/** Flows that choose: by quality, by score, by what people answer. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { callsOf, skipsOf, startExample } from './example.ts';

describe('conditional-processing.yaml', () => {
  test.each([
    [true, 'process-high-quality', 'advanced-processor', 'process-low-quality'],
    [false, 'process-low-quality', 'basic-processor', 'process-high-quality'],
  ])('with isValid %s exactly %s runs, on %s', async (isValid, taken, agent, left) => {
    await using mesh = await TestMesh.start();
    mesh.agent('validator').setResponse('validate', { isValid });
    for (const id of ['advanced-processor', 'basic-processor']) mesh.agent(id).setResponse('process', { by: id });
    const run = await startExample(mesh, 'conditional-processing.yaml', { rows: 3 });
    expect(run.order()).toEqual([
      'start validate-data#1 validator',
      'end validate-data#1 COMPLETED',
      `start ${taken}#1 ${agent}`,
      `end ${taken}#1 COMPLETED`,
    ]);
    expect(skipsOf(run)).toEqual([`${left} BRANCH`]);
    expect((await run.result()).output).toEqual({ by: agent });
  });
});

describe('complex-workflow.yaml', () => {
  test.each([
    [0.9, 0.8, 'approve', 'reject'],
    [0.9, 0.6, 'reject', 'approve'],
  ])('halves of quality %d and %d lead to %s', async (first, second, taken, left) => {
    await using mesh = await TestMesh.start();
    mesh.agent('initializer').setResponse('initialize', null);
    mesh
      .agent('processors')
      .setResponse('process', ({ half }) => ({ quality: half === 1 ? first : second }))
      .setDelay('process', '1m');
    mesh.agent('approver').setResponse('approve', 'approved').setResponse('reject', 'rejected');
    const finalizer = mesh.agent('finalizer').setResponse('finalize', (input) => input);
    const run = await startExample(mesh, 'complex-workflow.yaml');
    await mesh.advance('2m');
    expect(run.order().slice(2, 6)).toEqual([
      'start first-half#1 processors',
      'start second-half#1 processors',
      'end first-half#1 COMPLETED',
      'end second-half#1 COMPLETED',
    ]);
    expect(run.history().map(({ path }) => path)).toEqual(['init', 'first-half', 'second-half', taken, 'finalize']);
    expect(skipsOf(run)).toEqual([`${left} BRANCH`]);
    expect(callsOf(finalizer)).toHaveLength(1);
  });

  test('stops the other half when one cannot be processed', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('initializer').setResponse('initialize', null);
    mesh.agent('processors').setResponse('process', async ({ half }, ctx) => {
      if (half === 1) throw new Error('unreadable');
      await mesh.sleep('30m', ctx.signal);
    });
    const run = await startExample(mesh, 'complex-workflow.yaml');
    await mesh.advance('1m');
    expect(run).toHaveHistory(['init#1 COMPLETED', 'first-half#1 FAILED', 'second-half#1 CANCELLED']);
    expect((await run.result()).status).toBe('FAILED');
  });
});

describe('customer-support.yaml', () => {
  const DRAFT = { text: 'We are looking into it.' };

  async function open() {
    const mesh = await TestMesh.start();
    const desk = mesh.agent('desk');
    desk.setResponse('classify', ({ text }) => ({ topic: String(text).includes('down') ? 'outage' : 'billing' }));
    desk.setResponse('evaluate-escalation', ({ topic, tier }) => ({
      escalate: topic === 'outage' || tier === 'platinum',
    }));
    desk.setResponse('draft-reply', DRAFT);
    const outbox = mesh.agent('outbox');
    for (const action of ['send-reply', 'page-manager', 'follow-up']) outbox.setResponse(action, null);
    /** A person answers, by name, over the public API. */
    const answer = async (runId: string, actor: string, text: string): Promise<void> => {
      const fields = { text: { kind: { case: 'stringValue' as const, value: text } } };
      const payload = { kind: { case: 'structValue' as const, value: { fields } } };
      const headers = { 'x-yardmaster-actor': actor };
      await mesh.orchestrator.api.runs.signalRun({ runId, name: 'reply', payload }, { headers });
      await mesh.settle();
    };
    return { mesh, outbox, answer };
  }

  test('answers a simple ticket at once, and asks a day later whether it helped', async () => {
    const { mesh, outbox } = await open();
    await using _ = mesh;
    const run = await startExample(mesh, 'customer-support.yaml', { ticket: 'T1', text: 'my invoice' });
    await mesh.advance('25h');
    expect(callsOf(outbox)).toEqual(['send-reply {"ticket":"T1","topic":"billing"}', 'follow-up {"ticket":"T1"}']);
    expect(run.history().map(({ path }) => path)).toEqual([
      'classify',
      'evaluate-escalation',
      'auto-respond',
      'follow-up',
    ]);
    const [sent, asked] = run.history().slice(-2);
    expect((asked?.startedAt ?? 0) - (sent?.endedAt ?? 0)).toBe(24 * 3_600_000);
    expect((await run.result()).output).toEqual({ escalated: false, late: false });
  });

  test('sends what a person approved in time, and pages nobody', async () => {
    const { mesh, outbox, answer } = await open();
    await using _ = mesh;
    const params = { ticket: 'T2', text: 'the service is down', tier: 'premium' };
    const run = await startExample(mesh, 'customer-support.yaml', params);
    await mesh.advance('29m');
    expect(await mesh.orchestrator.explainStep(run.id, 'reply')).toMatchObject({
      waitReason: 'SIGNAL',
      signal: { name: 'reply', title: `Ticket T2 (premium): ${DRAFT.text}`, answerers: ['ann', 'ben'] },
    });
    await answer(run.id, 'ann', 'It is up again.');
    await mesh.advance('25h');
    expect(callsOf(outbox)).toEqual([
      'send-reply {"text":"It is up again.","ticket":"T2"}',
      'follow-up {"ticket":"T2"}',
    ]);
    expect(skipsOf(run)).toEqual(['auto-respond BRANCH', 'page-manager WHEN', 'late-reply WHEN']);
    expect((await run.result()).output).toEqual({ escalated: true, late: false });
  });

  test('refuses an answer of somebody who is not asked', async () => {
    const { mesh, answer } = await open();
    await using _ = mesh;
    const run = await startExample(mesh, 'customer-support.yaml', { ticket: 'T3', text: 'down' });
    await expect(answer(run.id, 'eve', 'Your fault.')).rejects.toMatchObject({ code: 'SIGNAL_NOT_ALLOWED' });
    expect(run.journal().filter(({ type }) => type === 'SignalReceived')).toEqual([]);
  });

  test.each([
    ['basic', 120],
    ['standard', 60],
    ['premium', 30],
    ['platinum', 15],
  ])(
    'pages the manager when a %s customer has waited %d minutes, and still takes the answer',
    async (tier, minutes) => {
      const { mesh, outbox, answer } = await open();
      await using _ = mesh;
      const run = await startExample(mesh, 'customer-support.yaml', { ticket: 'T4', text: 'down', tier });
      await mesh.advance(`${minutes - 1}m`);
      expect(outbox.calls).toEqual([]);
      await mesh.advance('2m');
      expect(callsOf(outbox)).toEqual(['page-manager {"ticket":"T4"}']);
      await answer(run.id, 'ben', 'Sorry for the wait.');
      await mesh.advance('25h');
      expect(callsOf(outbox).slice(1)).toEqual([
        'send-reply {"text":"Sorry for the wait.","ticket":"T4"}',
        'follow-up {"ticket":"T4"}',
      ]);
      expect((await run.result()).output).toEqual({ escalated: true, late: true });
    },
  );

  test('sends the draft when nobody answers at all', async () => {
    const { mesh, outbox } = await open();
    await using _ = mesh;
    const run = await startExample(mesh, 'customer-support.yaml', { ticket: 'T5', text: 'down' });
    await mesh.advance('3d');
    expect(callsOf(outbox)[1]).toBe(`send-reply {"text":"${DRAFT.text}","ticket":"T5"}`);
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('ten tickets at once are ten runs that do not know of each other', async () => {
    const { mesh, outbox } = await open();
    await using _ = mesh;
    const runs = [];
    for (let i = 0; i < 10; i++) {
      const text = i % 2 === 0 ? 'my invoice' : 'it is down';
      runs.push(await startExample(mesh, 'customer-support.yaml', { ticket: `T${i}`, text }));
    }
    await mesh.advance('4d');
    const ways = await Promise.all(runs.map(async (run) => (await run.result()).output.escalated));
    expect(ways).toEqual([false, true, false, true, false, true, false, true, false, true]);
    const sent = outbox.calls.filter(({ action }) => action === 'send-reply').map(({ attempt }) => attempt.runId);
    expect(sent.toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
  });
});
