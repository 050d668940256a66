/** Patterns 10 to 15: cycles, termination and multiple instances. */
import { expect } from 'vitest';
import { minutesOf, type Story } from './story.ts';

/** Answers one after the other, whatever the input. */
function inTurn(...answers: readonly unknown[]): () => unknown {
  let next = 0;
  return () => answers[next++];
}

const letters = (run: readonly string[]): readonly string[] => run.filter((line) => line.startsWith('letter'));

export const structure: readonly Story[] = [
  {
    workflow: 'ArbitraryCycles',
    behaviour: 'a cycle is entered at any of its steps, gone through in any order, and left from any of them',
    async play(stage) {
      stage
        .agent('desk', { write: '1m', translate: '1m', review: '1m' })
        .setResponse('write', inTurn({ next: 'translate' }, { next: 'done' }, { next: 'review' }))
        .setResponse('translate', inTurn({ next: 'review' }, { next: 'write' }))
        .setResponse('review', inTurn({ next: 'write' }, { next: 'translate' }, { next: 'done' }));
      const fromWriting = await stage.run({ entry: 'write' }, '10m');
      expect(fromWriting).toHaveHistory([
        'desks/1/write#1 COMPLETED',
        'desks/2/translate#1 COMPLETED',
        'desks/3/review#1 COMPLETED',
        'desks/4/write#1 COMPLETED',
      ]);
      const fromReview = await stage.run({ entry: 'review' }, '10m');
      expect(fromReview).toHaveHistory([
        'desks/1/review#1 COMPLETED',
        'desks/2/translate#1 COMPLETED',
        'desks/3/write#1 COMPLETED',
        'desks/4/review#1 COMPLETED',
      ]);
      expect([(await fromWriting.result()).status, (await fromReview.result()).status]).toEqual([
        'COMPLETED',
        'COMPLETED',
      ]);
    },
  },
  {
    workflow: 'ImplicitTermination',
    behaviour: 'the run is over when its last step is, whichever that is',
    async play(stage) {
      stage.agent('clerk', { mail: '1m', archive: '4m' });
      const run = await stage.start();
      await stage.mesh.advance('3m');
      expect(minutesOf(run)).toEqual(['mail 0-1', 'archive 0-?']);
      expect(await run.handle.status()).toBe('RUNNING');
      await stage.mesh.advance('2m');
      const { status, durationMs } = await run.result();
      expect([status, Math.round(durationMs / 60_000)]).toEqual(['COMPLETED', 4]);
    },
  },
  {
    workflow: 'InstancesWithoutSynchronization',
    behaviour: 'what follows is over before the instances are',
    async play(stage) {
      stage.agent('clerk', { enroll: '1m', send: '10m', serve: '2m' });
      const run = await stage.run({}, '15m');
      expect(letters(minutesOf(run))).toEqual(['letter-welcome 1-11', 'letter-terms 1-11', 'letter-offer 1-11']);
      expect(minutesOf(run)).toContain('serve 1-3');
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'InstancesKnownAtDesignTime',
    behaviour: 'all instances run at the same time, and what follows starts once, after the last of them',
    async play(stage) {
      const office = stage.agent('office', { publish: '1m' }).setResponse('sign', async ({ director }) => {
        await stage.mesh.sleep(`${director}m`);
        return { director };
      });
      const run = await stage.run({}, '6m');
      expect(minutesOf(run)).toEqual(['sign-1 0-1', 'sign-2 0-2', 'sign-3 0-3', 'publish 3-4']);
      expect(office.calls.at(-1)?.input).toEqual({
        'sign-1': { director: 1 },
        'sign-2': { director: 2 },
        'sign-3': { director: 3 },
      });
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'InstancesKnownAtRunTime',
    behaviour: 'there is one instance for each part of the order, all at the same time, and what follows waits for all',
    async play(stage) {
      const office = stage
        .agent('office', { assemble: '1m', 'check-part': '2m' })
        .setResponse('check-part', ({ part }) => `${part} is fine`);
      for (const parts of [['axle'], ['axle', 'wheel', 'buffer'], []]) {
        const run = await stage.run({ parts }, '6m');
        const from = parts.length === 0 ? 0 : 2;
        expect(minutesOf(run)).toEqual([
          ...parts.map((_, i) => `check-all/${i}/check-part 0-2`),
          `assemble ${from}-${from + 1}`,
        ]);
        expect(office.calls.at(-1)?.input).toEqual({ checks: parts.map((part) => `${part} is fine`) });
        expect((await run.result()).status).toBe('COMPLETED');
      }
    },
  },
  {
    workflow: 'InstancesNotKnownBefore',
    behaviour: 'whether there is another instance is decided by one that ran, and what follows waits for the last',
    async play(stage) {
      const names: unknown[] = [];
      const next: Readonly<Record<string, string>> = { ann: 'ben', ben: 'cleo' };
      stage.agent('judge', { close: '1m', 'hear-witness': '1m' }).setResponse('hear-witness', ({ name }) => {
        names.push(name);
        return { next: next[name] ?? null };
      });
      const run = await stage.run({ first: 'ann' }, '5m');
      expect(names).toEqual(['ann', 'ben', 'cleo']);
      expect(minutesOf(run)).toEqual(['hear/1/witness 0-1', 'hear/2/witness 1-2', 'hear/3/witness 2-3', 'close 3-4']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
];
