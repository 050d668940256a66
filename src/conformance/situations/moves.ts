/** GoAway. */
import { GoAwayReason } from '../../gen/yardmaster/v1/session_response_pb.ts';
import { jsonOf, resultsOf, told } from '../attempts.ts';
import { check } from '../breach.ts';
import { nameOf } from '../frame-text.ts';
import { checkHeld } from '../held.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';
import { ENDLESS, same } from './work.ts';

export const moves: readonly Situation[] = [
  {
    name: 'go-away',
    title: 'moves to a new stream, and only then leaves the old one',
    clauses: ['G-1', 'G-3', 'G-4', 'H-7'],
    async play(stage) {
      const old = stage.stream;
      const id = stage.assign('count', { to: 15, delayMs: 100 });
      await stage.accepted(id);
      stage.manners.welcomes = false;
      stage.goAway(GoAwayReason.SHUTDOWN, { reconnectWithinMs: 500 });
      const stream = await stage.arrive(['G-1'], 1_500);
      checkHeld(stream, { [id]: false });
      await stage.never(['G-3'], 'both streams until the Welcome', 500, () =>
        old.state === 'open' ? undefined : 'the end of the old one',
      );
      stage.manners.welcomes = true;
      stream.welcome();
      await stage.until(['G-3'], 'that the old stream is left', 2_000, () => old.state !== 'open');
      checkQuiet(stage, stream.helloAtMs, old.number);
      const { output } = await stage.ends(id, 'completed', { withinMs: 4_000, clauses: ['G-4'] });
      check(same(jsonOf(output), { counted: 15 }), 'G-4', '{"counted":15}', JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'go-away-address',
    title: 'moves to the address that it is given',
    clauses: ['G-2', 'G-1'],
    async play(stage) {
      const other = await stage.openAnother();
      const own = stage.stream.call.headers[':authority'];
      stage.goAway(GoAwayReason.SHUTDOWN, { addresses: [other.address] });
      const { call } = await stage.arrive(['G-1'], 3_000);
      const authority = call.headers[':authority'];
      check(authority === other.address, 'G-2', `a stream to ${other.address}`, `one to ${authority}, as ${own}`);
    },
  },
  {
    name: 'go-away-nobody',
    title: 'comes back to its own address when nobody is at the one that it is given',
    clauses: ['G-6', 'G-4'],
    async play(stage) {
      const gone = await stage.openAnother();
      await gone.close();
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      stage.goAway(GoAwayReason.SHUTDOWN, { addresses: [gone.address] });
      const stream = await stage.arrive(['G-6'], 6_000);
      checkHeld(stream, { [id]: false }, ['G-4']);
    },
  },
  {
    name: 'go-away-resync',
    title: 'says Hello again, with what runs and what waits for its answer, when the two sides disagree',
    clauses: ['G-1', 'H-7', 'R-3', 'G-4'],
    manners: { acksResults: false },
    async play(stage) {
      const running = stage.assign('count', { to: 15, delayMs: 100 });
      const waiting = stage.assign('echo', { kept: true });
      await stage.accepted(running);
      await stage.ends(waiting, 'completed');
      stage.goAway(GoAwayReason.RESYNC);
      checkHeld(await stage.arrive(['G-1'], 3_000), { [running]: false, [waiting]: true });
      await stage.until(['R-3'], `the result of ${waiting} again`, 2_000, () =>
        resultsOf(stage.tape, waiting).some(({ stream }) => stream === stage.stream.number),
      );
      stage.manners.acksResults = true;
      stage.ack(waiting);
      const { output } = await stage.ends(running, 'completed', { withinMs: 4_000, clauses: ['G-4'] });
      check(same(jsonOf(output), { counted: 15 }), 'G-4', '{"counted":15}', JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'go-away-unknown',
    title: 'moves for a reason that it does not know',
    clauses: ['S-2', 'G-1'],
    async play(stage) {
      // Enums are open: what a later version says.
      stage.goAway(99 as GoAwayReason);
      await stage.arrive(['S-2', 'G-1'], 3_000);
      await stage.ends(stage.assign('echo', { moved: true }), 'completed');
    },
  },
  {
    name: 'go-away-cut',
    title: 'comes back when the old stream ends before it has moved',
    clauses: ['G-1', 'E-2'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS);
      await stage.accepted(id);
      stage.goAway(GoAwayReason.SHUTDOWN, { reconnectWithinMs: 1_000 });
      stage.stream.end();
      const stream = await stage.arrive(['G-1', 'E-2'], 3_000);
      checkHeld(stream, { [id]: false });
    },
  },
  ...[GoAwayReason.DRAINED, GoAwayReason.REPLACED].map((reason): Situation => {
    const name = nameOf(GoAwayReason, reason);
    return {
      name: `go-away-${name.toLowerCase()}`,
      title: `stops, and does not come back after ${name}`,
      clauses: ['G-5'],
      async play(stage) {
        const id = stage.assign('count', ENDLESS);
        await stage.accepted(id);
        stage.goAway(reason);
        stage.stream.end();
        const { code } = await stage.exits(['G-5'], 4_000);
        check(code === 0, 'G-5', 'exit code 0', `${code}`);
        check(stage.streams.length === 1, 'G-5', 'no other stream', `${stage.streams.length}`);
        check(told(stage.tape, id, 'accepted').length === 1, 'G-5', 'one start', 'another');
      },
    };
  }),
];

/** Nothing but the leave may go over the old stream after the Hello on the new one. */
function checkQuiet({ tape }: Stage, from: number, stream: number): void {
  const late = tape.entries.find(
    (entry) => entry.kind === 'received' && entry.stream === stream && entry.atMs > from + 50,
  );
  const came = late?.kind === 'received' ? `${late.frame.case}` : 'nothing';
  check(came === 'nothing' || came === 'goodbye', 'G-3', 'nothing on the old stream after the new Hello', came);
}
