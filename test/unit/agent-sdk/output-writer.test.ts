/** What a handler writes, on its side of the thread: cut, numbered, and held back until there is room. */
import { expect, test } from 'vitest';
import type { News } from '../../../src/agent-sdk/news.ts';
import { OutputWriter } from '../../../src/agent-sdk/output-writer.ts';
import { AttemptStopped } from '../../../src/agent-sdk/step-error.ts';
import { limits } from '../../../src/core/limits.ts';

type Chunk = Extract<News, { type: 'chunk' }>;

function create(first = 1, controller = new AbortController()) {
  const told: Chunk[] = [];
  const writer = new OutputWriter({
    attemptId: 'r/a#1',
    stepPath: 'a',
    first,
    signal: controller.signal,
    tell: (news) => {
      if (news.type === 'chunk') told.push(news);
    },
  });
  return { writer, told, controller };
}

function bytesOf(told: readonly Chunk[]): number {
  return told.reduce((sum, { size }) => sum + size, 0);
}

/** Whether a promise has settled once everything that is due now has happened. */
async function stateOf(promise: Promise<void>): Promise<string> {
  const waits = new Promise<string>((resolve) => setImmediate(() => resolve('waits')));
  return Promise.race([
    promise.then(
      () => 'done',
      (error: { code?: string }) => error.code ?? String(error),
    ),
    waits,
  ]);
}

test('a text is cut where it is too long for a chunk, between whole characters', async () => {
  const { writer, told } = create(5);
  const text = `a${'\u{1f682}'.repeat(20_000)}`;
  void writer.write(text);
  for (let number = 5; number <= 8; number++) writer.written(number, 'STORED');
  expect(told.map(({ number }) => number)).toEqual([5, 6]);
  expect(told.map(({ data }) => data).join('')).toBe(text);
  expect(told.every(({ size }) => size <= limits.chunkBytesMax)).toBe(true);
  expect(told.map(({ data }) => String(data).isWellFormed())).toEqual([true, true]);
});

test('bytes are copied, so that the buffer can be used again', () => {
  const { writer, told } = create();
  const buffer = Uint8Array.from([1, 2, 3]);
  void writer.write(buffer);
  buffer.fill(0);
  expect(told.map(({ data }) => data)).toEqual([Uint8Array.from([1, 2, 3])]);
});

test('whoever writes more than the window waits until it is stored, and small pieces grow together meanwhile', async () => {
  const { writer, told } = create();
  const full = 'x'.repeat(limits.chunkWindowBytes);
  const first = writer.write(full);
  const late = [writer.write('a'), writer.write('b'), writer.write('c', { channel: 'errors' }), writer.write('d')];
  const before = told.length;
  expect(bytesOf(told)).toBeLessThanOrEqual(limits.chunkWindowBytes + limits.chunkBytesMax);
  expect(await stateOf(first)).toBe('waits');
  writer.written(before, 'STORED');
  expect(await Promise.all([first, ...late].map(stateOf))).toEqual(['done', 'done', 'done', 'done', 'done']);
  expect(told.slice(before).map(({ channel, data }) => `${channel} ${String(data).slice(-2)}`)).toEqual([
    'main ab',
    'errors c',
    'main d',
  ]);
  expect(told.map(({ number }) => number)).toEqual(told.map((_, i) => i + 1));
});

test('nothing is written after the limit or once the attempt is over, and whoever waits hears it', async () => {
  for (const [state, code] of [
    ['LIMIT', 'LIMIT'],
    ['DROPPED', ''],
  ] as const) {
    const { writer, told } = create();
    const waiting = writer.write('x'.repeat(limits.chunkWindowBytes * 2));
    writer.written(1, state);
    const error = await waiting.catch((reason: unknown) => reason);
    if (state === 'LIMIT') expect(error).toMatchObject({ code });
    else expect(error).toBeInstanceOf(AttemptStopped);
    const count = told.length;
    await expect(writer.write('more')).rejects.toBe(error);
    expect(told).toHaveLength(count);
    await writer.finish();
  }
});

test('a stop lets go of what waits, and nothing unhandled remains of writes that nobody waited for', async () => {
  const { writer, told, controller } = create();
  void writer.write('x'.repeat(limits.chunkWindowBytes * 3));
  const ending = writer.finish();
  controller.abort(new AttemptStopped('CANCELLED', 0));
  await ending;
  await expect(writer.write('late')).rejects.toBeInstanceOf(AttemptStopped);
  expect(bytesOf(told)).toBeLessThanOrEqual(limits.chunkWindowBytes + limits.chunkBytesMax);
});

test('a handler that writes for the first time after its stop writes nothing', async () => {
  const stopped = new AbortController();
  stopped.abort(new AttemptStopped('CANCELLED', 0));
  const { writer, told } = create(1, stopped);
  await expect(writer.write('late')).rejects.toBeInstanceOf(AttemptStopped);
  expect(told).toEqual([]);
});

test('refuses what is neither text nor bytes, and a channel that is no name', async () => {
  const { writer, told } = create();
  // As a handler in JavaScript may do it.
  await expect(writer.write(7 as unknown as string)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  await expect(writer.write('a', { channel: 'no name' })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  await writer.write('b');
  expect(told.map(({ number, data }) => [number, data])).toEqual([[1, 'b']]);
});
