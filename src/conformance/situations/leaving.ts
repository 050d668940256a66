/** SIGTERM. */
import { RejectReason } from '../../gen/yardmaster/v1/report_pb.ts';
import { resultsOf } from '../attempts.ts';
import { check } from '../breach.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';
import { beatsOnce } from './results.ts';
import { ENDLESS, rejectedWith } from './work.ts';

export const leaving: readonly Situation[] = [
  {
    name: 'sigterm',
    title: 'leaves at once when it has nothing to do',
    clauses: ['L-1', 'L-4', 'L-5', 'O-1', 'O-2'],
    env: { YARDMASTER_GRACE_MS: '10000' },
    async play(stage) {
      // An agent that has no Welcome yet has nothing to say Goodbye to.
      await beatsOnce(stage);
      stage.leave();
      await goes(stage, 3_000);
      check(isDraining(stage), 'L-1', 'State with draining before Goodbye', 'none');
    },
  },
  {
    name: 'sigterm-finish',
    title: 'finishes what it has, and takes no more',
    clauses: ['L-1', 'A-3', 'L-4'],
    env: { YARDMASTER_GRACE_MS: '10000' },
    async play(stage) {
      stage.needSlots(2);
      const id = stage.assign('count', { to: 8, delayMs: 150 });
      await stage.accepted(id);
      stage.leave();
      await stage.until(['L-1', 'O-2'], 'State with draining', 2_000, () => isDraining(stage));
      await rejectedWith(stage, stage.assign('echo', {}), RejectReason.DRAINING, 'A-3');
      await stage.ends(id, 'completed', { clauses: ['L-2'] });
      await goes(stage, 3_000);
    },
  },
  {
    name: 'sigterm-hand-back',
    title: 'hands back what does not end within its grace',
    clauses: ['L-2', 'L-4'],
    env: { YARDMASTER_GRACE_MS: '700' },
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      const from = stage.tape.now();
      stage.leave();
      await stage.ends(id, 'handedBack', { withinMs: 2_500, clauses: ['L-2'] });
      const ms = (resultsOf(stage.tape, id)[0]?.atMs ?? 0) - from;
      check(ms >= 600, 'L-2', 'the grace of 700 ms', `an end after ${Math.round(ms)} ms`);
      await goes(stage, 3_000);
    },
  },
  {
    name: 'sigterm-unacked',
    title: 'waits for the answers to its results before it goes',
    clauses: ['L-3'],
    manners: { acksResults: false },
    async play(stage) {
      const id = stage.assign('echo', { wait: true });
      await stage.result(id);
      stage.leave();
      await stage.never(['L-3'], 'no Goodbye before the ack', 800, () =>
        hasGoodbye(stage) || stage.exit !== undefined ? 'the end' : undefined,
      );
      stage.ack(id);
      await goes(stage, 3_000);
    },
  },
  {
    name: 'sigterm-nobody-answers',
    title: 'goes all the same when no answer comes',
    clauses: ['L-3', 'L-4'],
    manners: { acksResults: false },
    env: { YARDMASTER_GRACE_MS: '500' },
    async play(stage) {
      await stage.result(stage.assign('echo', { wait: true }));
      stage.leave();
      await goes(stage, 4_000);
    },
  },
];

/** Goodbye, half-close, exit code 0. */
async function goes(stage: Stage, withinMs: number): Promise<void> {
  await stage.until(['L-4', 'L-5'], 'Goodbye', withinMs, () => hasGoodbye(stage));
  await stage.until(['L-4'], 'a half-close after Goodbye', 2_000, () => stage.stream.state !== 'open');
  check(stage.stream.state === 'half-closed', 'L-4', 'a half-close', 'an end of the stream without one');
  const { code, signal } = await stage.exits(['L-4'], 4_000);
  check(code === 0, 'L-4', 'exit code 0', signal ?? `${code}`);
}

function hasGoodbye({ tape }: Stage): boolean {
  return tape.entries.some((entry) => entry.kind === 'received' && entry.frame.case === 'goodbye');
}

function isDraining({ tape }: Stage): boolean {
  return tape.entries.some(
    (entry) => entry.kind === 'received' && entry.frame.case === 'state' && entry.frame.value.draining,
  );
}
