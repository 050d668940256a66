/** Chunks frame by frame: what an agent says of them, in whatever order, and what it is answered. */
import { expect, test } from 'vitest';
import type { AgentFrame } from '../../../src/control-plane/registry/frames.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

/** One report with a chunk for each number; a text is that of the chunk. */
function chunks(attemptId: string, ...numbers: readonly (number | readonly [number, string])[]): AgentFrame {
  const updates = numbers.map((entry) => {
    const [number, text] = typeof entry === 'number' ? [entry, `chunk ${entry}`] : entry;
    return { type: 'chunk', attemptId, number, channel: 'main', kind: 'text', bytes: Buffer.from(text) } as const;
  });
  return { type: 'report', updates, results: [] };
}

/** Answers to chunks, in order. */
function answers(agent: RawAgent): string[] {
  return agent.heard.flatMap((frame) =>
    frame.type === 'dispatch' ? frame.chunks.map(({ stored, verdict }) => `${stored} ${verdict}`) : [],
  );
}

function stored(mesh: TestMesh, run: TestRun, attempt = 1): string[] {
  const output = mesh.data.outputs.get(run.id)?.get(`a\0${attempt}`);
  return [...(output?.chunks.values() ?? [])].map(({ number, bytes }) => `${number} ${Buffer.from(bytes)}`);
}

async function begin(mesh: TestMesh, more: Readonly<Record<string, unknown>> = {}) {
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a', more)]));
  const id = agent.assignments[0]?.attemptId ?? '';
  await agent.say(accepted(id));
  return { agent, run, id };
}

test('a chunk is answered when it is stored; a repeat is ignored, and answered again', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1, 2));
  await agent.say(chunks(id, [2, 'changed'], 3), chunks(id, 1));
  expect(answers(agent).at(0)).toBe('2 STORED');
  expect(answers(agent).at(-1)).toBe('3 STORED');
  expect(stored(mesh, run)).toEqual(['1 chunk 1', '2 chunk 2', '3 chunk 3']);
});

test('a gap is refused once, and the agent is told from where to send again', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1));
  await agent.say(chunks(id, 3), chunks(id, 4), chunks(id, 5));
  expect(answers(agent)).toEqual(['1 STORED', '1 RESEND']);
  await agent.say(chunks(id, 2, 3));
  expect(answers(agent).slice(2)).toEqual(['3 STORED']);
  await agent.say(chunks(id, 9));
  expect(answers(agent).slice(3)).toEqual(['3 RESEND']);
  expect(stored(mesh, run)).toEqual(['1 chunk 1', '2 chunk 2', '3 chunk 3']);
});

test('what comes in one turn with the result is stored before it', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1, 2), completed(id, 'done'));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(agent.acks).toEqual(['a#1 ACCEPTED']);
  expect(stored(mesh, run)).toEqual(['1 chunk 1', '2 chunk 2']);
});

test('chunks of an attempt that is over, fenced or unknown are dropped, and that is told', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1), completed(id));
  await agent.say(chunks(id, 2));
  expect(answers(agent).at(-1)).toBe('0 DROPPED');
  expect(stored(mesh, run)).toEqual(['1 chunk 1']);
  const late = await begin(mesh, { timeout: '1s' });
  await late.agent.say(chunks(late.id, 1));
  await mesh.advance('2s');
  expect(late.agent.stops).toEqual(['a#1 DEADLINE']);
  await late.agent.say(chunks(late.id, 2));
  expect(answers(late.agent)).toEqual(['1 STORED', '0 DROPPED']);
  expect(stored(mesh, late.run)).toEqual(['1 chunk 1']);
  await late.agent.say(chunks('nonsense', 1));
  expect(answers(late.agent).at(-1)).toBe('0 DROPPED');
});

test('an agent that returns hears what is stored; one that forgot the attempt goes on behind it', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1, 2));
  await agent.drop();
  const held = [{ attemptId: id, isFinished: false, lastChunk: 3 }];
  const back = await new RawAgent(mesh).say(hello('i-1', ['a'], { held }));
  expect(answers(back)).toEqual(['2 STORED']);
  await back.drop();
  const forgetful = await new RawAgent(mesh).say(hello('i-1', ['a']));
  expect(forgetful.assignments.map(({ attemptId, nextChunk }) => [attemptId, nextChunk])).toEqual([[id, 3]]);
  await forgetful.say(chunks(id, 3), completed(id));
  expect(stored(mesh, run)).toEqual(['1 chunk 1', '2 chunk 2', '3 chunk 3']);
});

test('after a restart it is known what is stored', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  await agent.say(chunks(id, 1, 2));
  await mesh.restart();
  const held = [{ attemptId: id, isFinished: false, lastChunk: 2 }];
  const back = await new RawAgent(mesh).say(hello('i-1', ['a'], { held }), chunks(id, 4));
  expect(answers(back)).toEqual(['2 RESEND']);
  await back.say(chunks(id, 3, 4));
  expect(answers(back).at(-1)).toBe('4 STORED');
  expect(stored(mesh, run)).toEqual(['1 chunk 1', '2 chunk 2', '3 chunk 3', '4 chunk 4']);
});

test('more than may wait is refused and asked for again, and nothing is lost', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh);
  const piece = 'x'.repeat(limits.chunkBytesMax);
  const all = Array.from({ length: 20 }, (_, i) => [i + 1, piece] as const);
  await agent.say(chunks(id, ...all));
  const [verdict] = answers(agent).slice(-1);
  const from = Number(verdict?.split(' ')[0]);
  expect(verdict).toBe(`${from} RESEND`);
  expect(from * piece.length).toBeLessThanOrEqual(limits.attemptOutputWaitingBytesMax);
  await agent.say(chunks(id, ...all.slice(from)));
  expect(answers(agent).at(-1)).toBe(`${all.length} STORED`);
  expect(stored(mesh, run).map((line) => Number(line.split(' ')[0]))).toEqual(all.map(([number]) => number));
});

const WEIGHT = limits.chunkOverheadBytes + 'chunk 3'.length;

test.each([
  ['an attempt', 'attempt', limits.attemptOutputBytesMax, 'a'],
  ['a run', 'run', limits.runOutputBytesMax, 'other'],
] as const)(
  'what is kept of %s is stored to the last byte; what is above it is dropped and told',
  async (_, limit, bytesMax, path) => {
    await using mesh = await TestMesh.start();
    const { agent, run, id } = await begin(mesh);
    // As if that much had been written before.
    const before = limit === 'attempt' ? 2 : 0;
    const head = { runId: run.id, path, attempt: 1, number: 2, bytes: bytesMax - WEIGHT, isCut: false };
    mesh.data.outputs.set(run.id, new Map([[`${path}\x001`, { head, chunks: new Map() }]]));
    const cuts: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of run.handle.output('a')) if (event.type !== 'begun') cuts.push(event.type);
    };
    void read();
    await agent.say(chunks(id, [before + 1, 'chunk 3']));
    await agent.say(chunks(id, [before + 2, ''], [before + 3, 'more']));
    await agent.say(chunks(id, [before + 4, 'still more']));
    expect(answers(agent)).toEqual([`${before + 1} STORED`, `${before + 2} LIMIT`, `${before + 2} LIMIT`]);
    await agent.say(completed(id));
    expect(stored(mesh, run)).toEqual([`${before + 1} chunk 3`, `${before + 2} ${limit}`]);
    expect(cuts).toEqual(['chunk', 'cut', 'end']);
    expect(run).toHaveHistory(['a#1 COMPLETED']);
  },
);

test('a chunk is a sign of life for the heartbeat timeout', async () => {
  await using mesh = await TestMesh.start();
  const { agent, run, id } = await begin(mesh, { heartbeatTimeout: '10s' });
  for (let i = 1; i <= 3; i++) {
    await mesh.advance('8s');
    await agent.say({ type: 'beat', number: i, load: 0, loopLagMs: 0 }, chunks(id, i));
  }
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('11s');
  expect(agent.stops).toEqual(['a#1 DEADLINE']);
});
