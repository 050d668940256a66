/** Patterns 16 to 20: choices of the world, states, cancellation. */
import { expect } from 'vitest';
import { minutesOf, type Stage, type Story, skipsOf, statusesOf, takesOf } from './story.ts';

const MINUTES_PER_DAY = 24 * 60;

function answering(stage: Stage): void {
  stage.agent('sales', { book: '1m', thank: '1m', remind: '1m' });
}

/** Whoever examines has time for several at once; the patient has not. */
function examining(stage: Stage): void {
  stage.agent('clinic', { 'take-blood': '2m', 'take-pressure': '1m', 'take-picture': '1m', 'take-scan': '3m' });
}

/** Of lines such as `take-scan 4-7`: how many overlap, and when the last is over. */
function inTurn(lines: readonly string[]): { steps: number; overlaps: number; over: number | undefined } {
  const spans = lines
    .map((line) => (line.split(' ')[1] ?? '').split('-').map(Number))
    .toSorted(([a = 0], [b = 0]) => a - b);
  const overlaps = spans.filter(([start = 0], i) => i > 0 && start < (spans[i - 1]?.[1] ?? 0)).length;
  return { steps: spans.length, overlaps, over: spans.at(-1)?.[1] };
}

export const state: readonly Story[] = [
  {
    workflow: 'DeferredChoice',
    behaviour: 'the first signal decides, the others are withdrawn at that moment',
    async play(stage) {
      answering(stage);
      const run = await stage.start();
      await stage.mesh.advance('3d');
      expect(run).toHaveHistory([]);
      await stage.signal(run, 'declined');
      // Too late: nobody waits for it any more.
      await stage.signal(run, 'accepted');
      await stage.mesh.advance('20d');
      expect(takesOf(run)).toEqual(['declined takes 1']);
      expect(minutesOf(run)).toEqual([`thank ${3 * MINUTES_PER_DAY}-${3 * MINUTES_PER_DAY + 1}`]);
      expect(skipsOf(run)).toEqual(['book WHEN', 'remind WHEN']);
      expect(await statusesOf(run)).toMatchObject({
        accepted: 'CANCELLED',
        declined: 'COMPLETED',
        silence: 'CANCELLED',
      });
      expect((await stage.mesh.orchestrator.getRun(run.id)).unconsumedSignals).toBe(1);
    },
  },
  {
    workflow: 'DeferredChoice',
    behaviour: 'when nothing happens, time decides',
    async play(stage) {
      answering(stage);
      const run = await stage.run({}, '15d');
      expect(minutesOf(run)).toEqual([`remind ${14 * MINUTES_PER_DAY}-${14 * MINUTES_PER_DAY + 1}`]);
      expect(skipsOf(run)).toEqual(['book WHEN', 'thank WHEN']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'InterleavedRouting',
    behaviour: 'each activity runs once, no two at the same time, and the rows are mixed as it comes',
    async play(stage) {
      examining(stage);
      const run = await stage.run({ patient: 'ada' }, '10m');
      expect(minutesOf(run)).toEqual(['take-blood 0-2', 'take-picture 2-3', 'take-pressure 3-4', 'take-scan 4-7']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'InterleavedRouting',
    behaviour: 'two runs for one patient take turns, too, and another patient waits for none of them',
    async play(stage) {
      examining(stage);
      const runs = [];
      for (const patient of ['ada', 'ada', 'ben']) runs.push(await stage.start({ patient }));
      await stage.mesh.advance('20m');
      const [first, second, other] = runs.map(minutesOf);
      // Seven minutes of work each.
      expect(inTurn([...(first ?? []), ...(second ?? [])])).toEqual({ steps: 8, overlaps: 0, over: 14 });
      expect(inTurn(other ?? [])).toEqual({ steps: 4, overlaps: 0, over: 7 });
    },
  },
  {
    workflow: 'Milestone',
    behaviour: 'the activity can be done again and again while the state lasts, and no more when it is over',
    async play(stage) {
      const office = stage.agent('office', { accept: '1m', apply: '1m', ship: '10m' });
      const run = await stage.start();
      await stage.mesh.advance('5m');
      for (const n of [1, 2]) {
        await stage.signal(run, 'change', { n });
        await stage.mesh.advance('5m');
      }
      await stage.mesh.advance('2d');
      await stage.mesh.advance('20m');
      expect(office.calls.map(({ action, input }) => `${action} ${JSON.stringify(input)}`)).toEqual([
        'accept {}',
        'apply {"n":1}',
        'apply {"n":2}',
        'ship {}',
      ]);
      const shippedAt = 1 + 2 * MINUTES_PER_DAY;
      expect(minutesOf(run).at(-1)).toBe(`ship ${shippedAt}-${shippedAt + 10}`);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'Milestone',
    behaviour: 'a change that comes after the state changes nothing, one that comes before it is kept for it',
    async play(stage) {
      const office = stage.agent('office', { accept: '10m', apply: '1m', ship: '10m' });
      const run = await stage.start();
      await stage.signal(run, 'change', { early: true });
      await stage.mesh.advance('5m');
      expect(takesOf(run)).toEqual([]);
      await stage.mesh.advance('10m');
      expect(takesOf(run)).toEqual(['changes/1/change takes 1']);
      await stage.mesh.advance('2d');
      await stage.signal(run, 'change', { late: true });
      await stage.mesh.advance('1h');
      expect(office.calls.filter(({ action }) => action === 'apply').map(({ input }) => input)).toEqual([
        { early: true },
      ]);
      expect((await run.result()).status).toBe('COMPLETED');
      expect((await stage.mesh.orchestrator.getRun(run.id)).unconsumedSignals).toBe(1);
    },
  },
  {
    workflow: 'Milestone',
    behaviour: 'an activity that runs when the state ends is stopped',
    async play(stage) {
      stage.agent('office', { accept: '1m', apply: '1h', ship: '10m' });
      const run = await stage.start();
      await stage.mesh.advance('2d');
      await stage.signal(run, 'change', {});
      await stage.mesh.advance('1h');
      expect(run).toHaveHistory(['accept#1 COMPLETED', 'changes/1/apply#1 CANCELLED', 'ship#1 COMPLETED']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'CancelActivity',
    behaviour: 'the activity is stopped while it runs, and the case goes on',
    async play(stage) {
      const agent = stage.agent('agent', { search: '20d', report: '1m' });
      const run = await stage.start();
      await stage.mesh.advance('1d');
      await stage.signal(run, 'call-off');
      await stage.mesh.advance('2m');
      expect(run).toHaveHistory(['search#1 CANCELLED', 'report#1 COMPLETED']);
      expect(agent.calls.at(-1)?.input).toEqual({ found: false });
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'CancelActivity',
    behaviour: 'an activity that ends first takes the possibility away',
    async play(stage) {
      const agent = stage.agent('agent', { search: '2d', report: '1m' });
      const run = await stage.run({}, '3d');
      expect(run).toHaveHistory(['search#1 COMPLETED', 'report#1 COMPLETED']);
      expect(agent.calls.at(-1)?.input).toEqual({ found: true });
      expect(await statusesOf(run)).toMatchObject({ 'called-off': 'CANCELLED' });
    },
  },
  {
    workflow: 'CancelCase',
    behaviour: 'everything that runs is stopped, nothing else starts, and cleanup runs',
    async play(stage) {
      stage.agent('clerk', { pack: '5m', bill: '10m', ship: '1m', tidy: '1m' });
      const run = await stage.start();
      await stage.mesh.advance('7m');
      expect((await run.cancel('the customer changed her mind')).accepted).toBe(true);
      await stage.mesh.advance('2m');
      expect(run).toHaveHistory(['pack#1 COMPLETED', 'bill#1 CANCELLED', 'tidy#1 COMPLETED']);
      expect(skipsOf(run)).toEqual(['ship RUN_ENDING']);
      expect((await run.result()).status).toBe('CANCELLED');
    },
  },
];
