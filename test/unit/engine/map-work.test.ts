/** What a map costs, counted: nothing of it may grow with the number of items but what the items themselves are. */
import { expect, test } from 'vitest';
import { startRun } from '../../../src/control-plane/engine/commands/start-run.ts';
import type { Effect } from '../../../src/control-plane/engine/commands.ts';
import { decide } from '../../../src/control-plane/engine/decide.ts';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { liveSteps } from '../../../src/control-plane/engine/frames.ts';
import type { MapDetail, RunState } from '../../../src/control-plane/engine/state.ts';
import { limits } from '../../../src/core/limits.ts';
import { inlineValue } from '../../../src/core/stored-value.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import { flow, map, step } from './flow.ts';

const CONCURRENCY = 20;
const blobs = new Map<string, Uint8Array>();
const context = { now: 1, values: { get: (id: string) => blobs.get(id) } };

interface Work {
  readonly state: RunState;
  readonly events: readonly RunEvent[];
  readonly effects: readonly Effect[];
  /** Looks through all frames that are open, and at what items gave, while items ended. */
  scans: number;
  outputReads: number;
}

function detailOf(state: RunState): MapDetail {
  const found = state.root.steps[0]?.detail?.map;
  if (found === undefined) throw new Error('the map has not begun');
  return found;
}

function started(count: number): Work {
  blobs.clear();
  const each = step('work', { parameters: { of: '${{ item }}', i: '${{ index }}' } });
  const { definition } = flow([map('each', 'params', each, { concurrency: CONCURRENCY })]);
  const params = encodeValue(Array.from({ length: count }, (_, i) => ({ n: i })));
  blobs.set('params', params);
  const { state, decision } = startRun(
    {
      type: 'StartRun',
      runId: 'r',
      namespace: 'default',
      workflow: compileWorkflow(definition, 1),
      params: { kind: 'blob', blobId: 'params', size: params.length },
      priority: 'normal',
    },
    context,
  );
  expect(decision.needs).toBeUndefined();
  const work: Work = { state, events: decision.events, effects: decision.effects, scans: 0, outputReads: 0 };
  watch(detailOf(state), work);
  return work;
}

/** Counts every walk over the frames, and every output that is read. */
function watch(detail: MapDetail, work: Work): void {
  const { frames } = detail;
  const [values, keys, entries] = [frames.values.bind(frames), frames.keys.bind(frames), frames.entries.bind(frames)];
  const counted = <Answer>(look: () => Answer) => {
    return (): Answer => {
      work.scans += 1;
      return look();
    };
  };
  frames.values = counted(values);
  frames.keys = counted(keys);
  frames.entries = counted(entries);
  detail.outputs = new Proxy(detail.outputs, {
    get(outputs, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) work.outputReads += 1;
      return Reflect.get(outputs, key) as unknown;
    },
  });
}

interface Ended extends Work {
  readonly decisions: number;
  /** The most items that were held at once. */
  readonly held: number;
}

function ended(count: number): Ended {
  const work = started(count);
  const { state } = work;
  const { frames } = detailOf(state);
  const events = [...work.events];
  const effects = [...work.effects];
  const counts = { decisions: 1, held: 0, scans: 0, outputReads: 0 };
  for (let i = 0; i < count; i++) {
    const at = { path: `each/${i}/work`, instanceId: 'one' };
    const result = { kind: 'completed', output: inlineValue(encodeValue(i * 2)) } as const;
    for (const command of [
      { type: 'AssignStep', ...at, agentId: 'a', idempotent: false, timeoutMs: 0 } as const,
      { type: 'SettleAttempt', ...at, number: 1, result } as const,
    ]) {
      const decision = decide(state, command, context);
      expect(decision.answer.type).not.toBe('none');
      events.push(...decision.events);
      effects.push(...decision.effects);
      counts.decisions += 1;
    }
    // With the last item the map ends, which looks at all of them, once.
    if (i < count - 1) Object.assign(counts, { scans: work.scans, outputReads: work.outputReads });
    counts.held = Math.max(counts.held, frames.size);
  }
  return { state, events, effects, ...counts };
}

test('an item costs the same events, decisions and effects among 100 items as among 2,000', () => {
  const [few, many] = [ended(100), ended(2_000)];
  const perItem = ({ events, decisions, effects }: typeof few, count: number) => ({
    events: Math.round(events.length / count),
    decisions: Math.round(decisions / count),
    effects: Math.round(effects.length / count),
  });
  expect(perItem(few, 100)).toEqual({ events: 6, decisions: 2, effects: 4 });
  expect(perItem(many, 2_000)).toEqual(perItem(few, 100));
  // What a map costs besides its items does not depend on them, either.
  expect(many.events.length - 6 * 2_000).toBe(few.events.length - 6 * 100);
  expect([few.scans, many.scans]).toEqual([0, 0]);
  expect([few.outputReads, many.outputReads]).toEqual([0, 0]);
});

test('a run holds the steps of the items that run, whatever the number of those before and after', () => {
  const { state, held } = ended(2_000);
  expect(held).toBe(CONCURRENCY);
  expect(liveSteps(state).map(({ path, status }) => [path, status])).toEqual([['each', 'COMPLETED']]);
  const { items, outputs, frames, ...counts } = detailOf(state);
  expect([items, outputs, frames.size]).toEqual([undefined, [], 0]);
  expect(counts).toMatchObject({ count: 2_000, started: 2_000, ended: 2_000, failed: 0 });
  const output = state.root.steps[0]?.detail?.output;
  expect(output?.kind).toBe('blob');
});

test('gives the outputs in the order of the items, also of so many', () => {
  const { state, effects } = ended(limits.mapItemsMax);
  const output = state.root.steps[0]?.detail?.output;
  const blobId = output?.kind === 'blob' ? output.blobId : '';
  const stored = effects.findLast((effect) => effect.type === 'storeBlob' && effect.blobId === blobId);
  const list = stored?.type === 'storeBlob' ? decodeValue(stored.bytes) : undefined;
  expect(list).toEqual(Array.from({ length: limits.mapItemsMax }, (_, i) => i * 2));
  expect(state.status).toBe('COMPLETED');
});

test('of items that have not started nothing is stored, and one event closes them', () => {
  const { state, events } = started(limits.mapItemsMax);
  expect(events.filter(({ type }) => type === 'BodyStarted')).toHaveLength(CONCURRENCY);
  expect(liveSteps(state)).toHaveLength(1 + CONCURRENCY);
  expect(detailOf(state).outputs).toHaveLength(0);
  const cancelled = decide(state, { type: 'CancelRun', reason: 'enough' }, context);
  // CancelRequested, RunEnding, StepStopping of the map, StepCancelled and BodyEnded of each that waited, and the ends.
  expect(cancelled.events).toHaveLength(3 + 2 * CONCURRENCY + 2);
  expect(cancelled.events.slice(-2).map(({ type }) => type)).toEqual(['StepCancelled', 'RunEnded']);
  expect(state.status).toBe('CANCELLED');
});
