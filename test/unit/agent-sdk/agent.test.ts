import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, AttemptStopped, capability, HandBack, StepError } from '../../../src/agent-sdk/index.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import { StopReason } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { MemoryControlPlane, outputOf, RUN } from './memory-control-plane.ts';

const double = capability('double', {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  version: '1.2.0',
  idempotent: true,
  timeout: '30s',
});

let plane: MemoryControlPlane;
let agent: Agent;

beforeEach(() => {
  plane = new MemoryControlPlane();
  agent = new Agent({ id: 'worker', slots: 4, labels: { region: 'eu' }, links: plane });
});

afterEach(() => agent.stop({ graceMs: 0 }));

describe('an agent', () => {
  test('says in Hello what it offers', async () => {
    await agent.handle(double, ({ n }) => ({ n: n * 2 })).start();
    const hello = plane.frames[0];
    expect(hello?.case === 'hello' && hello.value).toMatchObject({
      agentId: 'worker',
      instanceId: agent.instanceId,
      sdk: { name: 'yardmaster' },
      state: {
        slots: 4,
        labels: { region: 'eu' },
        capabilities: [{ name: 'double', version: '1.2.0', idempotent: true }],
      },
    });
    const offered = hello?.case === 'hello' ? hello.value.state?.capabilities[0] : undefined;
    expect(offered?.inputSchema).toMatchObject({ type: 'object', required: ['n'] });
    expect(offered?.defaultTimeout?.seconds).toBe(30n);
  });

  test('offers a handler that is added later in a State', async () => {
    await agent.handle(double, ({ n }) => ({ n })).start();
    agent.handle('late', () => 'yes');
    await plane.when(() => plane.frames.some((frame) => frame.case === 'state'));
    expect(outputOf(await plane.run('late'))).toBe('yes');
  });

  test('runs a typed handler, and an untyped one that returns nothing', async () => {
    agent.handle(double, async ({ n }) => ({ n: n * 2 }));
    agent.handle('nothing', () => undefined);
    await agent.start();
    expect(outputOf(await plane.run('double', { n: 4 }))).toEqual({ n: 8 });
    expect(outputOf(await plane.run('nothing'))).toBeNull();
  });

  test('does not compile a handler whose output does not fit its capability', () => {
    // @ts-expect-error: n is a number
    agent.handle(double, ({ n }) => ({ n: String(n) }));
    // @ts-expect-error: the input has no m
    new Agent({ id: 'other' }).handle(double, ({ m }) => ({ n: m }));
    expect(agent.id).toBe('worker');
  });

  test('runs attempts side by side, and one that never ends holds only its own slot', async () => {
    agent.handle('hang', () => new Promise(() => {}));
    agent.handle(double, ({ n }) => ({ n: n * 2 }));
    await agent.start();
    plane.assign('hang');
    expect(outputOf(await plane.run('double', { n: 1 }))).toEqual({ n: 2 });
  });

  test('gives the handler the facts of its attempt', async () => {
    let seen: unknown;
    agent.handle('look', (_input, ctx) => {
      seen = { ...ctx.attempt, last: ctx.lastCheckpoint };
    });
    await agent.start();
    const before = Date.now();
    await plane.run('look', {}, { timeoutMs: 60_000, checkpoint: encodeValue({ done: 3 }) });
    expect(seen).toMatchObject({
      runId: RUN,
      workflow: 'flow',
      step: 's1',
      number: 1,
      try: 1,
      idempotencyKey: 'key-1',
    });
    expect(seen).toMatchObject({ last: { done: 3 } });
    const deadline = (seen as { deadline: Date }).deadline.getTime();
    expect(deadline - before).toBeGreaterThanOrEqual(60_000);
    expect(deadline - before).toBeLessThan(120_000);
  });

  test('reports progress, logs and checkpoints', async () => {
    agent.handle('talk', (_input, ctx) => {
      ctx.progress(0.5, 'half');
      ctx.log.warn('careful', { rows: 3 });
      ctx.checkpoint({ row: 7 });
      throw new StepError('STOPPED', 'for now');
    });
    await agent.start();
    await plane.run('talk');
    const updates = plane.frames.flatMap((frame) => (frame.case === 'report' ? frame.value.updates : []));
    const checkpoint = updates.find(({ update }) => update.case === 'checkpoint')?.update;
    expect(checkpoint?.case === 'checkpoint' && decodeValue(checkpoint.value.value)).toEqual({ row: 7 });
    const line = updates.find(({ update }) => update.case === 'log')?.update;
    expect(line?.value).toMatchObject({ message: 'careful', fields: { rows: '3' } });
  });
});

describe('a handler that fails', () => {
  test.each<[string, () => unknown, object]>([
    [
      'throws at once',
      () => {
        throw new Error('boom');
      },
      { code: 'HANDLER_ERROR', message: 'boom' },
    ],
    ['rejects', () => Promise.reject(new Error('later')), { code: 'HANDLER_ERROR', message: 'later' }],
    [
      'throws something odd',
      () => {
        throw Object.create(null);
      },
      { code: 'HANDLER_ERROR' },
    ],
    ['returns what JSON cannot say', () => ({ f: () => 1 }), { code: 'INVALID_VALUE', retryable: false }],
    ['returns an integer beyond 2^53', () => ({ id: 2 ** 53 }), { code: 'INVALID_VALUE', retryable: false }],
    [
      'returns a cycle',
      () => {
        const a: unknown[] = [];
        a.push(a);
        return a;
      },
      { code: 'INVALID_VALUE' },
    ],
    ['checkpoints too much', () => 'x', { code: 'LIMIT', retryable: false }],
  ])('%s: the attempt fails, the agent lives', async (name, handler, expected) => {
    agent.handle('bad', (_input, ctx) => {
      if (name === 'checkpoints too much') ctx.checkpoint('x'.repeat(300_000));
      return handler();
    });
    agent.handle(double, ({ n }) => ({ n }));
    await agent.start();
    const result = await plane.run('bad');
    expect(result.case).toBe('failed');
    expect(result.value).toMatchObject(expected);
    expect(outputOf(await plane.run('double', { n: 1 }))).toEqual({ n: 1 });
  });

  test('says with StepError how to go on', async () => {
    agent.handle('bad', () => {
      const details = { host: 'db' };
      throw new StepError('UPSTREAM_DOWN', 'no answer', {
        retryable: true,
        retryAfterMs: 500,
        details,
        avoidThisAgent: true,
      });
    });
    await agent.start();
    const result = await plane.run('bad');
    expect(result.value).toMatchObject({
      code: 'UPSTREAM_DOWN',
      message: 'no answer',
      retryable: true,
      retryAfterMs: 500,
      avoidThisAgent: true,
    });
    expect(result.case === 'failed' && decodeValue(result.value.details)).toEqual({ host: 'db' });
  });

  test('gives the work to another agent with HandBack', async () => {
    agent.handle('bad', () => {
      throw new HandBack('no licence here');
    });
    await agent.start();
    expect(await plane.run('bad')).toMatchObject({ case: 'handedBack', value: { reason: 'no licence here' } });
  });

  test('an input that does not fit ends the step; an output that does not fit may be tried again', async () => {
    agent.handle(double, ({ n }) => (n === 0 ? ({ n: 'zero' } as never) : { n }));
    await agent.start();
    const input = await plane.run('double', { n: 'x' });
    expect(input.value).toMatchObject({
      code: 'INVALID_INPUT',
      retryable: false,
      message: expect.stringContaining('n:'),
    });
    const output = await plane.run('double', { n: 0 });
    expect(output.value).toMatchObject({ code: 'INVALID_OUTPUT' });
    expect(output.case === 'failed' && output.value.retryable).toBeUndefined();
  });
});

describe('a stop', () => {
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  test('aborts the signal with its reason, and the attempt ends cancelled', async () => {
    let reason: unknown;
    agent.handle('wait', async (_input, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      await untilAborted(signal);
    });
    await agent.start();
    const id = await plane.assigned('wait');
    plane.stop(id, StopReason.SUPERSEDED);
    expect((await plane.resultOf(id)).result.case).toBe('cancelled');
    expect(reason).toBeInstanceOf(AttemptStopped);
    expect(reason).toMatchObject({ name: 'AbortError', stopCause: 'SUPERSEDED', graceMs: 5_000 });
  });

  test('whatever is thrown after it, the attempt ends cancelled', async () => {
    agent.handle('wait', (_input, { signal }) =>
      untilAborted(signal).catch(() => {
        throw new StepError('CLEANUP_FAILED', 'no');
      }),
    );
    await agent.start();
    const id = await plane.assigned('wait');
    plane.stop(id);
    expect((await plane.resultOf(id)).result.case).toBe('cancelled');
  });

  test('a handler that finishes in spite of it has finished', async () => {
    agent.handle('wait', (_input, { signal }) => untilAborted(signal).catch(() => 'done'));
    await agent.start();
    const id = await plane.assigned('wait');
    plane.stop(id);
    expect(outputOf((await plane.resultOf(id)).result)).toBe('done');
  });

  test('stopping the agent hands back what does not finish in the grace, and says Goodbye', async () => {
    agent.handle('wait', (_input, { signal }) => untilAborted(signal));
    await agent.start();
    const id = plane.assign('wait');
    await agent.stop({ graceMs: 1 });
    expect((await plane.resultOf(id)).result).toMatchObject({ case: 'handedBack', value: { reason: 'DRAINING' } });
    expect(plane.frames.at(-1)?.case).toBe('goodbye');
    expect(plane.isClosed).toBe(true);
    expect(await agent.ended).toBe('stop');
  });
});

describe('large values', () => {
  test('an output above 256 KiB becomes a blob, also when the first upload fails', async () => {
    agent.handle('big', () => ({ text: 'x'.repeat(300_000) }));
    await agent.start();
    plane.uploadErrors.push(new YardmasterError('UNAVAILABLE', 'cut'));
    const result = await plane.run('big');
    const bytes = encodeValue({ text: 'x'.repeat(300_000) });
    expect(outputOf(result)).toMatchObject({ case: 'blob', value: { blobId: 'b0', size: bytes.length } });
    expect(Buffer.compare(plane.blobs.get('b0') ?? new Uint8Array(0), bytes)).toBe(0);
  });

  test('an upload that is refused fails the attempt with LIMIT, and is not tried again', async () => {
    agent.handle('big', () => 'x'.repeat(300_000));
    await agent.start();
    plane.uploadErrors.push(new YardmasterError('RESOURCE_EXHAUSTED', 'too large'));
    expect((await plane.run('big')).value).toMatchObject({ code: 'LIMIT', retryable: false });
    expect(plane.blobs.size).toBe(0);
  });

  test.each(['whole', 'broken', 'without a digest'] as const)(
    'an input in a blob is fetched after the acceptance: %s',
    async (kind) => {
      agent.handle<{ n: number }>('read', ({ n }) => n + 1);
      await agent.start();
      const bytes = encodeValue({ n: 41 });
      plane.blobs.set('in', bytes);
      const digest = (content: Uint8Array): Buffer => createHash('sha256').update(content).digest();
      const digests = { whole: digest(bytes), broken: digest(bytes.subarray(1)), 'without a digest': new Uint8Array() };
      const sha256 = digests[kind];
      const blob = { $typeName: 'yardmaster.v1.BlobRef', blobId: 'in', size: bytes.length, sha256 } as const;
      const input = { $typeName: 'yardmaster.opaque.v1.Payload', kind: { case: 'blob', value: blob } } as const;
      const result = await plane.run('read', {}, { input });
      if (kind === 'broken') expect(result.value).toMatchObject({ code: 'BLOB_CORRUPT', retryable: false });
      else expect(outputOf(result)).toBe(42);
    },
  );
});

describe('mistakes', () => {
  test('are told all at once', () => {
    expect(() => new Agent({ id: 'no spaces', slots: 0 })).toThrow(/id "no spaces".*; slots 0/);
  });

  test('two handlers of a name, no handler, two starts and a bad URL are refused', async () => {
    agent.handle('x', () => null);
    expect(() => agent.handle('x', () => null)).toThrow(expect.objectContaining({ code: 'HANDLER_EXISTS' }));
    await expect(new Agent({ id: 'a', links: plane }).start()).rejects.toMatchObject({ code: 'AGENT_INVALID' });
    await agent.start();
    await expect(agent.start()).rejects.toMatchObject({ code: 'AGENT_INVALID' });
    const lost = new Agent({ id: 'a', url: 'nowhere' }).handle('x', () => null);
    await expect(lost.start()).rejects.toMatchObject({ code: 'INVALID_URL' });
  });

  test('start() rejects with the refusal when it never connected', async () => {
    plane.refusal = { code: 'UNAUTHENTICATED', message: 'token expired', reason: 'BAD_TOKEN' };
    const error = await agent
      .handle('x', () => null)
      .start({ timeoutMs: 20 })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NOT_CONNECTED', meta: { reason: 'BAD_TOKEN' } });
    expect((error as Error).message).toContain('token expired');
  });
});
