/** Signs of life, in both directions. */
import { check } from '../breach.ts';
import { checkHeld } from '../held.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';

/** What the network and a busy machine may add. */
const LATE_MS = 60;

export const beats: readonly Situation[] = [
  {
    name: 'beats',
    title: 'beats every interval, plus or minus a tenth, counting from 1',
    clauses: ['B-1', 'B-2', 'B-3'],
    async play(stage) {
      await stage.until(['B-1'], '11 beats within 3 s', 3_000, () => beatsOf(stage).length >= 11);
      const times = beatsOf(stage);
      const average = ((times[10] ?? 0) - (times[0] ?? 0)) / 10;
      const isRight = average >= 180 - 10 && average <= 220 + LATE_MS * stage.patience;
      check(isRight, 'B-1', 'a beat every 180 to 220 ms', `one every ${Math.round(average)} ms`);
      const first = (times[0] ?? 0) - (stage.stream.welcomedAtMs ?? 0);
      check(first >= 120, 'B-1', 'the first beat an interval after the Welcome', `one after ${Math.round(first)} ms`);
    },
  },
  {
    name: 'beats-at-work',
    title: 'beats while every slot works the processor',
    clauses: ['B-4'],
    async play(stage) {
      const ids = Array.from({ length: stage.slots }, () =>
        stage.assign('digest', { text: 'work', rounds: 100_000_000 }),
      );
      for (const id of ids) await stage.accepted(id);
      const from = stage.tape.now();
      await stage.pass(2_000);
      const times = [from, ...beatsOf(stage).filter((at) => at > from), stage.tape.now()];
      const gap = Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? 0)));
      check(gap <= 1_000 * stage.patience, 'B-4', 'a beat every 200 ms', `none for ${Math.round(gap)} ms`);
      for (const id of ids) stage.stop(id);
      for (const id of ids) await stage.result(id);
    },
  },
  {
    name: 'beats-again',
    title: 'counts beats from 1 on every stream',
    clauses: ['B-2'],
    async play(stage) {
      await stage.until(['B-1'], 'three beats', 2_000, () => beatsOf(stage).length >= 3);
      stage.cut(stage.stream);
      await stage.arrive(['E-2'], 5_000);
      await stage.until(['B-1'], 'a beat on the new stream', 2_000, () => beatsOf(stage, 2).length >= 1);
    },
  },
  {
    name: 'silent-control-plane',
    title: 'leaves a stream on which nothing comes, and goes on with its work',
    clauses: ['B-6', 'C-3', 'H-7'],
    rules: { silenceLimitMs: 1_500 },
    async play(stage) {
      const id = stage.assign('count', { to: 1, delayMs: 600_000 }, { idempotent: true });
      await stage.accepted(id);
      stage.manners.acksBeats = false;
      const silentFrom = stage.tape.now();
      const stream = await stage.arrive(['B-6'], 6_000);
      const ms = stream.openedAtMs - silentFrom;
      check(ms >= 1_000, 'B-6', '1500 ms of patience', `a new stream after ${Math.round(ms)} ms`);
      checkHeld(stream, { [id]: false });
    },
  },
];

/** When the beats of a stream came. */
function beatsOf({ tape, streams }: Stage, stream = streams.length): readonly number[] {
  return tape.entries.flatMap((entry) =>
    entry.kind === 'received' && entry.frame.case === 'beat' && entry.stream === stream ? [entry.atMs] : [],
  );
}
