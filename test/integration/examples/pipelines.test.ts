/** Rows of steps: onboarding, processing with cleanup, reports, sources that are merged. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { callsOf, skipsOf, startExample } from './example.ts';

describe('customer-onboarding.yaml', () => {
  const params = { customer: 'ada@example.com', documents: ['passport'] };

  test('verifies, makes the account and welcomes, each once and in this order', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('identity-verifier').setResponse('verify-documents', { verified: true, level: 'full' });
    const accounts = mesh.agent('account-manager').setResponse('create-account', { account: 'a-1' });
    const mailer = mesh.agent('mailer').setResponse('send-mail', null);
    const run = await startExample(mesh, 'customer-onboarding.yaml', params);
    expect(run.order()).toEqual([
      'start verify-identity#1 identity-verifier',
      'end verify-identity#1 COMPLETED',
      'start setup-account#1 account-manager',
      'end setup-account#1 COMPLETED',
      'start send-welcome#1 mailer',
      'end send-welcome#1 COMPLETED',
    ]);
    expect(callsOf(accounts)).toEqual(['create-account {"customer":"ada@example.com","level":"full"}']);
    expect(callsOf(mailer)).toEqual(['send-mail {"account":"a-1","to":"ada@example.com"}']);
    expect((await run.result()).output).toEqual({ account: 'a-1' });
  });

  test('makes no account for papers that are not in order', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('identity-verifier').setResponse('verify-documents', { verified: false, level: 'none' });
    const accounts = mesh.agent('account-manager').setResponse('create-account', { account: 'a-1' });
    const run = await startExample(mesh, 'customer-onboarding.yaml', params);
    expect((await run.result()).error).toMatchObject({ code: 'ASSERTION_FAILED', step: 'verify-identity' });
    expect(run).toHaveHistory(['verify-identity#1 FAILED']);
    expect(accounts.calls).toEqual([]);
  });
});

describe('resilient-processing.yaml', () => {
  test('tries twice more, then cleans up', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('data-processor').failWith('process', 'DISK_FULL', { times: 2 }).setResponse('process', 1);
    mesh.agent('file-manager').setResponse('cleanup', { removed: 3 });
    const run = await startExample(mesh, 'resilient-processing.yaml');
    await mesh.advance('1m');
    expect(run).toHaveHistory([
      'process-data#1 FAILED',
      'process-data#2 FAILED',
      'process-data#3 COMPLETED',
      'cleanup-temp-files#1 COMPLETED',
    ]);
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('tries the whole three more times, and cleans up after each', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('data-processor').failWith('process', 'DISK_FULL').setDelay('process', '10s');
    mesh.agent('file-manager').setResponse('cleanup', { removed: 3 });
    const run = await startExample(mesh, 'resilient-processing.yaml');
    await mesh.advance('5m');
    expect((await run.result()).status).toBe('FAILED');
    expect(run).toHaveHistory(
      [0, 1, 2, 3].flatMap((n) => [
        ...[1, 2, 3].map((attempt) => `process-data#${3 * n + attempt} FAILED`),
        `cleanup-temp-files#${n + 1} COMPLETED`,
      ]),
    );
  });

  test('cleans up when the run is cancelled', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('data-processor').setResponse('process', null).setDelay('process', '10s');
    mesh.agent('file-manager').setResponse('cleanup', { removed: 3 });
    const run = await startExample(mesh, 'resilient-processing.yaml');
    await mesh.advance('2s');
    await run.cancel();
    await mesh.advance('1m');
    expect((await run.result()).status).toBe('CANCELLED');
    expect(run).toHaveHistory(['process-data#1 CANCELLED', 'cleanup-temp-files#1 COMPLETED']);
  });

  test('cleans up when the five minutes are over', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('file-manager').setResponse('cleanup', { removed: 0 });
    // Nobody offers to process: the step waits until the end.
    const run = await startExample(mesh, 'resilient-processing.yaml');
    await mesh.advance('6m');
    expect((await run.result()).status).toBe('TIMED_OUT');
    expect(run).toHaveHistory(['cleanup-temp-files#1 COMPLETED']);
  });
});

describe('data-processing.yaml', () => {
  function office(mesh: TestMesh, valid: boolean) {
    mesh.agent('data-processor').setResponse('process', { records: 100 });
    mesh.agent('validator').setResponse('validate', { valid, errors: [] });
    const reporter = mesh.agent('reporter').setResponse('generate', { reportId: 'report-123' });
    return { reporter, notifier: mesh.agent('notifier').setResponse('notify', null) };
  }

  test('processes, validates, reports, and tells of the success', async () => {
    await using mesh = await TestMesh.start();
    const { reporter, notifier } = office(mesh, true);
    const run = await startExample(mesh, 'data-processing.yaml', { input: 'data.csv' });
    expect(run).toHaveHistory([
      'process-data#1 COMPLETED',
      'validate-data#1 COMPLETED',
      'generate-report#1 COMPLETED',
      'tell-success#1 COMPLETED',
    ]);
    expect(callsOf(reporter)).toEqual(['generate {"format":"pdf","records":100}']);
    expect(callsOf(notifier)).toEqual(['notify {"message":"report report-123 is there"}']);
    expect(skipsOf(run)).toEqual(['tell-failure RUN_ON']);
    expect((await run.result()).output).toEqual({ reportId: 'report-123' });
  });

  test('fails at data that is not valid, writes no report, and tells of the failure', async () => {
    await using mesh = await TestMesh.start();
    const { reporter, notifier } = office(mesh, false);
    const run = await startExample(mesh, 'data-processing.yaml', { input: 'data.csv' });
    expect(run).toHaveHistory(['process-data#1 COMPLETED', 'validate-data#1 FAILED', 'tell-failure#1 COMPLETED']);
    expect(reporter.calls).toEqual([]);
    expect(callsOf(notifier)).toEqual(['notify {"message":"data.csv could not be processed"}']);
    expect((await run.result()).error).toMatchObject({ code: 'ASSERTION_FAILED', step: 'validate-data' });
  });
});

describe('parallel-processing.yaml', () => {
  test('takes as many sources at once as the agents have slots, and merges when the last is done', async () => {
    await using mesh = await TestMesh.start();
    for (const replica of mesh.agents('data-processor', 2, { slots: 1 }))
      replica.setResponse('process', ({ source }) => ({ source, rows: 10 })).setDelay('process', '10s');
    const merger = mesh.agent('merger').setResponse('merge', (parts) => Object.keys(parts).length);
    const run = await startExample(mesh, 'parallel-processing.yaml');
    await mesh.advance('25s');
    expect(run.order()).toEqual([
      'start source-a#1 data-processor',
      'start source-b#1 data-processor',
      'end source-a#1 COMPLETED',
      'start source-c#1 data-processor',
      'end source-b#1 COMPLETED',
      'end source-c#1 COMPLETED',
      'start merge-results#1 merger',
      'end merge-results#1 COMPLETED',
    ]);
    expect(merger.calls[0]?.input).toMatchObject({ 'source-b': { source: 'b', rows: 10 } });
    expect((await run.result()).output).toBe(3);
  });

  test('merges nothing when a source could not be read, and says which', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('data-processor').setResponse('process', ({ source }) => {
      if (source === 'b') throw new Error('b is not there');
      return { source };
    });
    const merger = mesh.agent('merger').setResponse('merge', 1);
    const run = await startExample(mesh, 'parallel-processing.yaml');
    const { status, error } = await run.result();
    expect([status, error?.step]).toEqual(['FAILED', 'source-b']);
    expect(run).toHaveHistory(['source-a#1 COMPLETED', 'source-b#1 FAILED', 'source-c#1 COMPLETED']);
    expect(merger.calls).toEqual([]);
  });
});
