/** Results: kept until they are acknowledged, sent again, never two. */
import { equals } from '@bufbuild/protobuf';
import { ResultVerdict } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { type AttemptFailed, AttemptResultSchema } from '../../gen/yardmaster/v1/report_pb.ts';
import { jsonOf, resultsOf, told, updatesOf } from '../attempts.ts';
import { check } from '../breach.ts';
import { nameOf, resultText } from '../frame-text.ts';
import { checkHeld } from '../held.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';
import { same } from './work.ts';

export const results: readonly Situation[] = [
  {
    name: 'fails',
    title: 'says how a handler failed, and nothing that it did not say',
    clauses: ['R-5'],
    async play(stage) {
      const plain = await fail(stage, { code: 'UPSTREAM_DOWN', message: 'no answer' });
      check(plain.retryable === undefined, 'R-5', 'retryable unset', `${plain.retryable}`);
      check(plain.retryAfterMs === 0 && !plain.avoidThisAgent, 'R-5', 'no other wishes', 'some');
      const last = await fail(stage, { code: 'NO_SUCH_ROW', message: 'gone', retryable: false, avoidThisAgent: true });
      check(last.retryable === false, 'R-5', 'retryable false', `${last.retryable}`);
      check(last.avoidThisAgent, 'R-5', 'avoid_this_agent', 'false');
      const later = await fail(stage, { code: 'BUSY_THERE', message: 'later', retryable: true, retryAfterMs: 1_500 });
      check(later.retryable === true, 'R-5', 'retryable true', `${later.retryable}`);
      check(later.retryAfterMs === 1_500, 'R-5', 'retry_after_ms 1500', `${later.retryAfterMs}`);
    },
  },
  {
    name: 'fails-at-first',
    title: 'gives its handler the number of the try',
    clauses: ['R-5'],
    async play(stage) {
      const input = { code: 'FLAKY', message: 'once more', times: 1 };
      await stage.ends(stage.assign('fail', input), 'failed');
      const id = stage.assign('fail', input, { number: 2, tryNumber: 2 });
      const { output } = await stage.ends(id, 'completed', { clauses: ['R-5'] });
      check(same(jsonOf(output), { tries: 2 }), 'R-5', '{"tries":2}', JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'unacked-result',
    title: 'keeps a result that is not acknowledged, and sends it again on a new stream',
    clauses: ['R-2', 'R-3', 'H-7'],
    manners: { acksResults: false },
    async play(stage) {
      const id = stage.assign('echo', { keep: 'me' });
      const first = await stage.result(id);
      stage.cut(stage.stream);
      const stream = await stage.arrive(['E-2'], 5_000);
      checkHeld(stream, { [id]: true });
      const again = await stage.until(['R-3'], `the result of ${id} again`, 3_000, () => onStream(stage, id, 2)[0]);
      const isSame = equals(AttemptResultSchema, first.value, again.value);
      check(isSame, 'R-3', resultText(first.value), resultText(again.value));
      stage.ack(id);
      await forgets(stage, id);
    },
  },
  {
    name: 'result-once',
    title: 'sends a result once on a stream',
    clauses: ['R-4'],
    manners: { acksResults: false },
    async play(stage) {
      const id = stage.assign('echo', { once: true });
      await stage.result(id);
      await stage.never(['R-4'], 'one result on this stream', 1_500, () =>
        resultsOf(stage.tape, id).length > 1 ? `${resultsOf(stage.tape, id).length} results` : undefined,
      );
    },
  },
  ...[ResultVerdict.SUPERSEDED, ResultVerdict.UNKNOWN].map((verdict): Situation => {
    const name = nameOf(ResultVerdict, verdict);
    return {
      name: `${name.toLowerCase()}-result`,
      title: `forgets a result that is answered ${name}`,
      clauses: ['R-2'],
      manners: { acksResults: false },
      async play(stage) {
        const id = stage.assign('echo', { late: true });
        await stage.result(id);
        stage.ack(id, verdict);
        await forgets(stage, id);
      },
    };
  }),
  {
    name: 'assigned-again',
    title: 'starts nothing when the assignment of a running attempt comes again',
    clauses: ['A-4', 'R-1'],
    async play(stage) {
      stage.need('count');
      const { id, assignment } = stage.prepare('count', { to: 6, delayMs: 200 });
      stage.dispatch([assignment]);
      await stage.until(['U-3'], 'progress', 3_000, () => told(stage.tape, id, 'progress').length > 0);
      stage.dispatch([assignment]);
      await stage.until(['A-4'], 'accepted again', 2_000, () => told(stage.tape, id, 'accepted').length > 1);
      await stage.ends(id, 'completed', { withinMs: 4_000 });
      const fractions = told(stage.tape, id, 'progress').map(({ value }) => value.fraction);
      const isOne = fractions.every((fraction, i) => fraction >= (fractions[i - 1] ?? 0));
      check(isOne, 'A-4', 'one execution', `progress ${fractions.map((f) => f.toFixed(2)).join(' ')}`);
      await noSecond(stage, id, 1);
    },
  },
  {
    name: 'assigned-again-at-end',
    title: 'says its result again when the assignment of a finished attempt comes again',
    clauses: ['A-4', 'R-1'],
    manners: { acksResults: false },
    async play(stage) {
      const { id, assignment } = stage.prepare('fail', { code: 'ONCE', message: 'only once' });
      stage.need('fail');
      stage.dispatch([assignment]);
      await stage.result(id);
      stage.dispatch([assignment]);
      await stage.until(['A-4'], 'the same result again', 2_000, () => resultsOf(stage.tape, id).length > 1);
      const accepted = told(stage.tape, id, 'accepted').length;
      check(accepted <= 1, 'A-4', 'no second start', 'accepted again after the result');
    },
  },
  {
    name: 'assigned-again-later',
    title: 'starts nothing when the assignment of a settled attempt comes again',
    clauses: ['A-5'],
    async play(stage) {
      stage.need('echo');
      const { id, assignment } = stage.prepare('echo', { settled: true });
      stage.dispatch([assignment]);
      await stage.result(id);
      await beatsOnce(stage);
      const before = updatesOf(stage.tape, id).length + resultsOf(stage.tape, id).length;
      stage.dispatch([assignment]);
      await stage.never(['A-5'], 'nothing', 1_000, () =>
        updatesOf(stage.tape, id).length + resultsOf(stage.tape, id).length > before ? 'news of it' : undefined,
      );
    },
  },
  {
    name: 'one-result',
    title: 'gives one result when a stop crosses it',
    clauses: ['R-1', 'T-2'],
    async play(stage) {
      for (let i = 0; i < 8; i++) {
        const id = stage.assign('count', { to: 1, delayMs: 60 });
        await stage.accepted(id);
        await stage.pass(45 + 4 * i);
        stage.stop(id);
        await stage.result(id);
      }
      // A second one, if it comes, is found when all is over.
      await stage.pass(500);
    },
  },
];

async function fail(stage: Stage, input: object): Promise<AttemptFailed> {
  const failed = await stage.ends(stage.assign('fail', input), 'failed');
  const { code, message } = { code: '', message: '', ...input };
  check(failed.code === code, 'R-5', `code ${code}`, failed.code);
  check(failed.message === message, 'R-5', `message "${message}"`, `"${failed.message}"`);
  return failed;
}

function onStream({ tape }: Stage, id: string, stream: number) {
  return resultsOf(tape, id).filter((told) => told.stream === stream);
}

/** Two more beats: what was sent before has arrived. */
export async function beatsOnce(stage: Stage): Promise<void> {
  const from = stage.tape.now();
  await stage.until(['B-1'], 'two more beats', 2_000, () => {
    const beats = stage.tape.entries.filter(
      (entry) => entry.kind === 'received' && entry.frame.case === 'beat' && entry.atMs > from,
    );
    return beats.length >= 2;
  });
}

/** After an ack: another stream has neither the attempt in held nor its result. */
async function forgets(stage: Stage, id: string): Promise<void> {
  await beatsOnce(stage);
  stage.cut(stage.stream);
  const stream = await stage.arrive(['E-2'], 5_000);
  const isHeld = stream.hello?.held.some(({ attemptId }) => attemptId === id) ?? false;
  check(!isHeld, 'R-2', `nothing of ${id} any more`, 'it in held');
  await stage.never(['R-2'], `nothing of ${id} any more`, 700, () =>
    onStream(stage, id, stream.number).length > 0 ? 'its result' : undefined,
  );
}

async function noSecond(stage: Stage, id: string, count: number): Promise<void> {
  await stage.never(['R-1'], `${count} result`, 1_500, () => {
    const found = resultsOf(stage.tape, id).length;
    return found > count ? `${found}` : undefined;
  });
}
