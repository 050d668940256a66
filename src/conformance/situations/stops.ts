/** Stops, before and after acceptance, with and without a grace. */
import { StopReason } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { resultsOf, updatesOf } from '../attempts.ts';
import { check } from '../breach.ts';
import type { Situation } from '../situation.ts';
import { beatsOnce } from './results.ts';
import { ENDLESS } from './work.ts';

/** What `grace_ms` of 0 leaves: the second of T-1. */
const NOW_MS = 1_000;

export const stops: readonly Situation[] = [
  {
    name: 'stop',
    title: 'stops at once when it is told to',
    clauses: ['T-1', 'T-2'],
    async play(stage) {
      for (const reason of [StopReason.CANCELLED, StopReason.DEADLINE, StopReason.SUPERSEDED]) {
        const id = stage.assign('count', ENDLESS);
        await stage.accepted(id);
        stage.stop(id, 0, reason);
        await stage.result(id, NOW_MS, ['T-1']);
        await stage.ends(id, 'cancelled', { clauses: ['T-2'] });
      }
    },
  },
  {
    name: 'stop-with-grace',
    title: 'stops within the grace',
    clauses: ['T-1', 'T-2'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      stage.stop(id, 500);
      await stage.result(id, 500 + NOW_MS, ['T-1']);
      await stage.ends(id, 'cancelled', { clauses: ['T-2'] });
    },
  },
  {
    name: 'stop-at-work',
    title: 'stops what works the processor',
    clauses: ['T-1'],
    async play(stage) {
      const id = stage.assign('digest', { text: 'work', rounds: 100_000_000 });
      await stage.accepted(id);
      await stage.pass(300);
      stage.stop(id);
      await stage.result(id, NOW_MS, ['T-1']);
    },
  },
  {
    name: 'stop-before-acceptance',
    title: 'stops what it has not accepted yet',
    clauses: ['T-4', 'T-1'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      stage.stop(id);
      await stage.until(['T-4'], `an end of ${id}`, NOW_MS, () => {
        const isRejected = updatesOf(stage.tape, id).some(({ value }) => value.case === 'rejected');
        return isRejected || resultsOf(stage.tape, id).length > 0;
      });
    },
  },
  {
    name: 'stop-unknown',
    title: 'ignores stops of attempts that it does not have',
    clauses: ['T-3'],
    async play(stage) {
      stage.stop('never-assigned#1', 0, StopReason.UNKNOWN);
      const id = stage.assign('echo', { before: true });
      await stage.result(id);
      await beatsOnce(stage);
      stage.stop(id);
      stage.stop(id);
      await stage.ends(stage.assign('echo', { after: true }), 'completed', { clauses: ['T-3'] });
      const count = resultsOf(stage.tape, id).length;
      check(count === 1, 'T-3', 'one result of the settled attempt', `${count}`);
    },
  },
  {
    name: 'stop-twice',
    title: 'ends once when it is told twice to stop',
    clauses: ['T-3', 'R-1'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      stage.stop(id, 300);
      stage.stop(id, 0, StopReason.RUN_ENDED);
      await stage.result(id, NOW_MS, ['T-1']);
      await stage.pass(500);
      const count = resultsOf(stage.tape, id).length;
      check(count === 1, 'T-3', 'one result', `${count}`);
    },
  },
  {
    name: 'stop-after-end',
    title: 'keeps its result when a stop comes late',
    clauses: ['T-2', 'R-1'],
    manners: { acksResults: false },
    async play(stage) {
      const id = stage.assign('echo', { done: true });
      await stage.ends(id, 'completed');
      stage.stop(id);
      await stage.never(['T-2'], 'no other end', 1_000, () =>
        resultsOf(stage.tape, id).some(({ value }) => value.result.case !== 'completed') ? 'another end' : undefined,
      );
    },
  },
];
