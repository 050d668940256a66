/** Patterns 1 to 9: splits, choices and merges. */
import { expect } from 'vitest';
import { minutesOf, type Story, skipsOf, statusesOf } from './story.ts';

const calls = { 'call-police': '1m', 'call-ambulance': '3m', 'call-fire-brigade': '2m', report: '1m' };

export const branching: readonly Story[] = [
  {
    workflow: 'Sequence',
    behaviour: 'the second step starts when the first has ended, and not before',
    async play(stage) {
      stage.agent('clerk', { check: '2m', pay: '1m' });
      const run = await stage.run({}, '5m');
      expect(run.order()).toEqual([
        'start check#1 clerk',
        'end check#1 COMPLETED',
        'start pay#1 clerk',
        'end pay#1 COMPLETED',
      ]);
      expect(minutesOf(run)).toEqual(['check 0-2', 'pay 2-3']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'ParallelSplit',
    behaviour: 'both branches start at the end of the step before, and overlap',
    async play(stage) {
      stage.agent('clerk', { pay: '1m', pack: '3m', bill: '2m' });
      const run = await stage.run({}, '5m');
      expect(minutesOf(run)).toEqual(['pay 0-1', 'pack 1-4', 'bill 1-3']);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'Synchronization',
    behaviour: 'what follows starts once, when the last of the branches has ended',
    async play(stage) {
      const clerk = stage.agent('clerk', { pack: '3m', bill: '1m', ship: '1m' });
      const run = await stage.run({}, '5m');
      expect(minutesOf(run)).toEqual(['pack 0-3', 'bill 0-1', 'ship 3-4']);
      expect(clerk.calls.filter(({ action }) => action === 'ship')).toHaveLength(1);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'ExclusiveChoice',
    behaviour: 'exactly one branch runs, whatever the value',
    async play(stage) {
      stage.agent('clerk', { pay: '1m', examine: '1m', 'ask-board': '1m' });
      const taken: string[] = [];
      for (const amount of [99, 100, 9_999, 10_000]) {
        const run = await stage.run({ amount }, '2m');
        expect(skipsOf(run).map((skip) => skip.split(' ')[1])).toEqual(['BRANCH', 'BRANCH']);
        expect((await run.result()).status).toBe('COMPLETED');
        taken.push(...run.order().filter((line) => line.startsWith('start')));
      }
      expect(taken).toEqual([
        'start pay-at-once#1 clerk',
        'start examine#1 clerk',
        'start examine#1 clerk',
        'start ask-board#1 clerk',
      ]);
    },
  },
  {
    workflow: 'SimpleMerge',
    behaviour: 'what follows starts once, after whichever branch ran, and waits for no other',
    async play(stage) {
      stage.agent('clerk', { pay: '1m', refuse: '2m', file: '1m' });
      const paid = await stage.run({ covered: true }, '5m');
      expect(minutesOf(paid)).toEqual(['pay 0-1', 'file 1-2']);
      const refused = await stage.run({ covered: false }, '5m');
      expect(minutesOf(refused)).toEqual(['refuse 0-2', 'file 2-3']);
      expect([(await paid.result()).status, (await refused.result()).status]).toEqual(['COMPLETED', 'COMPLETED']);
    },
  },
  {
    workflow: 'MultiChoice',
    behaviour: 'any number of branches runs at the same time: none, some, all',
    async play(stage) {
      stage.agent('dispatcher', calls);
      const some = await stage.run({ crime: true, injured: false, fire: true }, '5m');
      expect(minutesOf(some).toSorted()).toEqual(['fire-brigade 0-2', 'police 0-1']);
      expect(skipsOf(some)).toEqual(['ambulance WHEN']);
      const all = await stage.run({ crime: true, injured: true, fire: true }, '5m');
      expect(minutesOf(all).toSorted()).toEqual(['ambulance 0-3', 'fire-brigade 0-2', 'police 0-1']);
      const none = await stage.run({ crime: false, injured: false, fire: false }, '5m');
      expect(none).toHaveHistory([]);
      expect((await none.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'SynchronizingMerge',
    behaviour: 'what follows starts once, when exactly the branches that were taken have ended',
    async play(stage) {
      stage.agent('dispatcher', calls);
      const reports: string[] = [];
      for (const [crime, injured, fire] of [
        [true, true, true],
        [true, false, true],
        [true, false, false],
        [false, false, false],
      ]) {
        const run = await stage.run({ crime, injured, fire }, '6m');
        reports.push(...minutesOf(run).filter((line) => line.startsWith('report')));
        expect((await run.result()).status).toBe('COMPLETED');
      }
      expect(reports).toEqual(['report 3-4', 'report 2-3', 'report 1-2', 'report 0-1']);
    },
  },
  {
    workflow: 'MultiMerge',
    behaviour: 'what follows runs once for each branch, as soon as that one has arrived',
    async play(stage) {
      const auditor = stage.agent('auditor', { 'audit-books': '1m', 'audit-stock': '4m', close: '1m' });
      const run = await stage.run({}, '6m');
      expect(minutesOf(run)).toEqual(['audit-books 0-1', 'audit-stock 0-4', 'close-books 1-2', 'close-stock 4-5']);
      expect(auditor.calls.filter(({ action }) => action === 'close')).toHaveLength(2);
      expect((await run.result()).status).toBe('COMPLETED');
    },
  },
  {
    workflow: 'Discriminator',
    behaviour: 'what follows fires once, at the first end, and the other branches are stopped',
    async play(stage) {
      const client = stage.agent('client', { 'ask-frankfurt': '5m', 'ask-paris': '1m', 'ask-oslo': '3m', use: '10m' });
      const run = await stage.run({}, '15m');
      expect(minutesOf(run)).toEqual(['frankfurt 0-1', 'paris 0-1', 'oslo 0-1', 'use 1-11']);
      expect(run).toHaveHistory(['frankfurt#1 CANCELLED', 'paris#1 COMPLETED', 'oslo#1 CANCELLED', 'use#1 COMPLETED']);
      expect(client.calls.filter(({ action }) => action === 'use').map(({ input }) => input)).toEqual([
        { paris: 'ask-paris' },
      ]);
      expect(await statusesOf(run)).toEqual({
        ask: 'COMPLETED',
        frankfurt: 'CANCELLED',
        paris: 'COMPLETED',
        oslo: 'CANCELLED',
        use: 'COMPLETED',
      });
    },
  },
];
