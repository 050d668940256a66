/** Cuts, and coming back. */
import { StopReason } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { jsonOf, resultsOf, told } from '../attempts.ts';
import { check } from '../breach.ts';
import { checkHeld } from '../held.ts';
import type { Situation } from '../situation.ts';
import { ENDLESS, same } from './work.ts';

export const returns: readonly Situation[] = [
  {
    name: 'held-after-cut',
    title: 'goes on with its work over a cut, and lists it',
    clauses: ['H-7', 'C-3', 'E-2'],
    async play(stage) {
      const id = stage.assign('count', { to: 30, delayMs: 100 });
      await stage.until(['U-3'], 'progress', 3_000, () => told(stage.tape, id, 'progress').length > 1);
      stage.cut(stage.stream);
      const stream = await stage.arrive(['E-2'], 2_500);
      checkHeld(stream, { [id]: false });
      const { output } = await stage.ends(id, 'completed', { withinMs: 6_000, clauses: ['C-3'] });
      check(same(jsonOf(output), { counted: 30 }), 'C-3', '{"counted":30}', JSON.stringify(jsonOf(output)));
      const fractions = told(stage.tape, id, 'progress').map(({ value }) => value.fraction);
      const isOne = fractions.every((fraction, i) => fraction >= (fractions[i - 1] ?? 0));
      check(isOne, 'C-3', 'one execution', `progress ${fractions.map((f) => f.toFixed(2)).join(' ')}`);
    },
  },
  {
    name: 'result-while-away',
    title: 'keeps a result that is made while nobody listens',
    clauses: ['R-2', 'R-3', 'H-7'],
    async play(stage) {
      const id = stage.assign('count', { to: 1, delayMs: 700 });
      await stage.accepted(id);
      await stage.port.close();
      await stage.pass(1_200);
      await stage.port.open();
      const stream = await stage.arrive(['E-2'], 12_000);
      checkHeld(stream, { [id]: true });
      await stage.ends(id, 'completed', { clauses: ['R-3'] });
    },
  },
  {
    name: 'restart',
    title: 'stops what a restarted control plane does not know',
    clauses: ['H-7', 'T-1', 'E-2'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      await stage.port.close();
      await stage.port.open();
      const stream = await stage.arrive(['E-2'], 6_000);
      checkHeld(stream, { [id]: false });
      stage.stop(id, 0, StopReason.UNKNOWN);
      await stage.result(id, 1_000, ['T-1']);
      await stage.ends(stage.assign('echo', { on: 'we go' }), 'completed');
    },
  },
  {
    name: 'contact-lost',
    title: 'stops non-idempotent work before the control plane gives it away, and no other',
    clauses: ['C-4'],
    rules: { lossWindowMs: 3_000 },
    async play(stage) {
      stage.needSlots(2);
      const once = stage.assign('count', ENDLESS);
      const often = stage.assign('count', ENDLESS, { idempotent: true });
      await stage.accepted(once);
      await stage.accepted(often);
      await stage.port.close();
      await stage.pass(3_300);
      await stage.port.open();
      const stream = await stage.arrive(['E-2'], 12_000);
      check(stage.tape.now() > 3_000, 'C-4', 'an absence', 'none');
      checkHeld(stream, { [once]: true, [often]: false }, ['C-4', 'H-7']);
      await stage.ends(once, 'handedBack', { clauses: ['C-4'] });
      const isOver = resultsOf(stage.tape, often).length > 0;
      check(!isOver, 'C-4', 'that idempotent work goes on', 'its end');
    },
  },
  {
    name: 'contact-kept',
    title: 'does not stop work while its beats are answered',
    clauses: ['C-4'],
    async play(stage) {
      // On a busy machine the kit itself may not answer for a while, which an agent cannot tell from a cut.
      const lossWindowMs = 1_500 * stage.patience;
      const id = stage.assign('count', ENDLESS, { lossWindowMs });
      await stage.accepted(id);
      await stage.never(['C-4'], 'that work goes on', 2 * lossWindowMs, () =>
        resultsOf(stage.tape, id).length > 0 ? 'its end' : undefined,
      );
    },
  },
  {
    name: 'late-assignment',
    title: 'hands back an assignment that comes too late to be safe',
    clauses: ['C-5'],
    rules: { lossWindowMs: 1_500 },
    async play(stage) {
      stage.need('count');
      stage.manners.acksBeats = false;
      await stage.pass(1_800);
      const id = stage.assign('count', ENDLESS);
      await stage.ends(id, 'handedBack', { withinMs: 1_000, clauses: ['C-5'] });
      const isStarted = told(stage.tape, id, 'accepted').length > 0;
      check(!isStarted, 'C-5', 'no start', 'accepted');
    },
  },
];
