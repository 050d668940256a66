/** The examples of docs/workflows.md that stand below the blocks, and those of steps that wait. */
import { expect } from 'vitest';
import { minutesOf, type Story, skipsOf } from '../patterns/story.ts';

const DAY = 24 * 60;
const KEY = 'k-2f9a81c4e7';

export const more: readonly Story[] = [
  {
    workflow: 'Refund',
    behaviour: 'what does not fit the form is refused, and what does is filled in and used',
    async play(stage) {
      const agent = stage.agent('bank', { pay: '1m' });
      const run = await stage.run({ order: 'o-1' }, '1m');
      expect((await stage.mesh.orchestrator.getRun(run.id)).steps[0]?.signal).toMatchObject({ title: 'Refund o-1?' });
      const signal = (payload: unknown) => stage.mesh.orchestrator.signal(run.id, 'agreed', payload);
      await expect(signal({ amount: 0 })).rejects.toMatchObject({ code: 'SIGNAL_INVALID' });
      await signal({ amount: 250 });
      await stage.mesh.advance('2m');
      expect(run).toHaveHistory(['pay#1 COMPLETED']);
      expect(agent.calls[0]?.input).toEqual({ amount: 250 });
    },
  },
  {
    workflow: 'Release',
    behaviour: 'it waits for the time, and nobody who answers within two days is a no',
    async play(stage) {
      stage.agent('ci', { build: '5m', publish: '1m' });
      const morning = new Date(stage.mesh.clock.now() + 8 * 60 * 60_000).toISOString();
      const run = await stage.run({ version: '1.0', notBefore: morning }, '3d');
      expect(minutesOf(run)).toEqual(['build 0-5']);
      expect(skipsOf(run)).toEqual(['publish WHEN']);
      const { status, durationMs } = await run.result();
      expect([status, Math.round(durationMs / 60_000)]).toEqual(['COMPLETED', 8 * 60 + 2 * DAY]);
    },
  },
  {
    workflow: 'Months',
    behaviour: 'three reports, each a run of its own, then they are sent',
    async play(stage) {
      const parameters = { month: '${{ params.month }}', table: '${{ params.table }}' };
      const steps = [{ id: 'sum', action: 'sum', parameters }];
      await stage.mesh.registerWorkflow({ name: 'Report', steps, output: 'steps.sum.output' });
      const agent = stage
        .agent('office', { sum: '1m', mail: '0s' })
        .setResponse('sum', ({ month }) => `sum of ${month}`);
      const run = await stage.run({ table: 'orders' }, '10m');
      expect(run).toHaveHistory(['send#1 COMPLETED']);
      expect(agent.calls.map(({ input }) => input)).toEqual([
        ...[1, 2, 3].map((month) => ({ month, table: 'orders' })),
        { last: 'sum of 3' },
      ]);
      const children = await stage.mesh.orchestrator.listRuns({ parentRunId: run.id });
      expect(children.map(({ parentStep, status }) => `${parentStep} ${status}`).toSorted()).toEqual(
        [1, 2, 3].map((n) => `each/${n}/report COMPLETED`),
      );
    },
  },
  {
    workflow: 'Invoices',
    behaviour: 'the agent gets the values, and the run keeps their names',
    secrets: { BILLING_KEY: KEY, DB_PASSWORD: `${KEY}-db` },
    async play(stage) {
      const agent = stage.agent('billing', { fetch: '0s', load: '0s' });
      const run = await stage.run({ month: 'may', target: 'secret:DB_PASSWORD' }, '1m');
      expect(agent.calls.map(({ input }) => input)).toEqual([
        { url: 'https://billing.example/invoices?month=may', headers: { authorization: `Bearer ${KEY}` } },
        { rows: 'fetch', user: 'loader', password: `${KEY}-db`, target: `${KEY}-db` },
      ]);
      expect(JSON.stringify(await stage.mesh.orchestrator.getRun(run.id, { values: true }))).not.toContain(KEY);
    },
  },
  {
    workflow: 'CopyTable',
    behaviour: 'two runs at once, one of each table, and the others in order',
    async play(stage) {
      stage.agent('db', { copy: '5m' });
      const runs = [];
      for (const table of ['a', 'a', 'b', 'c']) runs.push(await stage.start({ table }));
      await stage.mesh.advance('1m');
      expect(await Promise.all(runs.map((run) => run.handle.status()))).toEqual([
        'RUNNING',
        'RUNNING',
        'QUEUED',
        'QUEUED',
      ]);
      await stage.mesh.advance('30m');
      const zero = runs[0]?.journal()[0]?.at ?? 0;
      const spans = runs.map((run) => run.history().map(({ startedAt, endedAt = 0 }) => [startedAt, endedAt]));
      expect(spans.map((own) => own.flat().map((at) => Math.round((at - zero) / 60_000)))).toEqual([
        [0, 5],
        [5, 10],
        [5, 10],
        [10, 15],
      ]);
    },
  },
  {
    workflow: 'Shop',
    behaviour:
      'a charge that fails is invoiced instead; what cannot be shipped is undone, the last first, then reported',
    async play(stage) {
      const agent = stage.agent('shop', { refund: '0s', 'release-stock': '0s', report: '0s' });
      agent.failWith('charge-card', 'DECLINED').setResponse('send-invoice', { payment: 'i-7' });
      agent.setResponse('reserve-stock', { place: 'shelf 3' }).failWith('ship', 'NO_TRUCK');
      const run = await stage.run({ order: 'o-1' }, '5m');
      expect(run).toHaveHistory([
        'charge#1 FAILED',
        'charge#2 FAILED',
        'charge#3 FAILED',
        'invoice#1 COMPLETED',
        'reserve#1 COMPLETED',
        'ship#1 FAILED',
        'release#1 COMPLETED',
        'refund#1 COMPLETED',
        'report#1 COMPLETED',
      ]);
      const inputs = agent.calls.filter(({ action }) => !['charge-card', 'report'].includes(action));
      expect(inputs.map(({ input }) => input)).toEqual([
        { order: 'o-1', why: 'DECLINED' },
        { order: 'o-1' },
        { from: 'shelf 3', paid: 'i-7' },
        { place: 'shelf 3' },
        { payment: 'i-7' },
      ]);
      expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'NO_TRUCK', step: 'ship' } });
    },
  },
  {
    workflow: 'Extract',
    behaviour: 'a workflow with the place of its schema runs as any other',
    async play(stage) {
      stage.agent('db', { extract: '1m' });
      expect(await stage.run({}, '2m')).toHaveHistory(['extract#1 COMPLETED']);
    },
  },
  {
    workflow: 'RegionReport',
    behaviour: 'each night at two in Berlin, and what a downtime of half a day missed is made up for',
    async play(stage) {
      const { mesh } = stage;
      const clerk = stage.agent('clerk', { sum: '1m' });
      await mesh.advance('23h');
      mesh.crash();
      await mesh.advance('11h');
      await mesh.restart();
      await mesh.advance('1h');
      const runs = (await mesh.orchestrator.listRuns({ workflow: 'RegionReport' })).toReversed();
      expect(runs.map(({ labels, status }) => `${labels['scheduled-at']} ${status}`)).toEqual([
        '2026-01-01T01:00:00Z COMPLETED',
        '2026-01-02T01:00:00Z COMPLETED',
      ]);
      expect(clerk.calls.map(({ input }) => input)).toEqual([{ region: 'north' }, { region: 'north' }]);
    },
  },
];
