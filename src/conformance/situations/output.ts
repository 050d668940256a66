/** Chunks of output: their numbers, and that each is kept until it is stored. */
import { ChunkVerdict } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { told } from '../attempts.ts';
import { check, Unsupported } from '../breach.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';

/** Writes until it is stopped. */
const LONG = { to: 10_000, delayMs: 50 };

export const output: readonly Situation[] = [
  {
    name: 'chunks',
    title: 'writes its output in chunks, and all of it before the end',
    clauses: ['P-1', 'P-6'],
    async play(stage) {
      const id = stage.assign('count', { to: 3, delayMs: 50 });
      await writes(stage, id, 1);
      await stage.ends(id, 'completed');
      const chunks = new Map(told(stage.tape, id, 'chunk').map(({ value }) => [value.number, value]));
      const texts = [...chunks.values()].map(({ channel, content }) => `${channel} ${JSON.stringify(content.value)}`);
      check(texts.length === 3, 'P-6', 'three chunks before the result', `${texts.length}`);
      const isRight = texts.join() === 'out "1\\n",out "2\\n",out "3\\n"';
      check(isRight, 'P-1', 'the numbers 1 to 3, a line each, on channel out', texts.join());
      checkNumbers(stage, id, 1);
    },
  },
  {
    name: 'chunks-from-number',
    title: 'goes on with the number of the next chunk',
    clauses: ['P-1'],
    async play(stage) {
      const id = stage.assign('count', { to: 5, delayMs: 50 }, { checkpoint: { at: 3 }, nextChunk: 4 });
      await writes(stage, id, 1);
      await stage.ends(id, 'completed');
      checkNumbers(stage, id, 4);
    },
  },
  {
    name: 'chunks-after-cut',
    title: 'sends what is not stored again on a new stream',
    clauses: ['P-2', 'P-5'],
    manners: { acksChunks: false },
    async play(stage) {
      const id = stage.assign('count', LONG);
      const first = await writes(stage, id, 3);
      stage.cut(stage.stream);
      const stream = await stage.arrive(['E-2'], 5_000);
      const held = stream.hello?.held.find(({ attemptId }) => attemptId === id)?.lastChunk ?? 0;
      check(held >= first, 'P-5', `last_chunk of at least ${first}`, `${held}`);
      await stage.until(['P-2'], `chunk ${held} again`, 3_000, () =>
        numbersOn(stage, id, stream.number).includes(held),
      );
      const [again = 0] = numbersOn(stage, id, stream.number);
      check(again === 1, 'P-2', 'chunk 1 first', `chunk ${again}`);
      checkNumbers(stage, id, 1);
    },
  },
  {
    name: 'chunks-resend',
    title: 'sends again what is asked for',
    clauses: ['P-3'],
    manners: { acksChunks: false },
    async play(stage) {
      const id = stage.assign('count', LONG);
      await writes(stage, id, 3);
      ackChunks(stage, id, 1, ChunkVerdict.RESEND);
      const again = (): readonly number[] => {
        const numbers = numbersOn(stage, id, stage.stream.number);
        return numbers.slice(numbers.findIndex((number, i) => number <= (numbers[i - 1] ?? 0)));
      };
      await stage.until(['P-3'], 'chunks that were sent before', 3_000, () => isAgain(numbersOn(stage, id, 1)));
      check(again()[0] === 2, 'P-3', 'chunk 2 first', `chunk ${again()[0]}`);
      await stage.until(['P-3'], 'chunk 3 again', 3_000, () => again().includes(3));
    },
  },
  {
    name: 'chunks-dropped',
    title: 'sends no more output when it is dropped',
    clauses: ['P-4'],
    async play(stage) {
      const id = stage.assign('count', LONG);
      await writes(stage, id, 2);
      ackChunks(stage, id, 0, ChunkVerdict.DROPPED);
      await stage.pass(500);
      const count = told(stage.tape, id, 'chunk').length;
      await stage.never(['P-4'], 'no more chunks', 700, () =>
        told(stage.tape, id, 'chunk').length > count ? 'another one' : undefined,
      );
    },
  },
];

/** Waits for so many chunks; answers the number of the last one. */
async function writes(stage: Stage, id: string, count: number): Promise<number> {
  const numbers = (): readonly number[] => told(stage.tape, id, 'chunk').map(({ value }) => value.number);
  // A checkpoint follows its chunk, and so does the end.
  const isLate = (): boolean => told(stage.tape, id, 'checkpoint').length > 0 || stage.results.has(id);
  await stage.until(['P-1'], `${count} chunks`, 5_000, () => {
    if (numbers().length === 0 && isLate()) throw new Unsupported('it writes no output');
    return numbers().length >= count;
  });
  return numbers().at(-1) ?? 0;
}

function ackChunks(stage: Stage, attemptId: string, stored: number, verdict: ChunkVerdict): void {
  stage.stream.send({ case: 'dispatch', value: { acks: { chunks: [{ attemptId, stored, verdict }] } } });
}

function numbersOn(stage: Stage, id: string, stream: number): readonly number[] {
  return told(stage.tape, id, 'chunk')
    .filter((chunk) => chunk.stream === stream)
    .map(({ value }) => value.number);
}

function isAgain(numbers: readonly number[]): boolean {
  return numbers.some((number, i) => number <= (numbers[i - 1] ?? 0));
}

/** On each stream they begin at `first` and grow by one. One that was said may be said again, such as beside the result. */
function checkNumbers(stage: Stage, id: string, first: number): void {
  for (const { number } of stage.streams) {
    const numbers = numbersOn(stage, id, number);
    const isRight = numbers.every(
      (found, i) => found >= first && found <= Math.max(first - 1, ...numbers.slice(0, i)) + 1,
    );
    check(isRight, 'P-1', `numbers from ${first}, by one`, numbers.join(' '));
  }
}
