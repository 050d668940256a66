import { describe, expect, it } from 'vitest';
import {
  type AlertMessage,
  type AlertRules,
  AlertSink,
  type Delivery,
} from '../../../src/control-plane/telemetry/alert-sink.ts';
import type { Alert } from '../../../src/core/alerts.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const RULES: AlertRules = {
  runFailed: 'error',
  runTimedOut: 'off',
  agentLost: 'warning',
  storeFailing: 'critical',
  storeMended: 'info',
  stuck: 'warning',
};

function failed(subject: string): Alert {
  return { kind: 'runFailed', subject, message: `${subject} failed`, facts: { workflow: subject } };
}

/** A sink whose receiver answers what `answers` says, and `taken` after that. */
function open(answers: readonly Delivery[] = []) {
  const clock = new VirtualClock();
  const posted: AlertMessage[] = [];
  const errors: string[] = [];
  const left = [...answers];
  const sink = new AlertSink({
    clock,
    random: seededRandom(1),
    logger: { ...silentLogger, error: (message) => errors.push(message) },
    node: 'n-1',
    rules: RULES,
    repeatAfterMs: 60_000,
    post: async (message) => {
      posted.push(message);
      return left.shift() ?? 'taken';
    },
  });
  return { sink, clock, posted, errors, subjects: () => posted.map(({ subject }) => subject) };
}

describe('alerts', () => {
  it('are sent in order, with their severity, and not at all where the rules say off', async () => {
    const { sink, posted } = open();
    sink.raise(failed('Nightly'));
    sink.raise({ ...failed('Weekly'), kind: 'runTimedOut' });
    sink.raise({ ...failed('loader'), kind: 'agentLost' });
    await sink.flush();
    expect(posted.map(({ kind, subject, severity }) => `${severity} ${kind} ${subject}`)).toEqual([
      'error runFailed Nightly',
      'warning agentLost loader',
    ]);
    expect(posted[0]).toMatchObject({ node: 'n-1', repeated: 0, facts: { workflow: 'Nightly' } });
    expect(posted[0]?.id).toMatch(/^[0-9a-z]{26}$/);
  });

  it('that repeat within a time are counted, and the count comes with the next', async () => {
    const { sink, clock, posted } = open();
    for (let i = 0; i < 4; i++) sink.raise(failed('Nightly'));
    sink.raise(failed('Weekly'));
    await clock.advance(60_000);
    sink.raise(failed('Nightly'));
    await sink.flush();
    expect(posted.map(({ subject, repeated }) => [subject, repeated])).toEqual([
      ['Nightly', 0],
      ['Weekly', 0],
      ['Nightly', 3],
    ]);
  });

  it('are tried again under the same id, with growing pauses, before the next is sent', async () => {
    const { sink, clock, posted, subjects } = open(['later', 'later', 'later']);
    sink.raise(failed('first'));
    sink.raise(failed('second'));
    await clock.advance(0);
    expect(subjects()).toEqual(['first']);
    await clock.advance(1_000);
    await clock.advance(2_000);
    expect(subjects()).toEqual(['first', 'first', 'first']);
    await clock.advance(4_000);
    expect(subjects()).toEqual(['first', 'first', 'first', 'first', 'second']);
    expect(new Set(posted.slice(0, 4).map(({ id }) => id)).size).toBe(1);
  });

  it('that are refused, or tried too often, are given up with a line in the log, and the next are sent', async () => {
    const { sink, clock, subjects, errors } = open(['refused', ...Array<Delivery>(14).fill('later')]);
    sink.raise(failed('refused'));
    sink.raise(failed('unlucky'));
    sink.raise(failed('fine'));
    await clock.advance(3_600_000);
    expect(subjects()).toEqual(['refused', ...Array(14).fill('unlucky'), 'fine']);
    expect(errors).toHaveLength(2);
  });

  it('that nobody takes cost bounded memory: the oldest are dropped', async () => {
    const { sink, clock, subjects } = open(['later']);
    for (let i = 0; i < 1_500; i++) sink.raise(failed(`w${i}`));
    await clock.advance(1_000);
    expect(subjects()).toHaveLength(1_001);
    expect(subjects()[1]).toBe('w500');
  });

  it('that wait for another try are tried once more when the process stops', async () => {
    const { sink, clock, subjects } = open(['later', 'later']);
    sink.raise(failed('last words'));
    await clock.advance(0);
    await sink.flush();
    expect(subjects()).toEqual(['last words', 'last words']);
  });
});
