/** A control plane that stops and sends its agents elsewhere: for whom it waits, and how long. */
import { beforeEach, expect, test } from 'vitest';
import { Fleet } from '../../../src/control-plane/registry/fleet.ts';
import type { AgentFrame, SessionReceiver } from '../../../src/control-plane/registry/frames.ts';
import { Sessions, type SessionsOptions } from '../../../src/control-plane/runtime/sessions.ts';
import { times } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { hello } from '../../integration/runtime/raw-agent.ts';
import { HandClock } from '../../integration/transport/rig.ts';

const INTERVAL = times.beatIntervalMs;

let clock: HandClock;
let sessions: Sessions;
let fleet: Fleet;
/** What each stream heard, in order over all of them. */
let history: string[];

beforeEach(() => {
  clock = new HandClock();
  history = [];
  fleet = new Fleet({ beatIntervalMs: INTERVAL, suspectBeats: 2, silentBeats: 3, lossWindowMs: 30_000 });
  sessions = open(['b.example:7420']);
});

function open(goAwayAddresses: readonly string[]): Sessions {
  // What a Hello asks of the others.
  const others = { returns: { reconcile: () => {} }, apply: () => {}, onRoom: () => {}, isStopping: () => false };
  const now = (): { at: number; wall: number } => ({ at: clock.monotonic(), wall: clock.now() });
  const options = { ...others, node: 'n', clock, logger: silentLogger, fleet, goAwayAddresses, now };
  return new Sessions(options as unknown as SessionsOptions);
}

/** A stream that says `frames`; its other end answers the end of the stream in the next turn, as a real one does. */
function stream(name: string, ...frames: AgentFrame[]): SessionReceiver {
  const receiver = sessions.accept({
    remote: name,
    send: ({ type }) => void (type === 'goAway' && history.push(`${name} goAway`)),
    encode: () => new Uint8Array(),
    end: () => {
      history.push(`${name} end`);
      queueMicrotask(() => receiver.ended());
    },
  });
  for (const frame of frames) receiver.frame(frame);
  return receiver;
}

function goAway(): void {
  void sessions.goAway().then(() => history.push('gone'));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('with no stream open it waits for nobody', async () => {
  goAway();
  await turn();
  expect(history).toEqual(['gone']);
  expect(clock.waiting).toBe(0);
});

test('it waits until every agent has left, and no longer', async () => {
  const [a, b] = [stream('a', hello('a', [])), stream('b', hello('b', []))];
  goAway();
  a.ended();
  await turn();
  expect(history).toEqual(['a goAway', 'b goAway']);
  b.ended();
  await turn();
  expect(history).toEqual(['a goAway', 'b goAway', 'gone']);
  expect(clock.waiting).toBe(0);
});

test('an agent that does not leave is waited for as long as agents may take, and then its stream ends', async () => {
  stream('a', hello('a', []));
  goAway();
  clock.advance(times.moveMs - 1);
  await turn();
  expect(history).toEqual(['a goAway']);
  clock.advance(1);
  await turn();
  expect(history).toEqual(['a goAway', 'a end', 'gone']);
});

test('nobody waits for a person, for a stream without a Hello, or for an agent that is silent: their streams end at once', async () => {
  stream('silent', hello('silent', []));
  clock.advance(2 * INTERVAL);
  fleet.tick({ at: clock.monotonic(), wall: clock.now() });
  stream('person', hello('person', [], { isManual: true }));
  stream('nobody');
  goAway();
  await turn();
  const told = ['silent goAway', 'person goAway', 'nobody goAway'];
  expect(history).toEqual([...told, 'silent end', 'person end', 'nobody end', 'gone']);
  expect(clock.waiting).toBe(0);
});

test('those that are not waited for end at once beside one that is', async () => {
  const agent = stream('agent', hello('agent', []));
  stream('person', hello('person', [], { isManual: true }));
  goAway();
  await turn();
  expect(history).toEqual(['agent goAway', 'person goAway', 'person end']);
  agent.ended();
  await turn();
  expect(history.at(-1)).toBe('gone');
});

test('without other addresses every stream ends at once', async () => {
  sessions = open([]);
  stream('a', hello('a', []));
  goAway();
  await turn();
  expect(history).toEqual(['a goAway', 'a end', 'gone']);
});
