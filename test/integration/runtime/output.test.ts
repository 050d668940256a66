/** What a handler writes reaches readers: in order, once, whatever dies in the middle, and anew with every attempt that counts. */
import { expect, test } from 'vitest';
import type { HandlerContext } from '../../../src/agent-sdk/context.ts';
import type { OutputEvent, WatchOutputOptions } from '../../../src/client/index.ts';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { type StoreFaults, TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, step, stepThrough } from '../../unit/engine/flow.ts';

/** What a reader was told so far, one line an event. */
function reading(run: TestRun, path: string, options: WatchOutputOptions = {}): string[] {
  const lines: string[] = [];
  const read = async (): Promise<void> => {
    for await (const event of run.handle.output(path, options)) lines.push(lineOf(event));
  };
  read().catch((error: { code: string }) => lines.push(error.code));
  return lines;
}

function lineOf(event: OutputEvent): string {
  switch (event.type) {
    case 'begun':
      return `begun ${event.attempt}`;
    case 'chunk':
      return `${event.attempt}.${event.number} ${event.channel} ${Buffer.from(event.data)}`;
    case 'cut':
      return `${event.attempt}.${event.number} cut ${event.limit}`;
    case 'end':
      return `end ${event.attempt} ${event.status}`;
  }
}

/** Writes `count` lines, one a second. */
function writer(mesh: TestMesh, count: number) {
  return async (_: unknown, ctx: HandlerContext): Promise<string> => {
    for (let i = 1; i <= count; i++) {
      await ctx.write(`line ${i}`);
      await mesh.sleep('1s', ctx.signal);
    }
    return 'written';
  };
}

/** All that is stored of an attempt, as it stands there. */
function stored(mesh: TestMesh, run: TestRun, path: string, attempt: number): string[] {
  const output = mesh.data.outputs.get(run.id)?.get(`${path}\0${attempt}`);
  return [...(output?.chunks.values() ?? [])].map(({ number, bytes }) => `${number} ${Buffer.from(bytes)}`);
}

test('a reader gets every chunk while the handler works, and the end after the last', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    await ctx.write('one');
    await ctx.write(Uint8Array.from([0x74, 0x77, 0x6f]), { channel: 'errors' });
    await mesh.sleep('1s');
    await ctx.write('three');
    return 'done';
  });
  const run = await mesh.startWorkflow(flow([step('a')]));
  const all = reading(run, 'a');
  const errors = reading(run, 'a', { channel: 'errors' });
  await mesh.settle();
  expect(all).toEqual(['begun 1', '1.1 main one', '1.2 errors two']);
  await mesh.advance('2s');
  expect(all.slice(3)).toEqual(['1.3 main three', 'end 1 COMPLETED']);
  expect(errors).toEqual(['begun 1', '1.2 errors two', 'end 1 COMPLETED']);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  const late = reading(run, 'a', { after: { attempt: 1, number: 2 } });
  await mesh.settle();
  expect(late).toEqual(['1.3 main three', 'end 1 COMPLETED']);
});

test('a killed agent: what it wrote is void, and the next attempt is read from its first chunk', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', writer(mesh, 9));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const lines = reading(run, 'a');
  await mesh.advance('1500ms');
  first.crash();
  second.setResponse('a', writer(mesh, 2));
  await mesh.advance('40s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  expect(lines).toEqual([
    'begun 1',
    '1.1 main line 1',
    '1.2 main line 2',
    'begun 2',
    '2.1 main line 1',
    '2.2 main line 2',
    'end 2 COMPLETED',
  ]);
  // Who had read the first attempt and comes back is told, too.
  const late = reading(run, 'a', { after: { attempt: 1, number: 2 } });
  await mesh.settle();
  expect(late).toEqual(lines.slice(3));
});

test('a crash between the store and the ack: nothing is stored twice, and the reader goes on', async () => {
  let crashAt = 0;
  const faults: StoreFaults = {
    afterCommit({ outputs }) {
      if (outputs.length > 0 && --crashAt === 0) mesh.crash();
    },
  };
  await using mesh = await TestMesh.start({ faults });
  const worker = mesh.agent('worker').setResponse('a', writer(mesh, 6));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const lines = reading(run, 'a');
  crashAt = 2;
  await mesh.advance('2500ms');
  expect(stored(mesh, run, 'a', 1).at(-1)).toMatch(/^[34] line/);
  await mesh.restart();
  await stepThrough(mesh, run, 40_000, 40);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(worker.calls).toHaveLength(1);
  const whole = Array.from({ length: 6 }, (_, i) => `${i + 1} line ${i + 1}`);
  expect(stored(mesh, run, 'a', 1)).toEqual(whole);
  // The pause of a client that asks again is one of real time.
  const told = ['begun 1', ...whole.map((text) => `1.${text.replace(' ', ' main ')}`), 'end 1 COMPLETED'];
  await expect.poll(() => lines).toEqual(told);
});

const FAULTS = ['BUSY', 'FULL', 'UNCLEAR, not landed', 'UNCLEAR, landed'] as const;

test.each(FAULTS.flatMap((fault) => Array.from({ length: 6 }, (_, at) => ({ fault, at }))))(
  '$fault at commit $at leaves no gap and doubles nothing',
  async ({ fault, at }) => {
    let commits = Number.NEGATIVE_INFINITY;
    const faults: StoreFaults = {
      beforeCommit() {
        if (commits++ !== at || fault === 'UNCLEAR, landed') return;
        throw fault === 'UNCLEAR, not landed' ? new Error('EIO') : new StoreError(fault, 'no');
      },
      afterCommit() {
        if (commits - 1 === at && fault === 'UNCLEAR, landed') throw new Error('no word of the disk');
      },
    };
    await using mesh = await TestMesh.start({ faults });
    const worker = mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
      for (let i = 1; i <= 5; i++) void ctx.write(`line ${i}`, { channel: `c${i}` });
      await mesh.sleep('1s', ctx.signal);
      await ctx.write('last');
      return 'written';
    });
    const run = await mesh.startWorkflow(flow([step('b'), step('a')]));
    const lines = reading(run, 'a');
    await mesh.settle();
    commits = 0;
    worker.setResponse('b', 1);
    await mesh.advance('1m');
    expect(run).toHaveHistory(['b#1 COMPLETED', 'a#1 COMPLETED']);
    const whole = ['1 line 1', '2 line 2', '3 line 3', '4 line 4', '5 line 5', '6 last'];
    expect(stored(mesh, run, 'a', 1)).toEqual(whole);
    const read = lines.filter((line) => line.startsWith('1.')).map((line) => line.replace(/^1\.(\d) \w+/, '$1'));
    expect(read).toEqual(whole);
    expect([lines[0], lines.at(-1)]).toEqual(['begun 1', 'end 1 COMPLETED']);
  },
);

test('of two attempts of an idempotent step the one that wins is read last, from its first chunk', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  const idempotent = { idempotent: true };
  const slow = async (_: unknown, ctx: HandlerContext): Promise<string> => {
    await ctx.write('by the first');
    await mesh.sleep('10s', ctx.signal);
    return 'first';
  };
  first.setResponse('a', slow);
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  const lines = reading(run, 'a');
  await mesh.settle();
  second.setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    await ctx.write('by the second');
    await mesh.sleep('1m', ctx.signal);
    return 'second';
  });
  await mesh.advance('1s');
  first.cut();
  await mesh.advance('1s');
  first.mend();
  await stepThrough(mesh, run, 20_000, 20);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'a#2 SUPERSEDED']);
  expect(lines).toEqual([
    'begun 1',
    '1.1 main by the first',
    'begun 2',
    '2.1 main by the second',
    'begun 1',
    '1.1 main by the first',
    'end 1 COMPLETED',
  ]);
});

test('a retry is a new attempt, and a failure ends the output with what the last one wrote', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    await ctx.write(`try ${ctx.attempt.try}`);
    throw new Error('it broke');
  });
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 2, backoff: '5s', jitter: false } })]));
  const lines = reading(run, 'a');
  await mesh.advance('10s');
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED']);
  expect(lines).toEqual(['begun 1', '1.1 main try 1', 'begun 2', '2.1 main try 2', 'end 2 FAILED']);
});

test('says that nothing was written, that there is no such step, and that a step is no agent step', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a'), { id: 'w', type: 'wait', for: '1h' }, step('later')]));
  const open = reading(run, 'later', { storedOnly: true });
  const lines = ['a', 'w', 'aa'].map((path) => reading(run, path));
  await mesh.settle();
  expect(lines).toEqual([['begun 1', 'end 1 COMPLETED'], ['NO_OUTPUT'], ['STEP_NOT_FOUND']]);
  expect(open).toEqual(['end undefined undefined']);
});

test('the output of an iteration that is over is there', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    await ctx.write(ctx.attempt.step);
    await mesh.sleep('1s');
    return 1;
  });
  const run = await mesh.startWorkflow(flow([loop('l', [step('a')], { while: 'iteration < 4' })]));
  const first = reading(run, 'l/1/a');
  await mesh.advance('1500ms');
  expect(first).toEqual(['begun 1', '1.1 main l/1/a', 'end 1 COMPLETED']);
  const late = reading(run, 'l/1/a');
  const next = reading(run, 'l/9/a');
  await mesh.settle();
  expect(late).toEqual(['begun 1', '1.1 main l/1/a', 'end 1 undefined']);
  expect(next).toEqual(['STEP_NOT_FOUND']);
});

test('a secret that is written is taken out, also where chunks cut it in two', async () => {
  const KEY = 'k-7f3a9c-canary';
  await using mesh = await TestMesh.start({ secrets: { API_KEY: KEY } });
  mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    await ctx.write(`the key is ${KEY}!`);
    await ctx.write(`in two: ${KEY.slice(0, 3)}`);
    await ctx.write(`${KEY.slice(3)} and letter by letter: `);
    for (const letter of KEY) await ctx.write(letter);
    await ctx.write('. a harmless k');
    return 'done';
  });
  const parameters = { key: 'secret:API_KEY' };
  const run = await mesh.startWorkflow(flow([step('a', { parameters })], { secrets: ['API_KEY'] }));
  const lines = reading(run, 'a');
  await mesh.advance('2s');
  expect((await run.result()).status).toBe('COMPLETED');
  const text = stored(mesh, run, 'a', 1)
    .map((line) => line.slice(line.indexOf(' ') + 1))
    .join('');
  expect(text).toBe(
    'the key is [secret API_KEY]!in two: [secret API_KEY] and letter by letter: [secret API_KEY]. a harmless k',
  );
  expect(lines.at(-1)).toBe('end 1 COMPLETED');
});

test('what an attempt has used is kept when it times out and when its agent is lost', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { slots: 1 });
  const using = (tokens: number) => async (_: unknown, ctx: HandlerContext) => {
    ctx.usage({ tokens });
    await mesh.sleep('1h', ctx.signal);
  };
  first.setResponse('a', using(7));
  const retry = { tries: 2, backoff: '1ms', jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { timeout: '1m', retry })]));
  await mesh.advance('1s');
  second.setResponse('a', using(9));
  first.crash();
  await mesh.advance('35s');
  await stepThrough(mesh, run, 180_000, 500);
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 TIMED_OUT', 'a#3 TIMED_OUT']);
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps[0]?.attempts.map(({ usage }) => usage)).toEqual([{ tokens: 7 }, { tokens: 9 }, { tokens: 9 }]);
  await expectReplay(mesh, run);
});

test('what an attempt uses is told while it runs, and is in its end', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', async (_: unknown, ctx: HandlerContext) => {
    ctx.usage({ tokens: 12, cents: 0.5 });
    ctx.usage({ tokens: 30 });
    await mesh.sleep('10s', ctx.signal);
    ctx.usage({ tokens: 1 });
    return 'done';
  });
  const run = await mesh.startWorkflow(flow([step('a')]));
  const ends: unknown[] = [];
  const watch = async (): Promise<void> => {
    for await (const event of run.handle.events()) if (event.type === 'attemptEnded') ends.push(event.usage);
  };
  void watch();
  const usage = async (): Promise<unknown> => (await mesh.orchestrator.getRun(run.id)).steps[0]?.attempts[0]?.usage;
  await mesh.advance('1s');
  expect(await usage()).toEqual({ tokens: 42, cents: 0.5 });
  // Sums are said again after a cut, and count once.
  worker.cut();
  await mesh.advance('1s');
  worker.mend();
  await stepThrough(mesh, run, 20_000, 20);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(await usage()).toEqual({ tokens: 43, cents: 0.5 });
  expect(ends).toEqual([{ tokens: 43, cents: 0.5 }]);
});
