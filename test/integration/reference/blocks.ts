/** The examples of docs/workflows.md that stand under the blocks. */
import { expect } from 'vitest';
import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';
import { minutesOf, type Stage, type Story, skipsOf, statusesOf } from '../patterns/story.ts';

const bookings = capability('read-bookings', {
  version: '2.1.3',
  input: z.object({ month: z.string() }),
  output: z.object({ rows: z.array(z.int()) }),
});

/** The reader of Statement, and what it was given; `rows` one answer after the other. */
function readBookings(stage: Stage, ...answers: readonly (readonly number[])[]) {
  const metadata: unknown[] = [];
  const reader = stage.mesh.agent('reader', { labels: { region: 'eu' } });
  let next = 0;
  reader.setResponse(bookings, (_, ctx) => {
    metadata.push(ctx.attempt.metadata);
    return { rows: [...(answers[next++] ?? [])] };
  });
  // Offers the same in another version, or elsewhere: never asked.
  const old = stage.mesh.agent('old', { labels: { region: 'eu' } }).setResponse('read-bookings', { rows: [0] });
  const far = stage.mesh.agent('far', { labels: { region: 'us' } }).setResponse(bookings, { rows: [0] });
  return { reader, metadata, wrong: () => [...old.calls, ...far.calls] };
}

export const blocks: readonly Story[] = [
  {
    workflow: 'Nightly',
    behaviour: 'what one step gives the next one gets',
    async play(stage) {
      const agent = stage.agent('db', {}).setResponse('extract', { bytes: 9, rows: [1, 2, 3] });
      agent.failWith('clean', 'BUSY', { times: 2 }).setResponse('clean', ({ rows }) => ({ kept: rows.length }));
      const run = await stage.run({ table: 'orders' }, '1m');
      expect(run).toHaveHistory(['extract#1 COMPLETED', 'clean#1 FAILED', 'clean#2 FAILED', 'clean#3 COMPLETED']);
      expect((await run.result()).output).toEqual({ kept: 3 });
    },
  },
  {
    workflow: 'Statement',
    behaviour: 'only who fits gets the step, an assertion that fails is tried again, and a side branch may fail',
    async play(stage) {
      const { reader, metadata, wrong } = readBookings(stage, [], [1, 2]);
      const press = stage.agent('press', { print: '1m' });
      const archive = stage.agent('archive', {}).failWith('archive', 'FULL');
      const run = await stage.run({ month: 'may' }, '5m');
      expect(run).toHaveHistory([
        'bookings#1 FAILED',
        'bookings#2 COMPLETED',
        'statement#1 COMPLETED',
        'archive#1 FAILED',
      ]);
      const [first, second] = run.history();
      expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBe(5_000);
      expect(reader.calls.map(({ input }) => input)).toEqual([{ month: 'may' }, { month: 'may' }]);
      expect(metadata).toEqual([{ table: 'bookings' }, { table: 'bookings' }]);
      expect([press.calls[0]?.input, archive.calls[0]?.input]).toEqual([{ rows: [1, 2] }, { count: 2 }]);
      expect(wrong()).toEqual([]);
      expect(skipsOf(run)).toEqual(['complain RUN_ON']);
      expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { rows: 2 } });
    },
  },
  {
    workflow: 'Statement',
    behaviour: 'what is not to be tried again is not, and `runOn: failure` hears of it',
    async play(stage) {
      const { reader } = readBookings(stage);
      reader.failWith(bookings, 'NO_SUCH_MONTH');
      const desk = stage.agent('desk', { mail: '30s' });
      const run = await stage.run({ month: 'mai' }, '5m');
      expect(run).toHaveHistory(['bookings#1 FAILED', 'complain#1 COMPLETED']);
      expect(desk.calls[0]?.input).toEqual({ month: 'mai' });
      expect(await run.result()).toMatchObject({
        status: 'FAILED',
        error: { code: 'NO_SUCH_MONTH', step: 'bookings' },
      });
    },
  },
  {
    workflow: 'Statement',
    behaviour: 'a step that nobody can take waits as long as its queueTimeout',
    async play(stage) {
      stage.agent('desk', { mail: '0s' });
      const run = await stage.start({ month: 'may' });
      await stage.mesh.advance('29m');
      expect(await run.handle.status()).toBe('RUNNING');
      await stage.mesh.advance('2m');
      expect(run).toHaveHistory(['complain#1 COMPLETED']);
      expect((await run.result()).error).toMatchObject({ code: 'NO_AGENT', step: 'bookings' });
    },
  },
  {
    workflow: 'Statement',
    behaviour: 'a handler that shows no sign of life is ended by its heartbeatTimeout, four times at most',
    async play(stage) {
      const { reader } = readBookings(stage);
      reader.setDelay(bookings, Number.POSITIVE_INFINITY);
      stage.agent('desk', { mail: '0s' });
      const run = await stage.run({ month: 'may' }, '10m');
      expect(run).toHaveHistory([...[1, 2, 3, 4].map((n) => `bookings#${n} TIMED_OUT`), 'complain#1 COMPLETED']);
      const attempts = run.history().slice(0, 4);
      // Five seconds, then three times as long each time.
      const waits = attempts.slice(1).map(({ startedAt }, i) => startedAt - (attempts[i]?.endedAt ?? 0));
      expect(waits.map((ms) => Math.round(ms / 1_000))).toEqual([5, 15, 45]);
      expect((await run.result()).error).toMatchObject({ code: 'HEARTBEAT_TIMEOUT', step: 'bookings' });
    },
  },
  {
    workflow: 'Quote',
    behaviour: 'two answers are enough; who has not answered then is stopped',
    async play(stage) {
      const agent = stage.agent('carriers', {
        'ask-north': '10s',
        'ask-south': '50s',
        'ask-coast': '20s',
        choose: '0s',
      });
      const run = await stage.run({}, '2m');
      expect(run).toHaveHistory(['north#1 COMPLETED', 'south#1 CANCELLED', 'coast#1 COMPLETED', 'choose#1 COMPLETED']);
      expect(agent.calls.at(-1)?.input).toEqual({ north: 'ask-north', coast: 'ask-coast' });
    },
  },
  {
    workflow: 'Quote',
    behaviour: 'when a minute is over before two have answered, the run fails',
    async play(stage) {
      stage.agent('carriers', { 'ask-north': '10s', 'ask-south': '5m', 'ask-coast': '5m', choose: '0s' });
      const run = await stage.run({}, '2m');
      expect(run).toHaveHistory(['north#1 COMPLETED', 'south#1 CANCELLED', 'coast#1 CANCELLED']);
      expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'TOTAL_TIMEOUT', step: 'ask' } });
    },
  },
  {
    workflow: 'Orders',
    behaviour: 'one branch of each decision runs; `set` computes what the branches read',
    async play(stage) {
      const agent = stage.agent('shop', { 'ask-manager': '0s', mail: '0s', call: '0s', log: '0s' });
      agent.setResponse('price-order', ({ net }) => ({ net })).setResponse('book-order', (input) => input);
      agent.setResponse('ask-manager', (input) => ({ ...input, agreed: true }));
      const large = await stage.run({ net: 10_000, customer: 'ada', channel: 'mail' }, '1m');
      expect(large).toHaveHistory(['price', 'ask', 'book-large', 'write-mail'].map((id) => `${id}#1 COMPLETED`));
      expect((await large.result()).output).toEqual({ total: 12_000, customer: 'ada', agreed: true });
      expect(skipsOf(large)).toEqual(['book BRANCH', 'call-back BRANCH', 'log-only BRANCH']);
      const small = await stage.run({ net: 10, customer: 'ben', channel: 'pigeon' }, '1m');
      expect(small).toHaveHistory(['price', 'book', 'log-only'].map((id) => `${id}#1 COMPLETED`));
      expect((await small.result()).output).toEqual({ total: 12, customer: 'ben' });
    },
  },
  {
    workflow: 'Import',
    behaviour: 'page after page with a pause between, until there is none',
    async play(stage) {
      const agent = stage.agent('web', { notify: '0s' });
      agent.setResponse('fetch', ({ page }) => ({ page, next: page < 3 ? `after-${page}` : null }));
      agent.setResponse('store', (input) => input);
      const run = await stage.run({}, '1m');
      expect(run).toHaveHistory([
        ...[1, 2, 3].flatMap((n) => [`pages/${n}/fetch#1 COMPLETED`, `pages/${n}/store#1 COMPLETED`]),
        'report#1 COMPLETED',
      ]);
      const fetched = agent.calls.filter(({ action }) => action === 'fetch').map(({ input }) => input);
      expect(fetched).toEqual([
        { page: 1, cursor: null },
        { page: 2, cursor: 'after-1' },
        { page: 3, cursor: 'after-2' },
      ]);
      const starts = run.history().filter(({ path }) => path.endsWith('fetch'));
      expect(starts.map(({ startedAt }) => Math.round((startedAt - (starts[0]?.startedAt ?? 0)) / 1_000))).toEqual([
        0, 2, 4,
      ]);
    },
  },
  {
    workflow: 'Remind',
    behaviour: 'the loop ends when there is nothing to remind of',
    async play(stage) {
      await registerCollection(stage);
      let looks = 0;
      const agent = stage.agent('clerk', { 'send-letter': '0s', sue: '0s' });
      agent.setResponse('look-for-payment', () => ({ paid: ++looks === 2 }));
      const run = await stage.run({}, '40d');
      expect(run).toHaveHistory(
        [1, 2].flatMap((n) => [`remind/${n}/letter#1 COMPLETED`, `remind/${n}/look#1 COMPLETED`]),
      );
      expect(minutesOf(run).at(-1)).toBe(`remind/2/look ${28 * 24 * 60}-${28 * 24 * 60}`);
      expect(skipsOf(run)).toEqual(['collect WHEN']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'Remind',
    behaviour: 'after three letters the first version of another workflow takes over, whose failure harms nobody',
    async play(stage) {
      await registerCollection(stage);
      const agent = stage.agent('clerk', { 'send-letter': '0s' }).setResponse('look-for-payment', { paid: false });
      agent.failWith('sue', 'NO_ADDRESS').setResponse('forget', null);
      const run = await stage.run({}, '50d');
      expect(agent.calls.filter(({ action }) => action === 'send-letter').map(({ input }) => input)).toEqual(
        [1, 2, 3].map((number) => ({ number })),
      );
      expect(await statusesOf(run)).toMatchObject({ remind: 'COMPLETED', collect: 'FAILED' });
      expect((await run.result()).status).toBe('COMPLETED');
      const [child] = await stage.mesh.orchestrator.listRuns({ parentRunId: run.id });
      expect(child).toMatchObject({ workflow: 'Collection', version: 1, status: 'FAILED' });
    },
  },
  {
    workflow: 'Thumbnails',
    behaviour: 'every picture goes its own way; one that cannot be made is null in the list',
    async play(stage) {
      const agent = stage.agent('studio', { notify: '0s', upload: '1m' });
      agent.setResponse('find-pictures', { files: ['a', 'bad', 'c'] }).setResponse('upload', ({ name }) => name);
      agent.setResponse('shrink', ({ file }) => {
        if (file === 'bad') throw new Error('no picture');
        return file;
      });
      const run = await stage.run({}, '10m');
      expect(agent.calls.at(-1)?.input).toEqual({ links: ['small-0', null, 'small-2'] });
      const bad = run.history().filter(({ path }) => path === 'pictures/1/shrink');
      expect(bad.map(({ number, outcome }) => `${number} ${outcome}`)).toEqual(['1 FAILED', '2 FAILED', '3 FAILED']);
      expect(
        run
          .history()
          .filter(({ path }) => path.endsWith('upload'))
          .map(({ path }) => path),
      ).toEqual(['pictures/0/upload', 'pictures/2/upload']);
    },
  },
  {
    workflow: 'Backup',
    behaviour: 'two copies are enough; what is not done then is stopped',
    async play(stage) {
      const agent = stage.agent('disk', { copy: '1m' });
      agent.setResponse('copy', async ({ place }, ctx) => {
        if (place === 'burned') throw new Error('no such place');
        await stage.mesh.sleep(place === 'moon' ? '1h' : '1m', ctx.signal);
        return place;
      });
      const run = await stage.run({ places: ['moon', 'attic', 'burned', 'cellar'] }, '5m');
      const ends = run.history().map(({ path, outcome }) => `${path.split('/')[1]} ${outcome}`);
      expect(ends).toEqual(['0 CANCELLED', '1 COMPLETED', '2 FAILED', '3 COMPLETED']);
      expect((await run.result()).output).toEqual({ copies: ['attic', 'cellar'] });
    },
  },
  {
    workflow: 'Ingest',
    behaviour: 'two sources at once, the third when one has ended; what failed is left out, and the report comes last',
    async play(stage) {
      const agent = stage.agent('etl', { extract: '2m', fetch: '1m', load: '1m', notify: '0s' });
      agent.failWith('validate', 'BAD_PRICES').setResponse('extract', ({ table }) => table);
      const run = await stage.run({}, '10m');
      expect(minutesOf(run)).toEqual([
        'orders 0-2',
        'customers 0-2',
        'fetch-prices 2-3',
        'check-prices 3-3',
        'load 3-4',
        'report 4-4',
      ]);
      expect(agent.calls.slice(-2).map(({ input }) => input)).toEqual([
        { orders: 'orders', customers: 'customers' },
        { loaded: true },
      ]);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
];

/** Two versions of the workflow that Remind hands over to. */
async function registerCollection(stage: Stage): Promise<void> {
  for (const action of ['sue', 'forget'])
    await stage.mesh.registerWorkflow({ name: 'Collection', steps: [{ id: 'collect', action }] });
}
