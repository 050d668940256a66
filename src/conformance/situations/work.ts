/** Assignments, acceptance, slots, updates. */
import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { RejectReason } from '../../gen/yardmaster/v1/report_pb.ts';
import { jsonOf, resultsOf, told, updatesOf } from '../attempts.ts';
import { check } from '../breach.ts';
import { nameOf } from '../frame-text.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';

/** Works until it is stopped. */
export const ENDLESS = { to: 1, delayMs: 600_000 };

export const work: readonly Situation[] = [
  {
    name: 'echo',
    title: 'does work and answers with its result',
    clauses: ['U-1', 'R-1'],
    async play(stage) {
      const input = { text: 'Größe "1"\n', list: [1, 2.5, -3, null, true], deep: { a: { b: [] } }, empty: '' };
      const id = stage.assign('echo', input);
      const { output } = await stage.ends(id, 'completed');
      check(same(jsonOf(output), input), 'R-1', JSON.stringify(input), JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'no-input',
    title: 'takes an unset input as an empty object',
    clauses: ['A-7'],
    async play(stage) {
      const { output } = await stage.ends(stage.assign('echo', undefined), 'completed', { clauses: ['A-7'] });
      check(same(jsonOf(output), {}), 'A-7', '{}', JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'digest',
    title: 'computes the same as everybody',
    clauses: ['R-1'],
    async play(stage) {
      const id = stage.assign('digest', { text: 'Größe', rounds: 2 });
      const { output } = await stage.ends(id, 'completed');
      const sha256 = 'f1d72e6ebba0871403e189c032a264b2f478c7f384493f84333dfaf33f866a9e';
      check(same(jsonOf(output), { sha256 }), 'R-1', sha256, JSON.stringify(jsonOf(output)));
    },
  },
  {
    name: 'slots',
    title: 'takes as much as it has slots, and more when one is free',
    clauses: ['A-1', 'U-1'],
    async play(stage) {
      stage.need('count');
      const { slots } = stage;
      const given = Array.from({ length: slots + 2 }, () => stage.prepare('count', ENDLESS));
      stage.dispatch(given.map(({ assignment }) => assignment));
      const ids = given.map(({ id }) => id);
      await stage.until(['U-1'], 'an answer to each assignment', 3_000, () =>
        ids.every((id) => updatesOf(stage.tape, id).length > 0),
      );
      const rejected = ids.filter((id) => rejectionOf(stage, id) === RejectReason.BUSY);
      check(rejected.length === 2, 'A-1', `BUSY to 2 of ${slots + 2} for ${slots} slots`, `${rejected.length} times`);
      const taken = ids.filter((id) => !rejected.includes(id));
      const first = taken[0] ?? '';
      stage.stop(first);
      await stage.result(first);
      await stage.accepted(stage.assign('count', ENDLESS));
    },
  },
  {
    name: 'accepts-at-work',
    title: 'accepts in time while another attempt works the processor',
    clauses: ['U-1'],
    async play(stage) {
      stage.needSlots(2);
      const busy = stage.assign('digest', { text: 'work', rounds: 100_000_000 });
      await stage.accepted(busy);
      for (let i = 0; i < 3; i++) {
        await stage.ends(stage.assign('echo', { i }), 'completed', { withinMs: 2_000, clauses: ['U-1'] });
      }
      stage.stop(busy);
      await stage.result(busy);
    },
  },
  {
    name: 'keeps-up',
    title: 'does a thousand small attempts, each once',
    clauses: ['R-1', 'A-1'],
    async play(stage) {
      stage.need('echo');
      const ids: string[] = [];
      while (ids.length < 1_000) {
        const given = Array.from({ length: stage.slots }, () => stage.prepare('echo', { number: ids.length }));
        stage.dispatch(given.map(({ assignment }) => assignment));
        ids.push(...given.map(({ id }) => id));
        await stage.until(['R-1'], 'a result of each attempt', 5_000, () =>
          given.every(({ id }) => stage.results.has(id)),
        );
      }
    },
  },
  {
    name: 'not-offered',
    title: 'rejects what it does not offer, or no longer',
    clauses: ['A-2', 'O-5'],
    async play(stage) {
      const { id, assignment } = stage.prepare('withdrawn-yesterday', {});
      stage.dispatch([assignment]);
      await rejectedWith(stage, id, RejectReason.UNSUPPORTED, 'A-2');
    },
  },
  {
    name: 'bad-input',
    title: 'refuses an input that does not fit, for good',
    clauses: ['A-6'],
    async play(stage) {
      const id = stage.assign('digest', { text: 7, rounds: 'many' });
      await stage.until(['A-6'], 'rejected or failed', 3_000, () => isRefused(stage, id));
    },
  },
  {
    name: 'progress',
    title: 'shows how far it is, not too often',
    clauses: ['U-2', 'U-3'],
    async play(stage) {
      const id = stage.assign('count', { to: 40, delayMs: 25 });
      await stage.ends(id, 'completed', { withinMs: 5_000 });
      const fractions = told(stage.tape, id, 'progress');
      check(fractions.length > 0, 'U-3', 'progress', 'nothing');
      const seconds = ((fractions.at(-1)?.atMs ?? 0) - (fractions[0]?.atMs ?? 0)) / 1_000;
      check(fractions.length <= 12 + seconds * 11, 'U-3', 'at most 10 a second', `${fractions.length} in ${seconds} s`);
      const isGrowing = fractions.every(({ value }, i) => value.fraction >= (fractions[i - 1]?.value.fraction ?? 0));
      check(isGrowing, 'U-3', 'a fraction that grows', fractions.map(({ value }) => value.fraction).join(' '));
    },
  },
  {
    name: 'checkpoints',
    title: 'saves checkpoints once a second, and the last one before the end',
    clauses: ['U-4', 'U-2'],
    async play(stage) {
      const id = stage.assign('count', { to: 10_000, delayMs: 40 });
      await stage.until(['U-4'], 'a checkpoint', 3_000, () => checkpointsOf(stage, id).length > 0);
      const from = stage.tape.now();
      await stage.pass(2_300);
      const passed = checkpointsOf(stage, id).length;
      const seconds = (stage.tape.now() - from) / 1_000;
      check(passed <= seconds + 2, 'U-4', 'one checkpoint a second', `${passed} in ${seconds.toFixed(1)} s`);
      const done = told(stage.tape, id, 'progress').at(-1)?.value.fraction ?? 0;
      stage.stop(id);
      await stage.result(id);
      const last = Number(checkpointsOf(stage, id).at(-1) ?? 0);
      check(
        last >= Math.round(done * 10_000),
        'U-4',
        `the checkpoint of ${Math.round(done * 10_000)}`,
        `that of ${last}`,
      );
    },
  },
  {
    name: 'from-checkpoint',
    title: 'goes on from the checkpoint of an earlier attempt',
    clauses: ['A-8'],
    async play(stage) {
      const id = stage.assign('count', { to: 5, delayMs: 150 }, { number: 2, checkpoint: { at: 3 } });
      const { output } = await stage.ends(id, 'completed');
      check(same(jsonOf(output), { counted: 5 }), 'A-8', '{"counted":5}', JSON.stringify(jsonOf(output)));
      const first = told(stage.tape, id, 'progress')[0]?.value.fraction ?? 1;
      check(first > 0.7, 'A-8', 'a beginning at 4 of 5', `one at ${first * 5}`);
    },
  },
  {
    name: 'own-timeout',
    title: 'ends an attempt by itself when its time is over',
    clauses: ['A-9'],
    async play(stage) {
      const id = stage.assign('count', ENDLESS, { timeoutMs: 800 });
      const from = stage.tape.now();
      const { atMs } = await stage.result(id, 3_500, ['A-9']);
      check(atMs - from >= 780, 'A-9', 'no end before 800 ms', `one after ${Math.round(atMs - from)} ms`);
    },
  },
];

export function same(a: unknown, b: unknown): boolean {
  return stable(a) === stable(b);
}

/** JSON with sorted keys: a Value has no order of its members. */
function stable(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'nothing';
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${stable(member)}`).join(',')}}`;
}

export function rejectionOf({ tape }: Stage, id: string): RejectReason | undefined {
  return told(tape, id, 'rejected')[0]?.value.reason;
}

export async function rejectedWith(stage: Stage, id: string, reason: RejectReason, clause: string): Promise<void> {
  const name = nameOf(RejectReason, reason);
  const given = await stage.until([clause], `that ${id} is rejected with ${name}`, 3_000, () => {
    const found = updatesOf(stage.tape, id)[0]?.value.case ?? resultsOf(stage.tape, id)[0]?.value.result.case;
    return found === undefined ? undefined : { found, reason: rejectionOf(stage, id) };
  });
  const came = given.reason === undefined ? given.found : `rejected with ${nameOf(RejectReason, given.reason)}`;
  check(given.reason === reason, clause, `rejected with ${name}`, came);
}

function isRefused(stage: Stage, id: string): boolean {
  const reason = rejectionOf(stage, id);
  if (reason !== undefined) {
    check(reason === RejectReason.INVALID_INPUT, 'A-6', 'INVALID_INPUT', nameOf(RejectReason, reason));
    return true;
  }
  const result = resultsOf(stage.tape, id)[0]?.value.result;
  if (result === undefined) return false;
  check(result.case === 'failed', 'A-6', 'rejected or failed', `${result.case}`);
  const isFinal = result.case === 'failed' && result.value.retryable === false;
  check(isFinal, 'A-6', 'retryable false', result.case === 'failed' ? `${result.value.retryable}` : '');
  return true;
}

/** The numbers that `count` saved. */
function checkpointsOf({ tape }: Stage, id: string): readonly unknown[] {
  return told(tape, id, 'checkpoint').map(({ value }) => {
    const saved: unknown = value.value === undefined ? undefined : toJson(ValueSchema, value.value);
    return typeof saved === 'object' && saved !== null && 'at' in saved ? saved.at : undefined;
  });
}
