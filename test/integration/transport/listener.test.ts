import { once } from 'node:events';
import { Agent, get, request } from 'node:http';
import { createConnection } from 'node:net';
import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type BoundService, bindService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { times } from '../../../src/core/limits.ts';
import { BlobService, UploadRequestSchema } from '../../../src/gen/yardmaster/v1/blob_service_pb.ts';
import { FleetService } from '../../../src/gen/yardmaster/v1/fleet_service_pb.ts';
import { eventually, failureOf, HandClock, pathOf, Rig, reasonOf } from './rig.ts';

const { getAgent, listAgents, watchAgents } = FleetService.method;

/** A fleet of the test's own, to see the transport alone. */
function fleet(impl: Partial<ServiceImpl<typeof FleetService>> = {}): BoundService {
  return bindService(FleetService, {
    listAgents: () => ({ agents: [{ agentId: 'a' }] }),
    getAgent: ({ agentId }) => {
      throw new YardmasterError('AGENT_NOT_FOUND', `Cannot find agent "${agentId}"`, {
        next: 'yardmaster agents list',
      });
    },
    listCapabilities: () => ({}),
    drainAgent: () => ({}),
    cordonAgent: () => ({}),
    uncordonAgent: () => ({}),
    labelAgent: () => ({}),
    disconnectAgent: () => ({}),
    async *watchAgents(_, { signal }) {
      yield { agents: [{ agentId: 'a' }] };
      await once(signal, 'abort');
    },
    ...impl,
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function http(
  port: number,
  path: string,
  options: { body?: string; agent?: Agent; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body, agent, headers = {} } = options;
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request(
      { port, host: '127.0.0.1', path, method, headers: { ...type, ...headers }, ...(agent && { agent }) },
      (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
      },
    );
    call.on('error', reject).end(body);
  });
}

describe('the one port', () => {
  it('answers gRPC and JSON with the same service', async () => {
    await using rig = await Rig.start([fleet()]);
    expect(await rig.unary(listAgents, {})).toMatchObject({ agents: [{ agentId: 'a' }] });
    const answer = await http(rig.port, pathOf(listAgents), { body: '{}' });
    expect(JSON.parse(answer.body)).toEqual({ agents: [{ agentId: 'a' }] });
  });

  it('sends the same code, reason and way out on both', async () => {
    await using rig = await Rig.start([fleet()]);
    const error = await failureOf(rig.unary(getAgent, { agentId: 'x' }));
    expect(error).toMatchObject({ code: Status.NOT_FOUND, details: 'Cannot find agent "x"' });
    expect(reasonOf(error)).toBe('AGENT_NOT_FOUND');
    const answer = await http(rig.port, pathOf(getAgent), { body: '{"agentId":"x"}' });
    const body = JSON.parse(answer.body);
    expect(answer.status).toBe(404);
    expect(body).toMatchObject({ code: 'not_found', message: 'Cannot find agent "x"' });
    expect(body.details[0].debug).toMatchObject({
      reason: 'AGENT_NOT_FOUND',
      metadata: { next: 'yardmaster agents list' },
    });
  });

  it('keeps a connection usable after an answer that came before the body was read', async () => {
    await using rig = await Rig.start([fleet()]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const large = JSON.stringify({ agentId: 'x'.repeat(5_000_000) });
    for (let i = 0; i < 5; i++) {
      const refused = await http(rig.port, pathOf(getAgent), { body: large, agent });
      expect(refused.status).toBe(429);
      expect((await http(rig.port, pathOf(listAgents), { body: '{}', agent })).status).toBe(200);
    }
    agent.destroy();
  });

  it('answers HTTP/1 garbage with 400 and goes on', async () => {
    await using rig = await Rig.start([fleet()]);
    expect(await rig.raw('\x00\x01\x02 garbage\r\n\r\n')).toContain('400 Bad Request');
    expect(await rig.raw('PRI * HTTP/2.0\r\n\r\nthis is no frame at all')).toBeDefined();
    expect(await rig.raw('GET / HTTP/1.1\r\n\r\n')).toContain('400 Bad Request');
    expect(await rig.raw('GET / HTTP/1.0\r\n\r\n')).toContain('400 Bad Request');
    expect(await rig.unary(listAgents, {})).toMatchObject({ agents: [{ agentId: 'a' }] });
  });

  it('closes a socket that does not say in time what it speaks', async () => {
    const clock = new HandClock();
    await using rig = await Rig.start([], { clock });
    const silent = createConnection(rig.port, '127.0.0.1');
    const slow = createConnection(rig.port, '127.0.0.1');
    for (const socket of [silent, slow]) socket.on('error', () => {});
    await Promise.all([once(silent, 'connect'), once(slow, 'connect')]);
    slow.write('PRI');
    let closed = 0;
    for (const socket of [silent, slow]) socket.once('close', () => closed++);
    await eventually(() => {
      // Again and again, as the server sees its sockets later than the clients do.
      clock.advance(times.prefaceMs);
      return closed === 2;
    });
  });

  it('refuses bytes that are no message with INVALID_ARGUMENT', async () => {
    await using rig = await Rig.start([fleet()]);
    const error = await failureOf(rig.rawUnary(getAgent, Buffer.from([0x0a, 0xff])));
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
    expect(reasonOf(error)).toBe('MALFORMED_REQUEST');
  });

  it('hides what went wrong inside, on both', async () => {
    const broken = fleet({
      listAgents: async () => {
        throw new Error('password=hunter2');
      },
    });
    await using rig = await Rig.start([broken]);
    const error = await failureOf(rig.unary(listAgents, {}));
    expect(error.code).toBe(Status.INTERNAL);
    expect(error.details).not.toContain('hunter2');
    expect((await http(rig.port, pathOf(listAgents), { body: '{}' })).body).not.toContain('hunter2');
  });

  it('survives a lone surrogate in the text of an error', async () => {
    const odd = fleet({
      listAgents: () => {
        throw new YardmasterError('RUN_NOT_FOUND', 'Cannot find "\ud800"');
      },
    });
    await using rig = await Rig.start([odd]);
    expect((await failureOf(rig.unary(listAgents, {}))).code).toBe(Status.NOT_FOUND);
  });

  it('tells a handler that its caller left', async () => {
    let aborted = false;
    const watching = fleet({
      async *watchAgents(_, { signal }) {
        yield {};
        await once(signal, 'abort');
        aborted = true;
      },
    });
    await using rig = await Rig.start([watching]);
    const stream = rig.serverStream(watchAgents, {});
    stream.on('error', () => {});
    await once(stream, 'data');
    stream.cancel();
    await eventually(() => aborted);
  });

  it('answers a client stream before it was read to its end', async () => {
    const blobs = bindService(BlobService, {
      async upload(parts) {
        for await (const _ of parts) throw new YardmasterError('UPLOAD_INVALID', 'Cannot take it');
        return {};
      },
      async *download() {},
    });
    await using rig = await Rig.start([blobs]);
    const same = (bytes: Buffer): Buffer => bytes;
    const error = await new Promise<{ code: number }>((resolve) => {
      const call = rig.client().makeClientStreamRequest(pathOf(BlobService.method.upload), same, same, (failure) => {
        if (failure !== null) resolve(failure);
      });
      const part = create(UploadRequestSchema, { part: { case: 'data', value: new Uint8Array(10) } });
      for (let i = 0; i < 5; i++) call.write(Buffer.from([0x12, 10, ...(part.part.value as Uint8Array)]));
    });
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
  });

  it('keeps a deadline, also one of 30 days', async () => {
    const slow = fleet({ listAgents: () => new Promise(() => {}) });
    await using rig = await Rig.start([slow]);
    const late = await failureOf(rig.unary(listAgents, {}, { deadline: Date.now() + 50 }));
    expect(late.code).toBe(Status.DEADLINE_EXCEEDED);
    const far = rig.unary(getAgent, { agentId: 'x' }, { deadline: Date.now() + 30 * 86_400_000 });
    expect((await failureOf(far)).code).toBe(Status.NOT_FOUND);
  });
});

describe('the pages', () => {
  it('say where to look, whether it lives and is ready, and what it counts', async () => {
    await using rig = await Rig.start([fleet()]);
    expect((await http(rig.port, '/')).body).toContain('yardmaster.v1.FleetService');
    expect(await http(rig.port, '/livez')).toMatchObject({ status: 200, headers: { 'x-yardmaster-node': 'n-test' } });
    expect((await http(rig.port, '/readyz')).status).toBe(200);
    rig.plane.setHealth('', false);
    expect((await http(rig.port, '/readyz')).status).toBe(503);
    expect((await http(rig.port, '/metrics')).body).toBe('up 1\n');
    expect((await http(rig.port, '/nowhere')).status).toBe(404);
    expect((await http(rig.port, '/', { body: '{}' })).status).toBe(405);
    // As an RPC that does not exist.
    expect((await http(rig.port, '/yardmaster.v1.NoService/No', { body: '{}' })).status).toBe(404);
  });

  it('give the .proto files as a tar', async () => {
    await using rig = await Rig.start();
    const { body, headers } = await http(rig.port, '/proto.tar');
    expect(headers['content-type']).toBe('application/x-tar');
    expect(body.length % 512).toBe(0);
    expect(body).toContain('yardmaster/v1/agent_service.proto');
    expect(body).toContain('google/rpc/error_details.proto');
    expect(body).not.toContain('internal');
    expect(body.slice(257, 262)).toBe('ustar');
  });

  it('are closed to pages of other origins and to names that were rebound', async () => {
    await using rig = await Rig.start([fleet()]);
    const evil = { host: `evil.example:${rig.port}` };
    expect((await http(rig.port, '/', { headers: evil })).status).toBe(403);
    const origin = { origin: 'http://evil.example' };
    expect((await http(rig.port, pathOf(listAgents), { body: '{}', headers: origin })).status).toBe(403);
    const own = { host: `localhost:${rig.port}`, origin: `http://localhost:${rig.port}` };
    expect((await http(rig.port, pathOf(listAgents), { body: '{}', headers: own })).status).toBe(200);
  });
});

describe('opening and closing the port', () => {
  it('refuses an address that other machines can reach', async () => {
    const rig = new Rig([], { host: '0.0.0.0' });
    await expect(rig.listener.listen()).rejects.toMatchObject({
      code: 'NON_LOOPBACK',
      next: expect.stringContaining('--allow-non-loopback'),
    });
    await using open = await Rig.start([], { host: '0.0.0.0', allowNonLoopback: true });
    expect(open.port).toBeGreaterThan(0);
  });

  it('says who has the port', async () => {
    await using rig = await Rig.start();
    const second = new Rig([], { port: rig.port });
    await expect(second.listener.listen()).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`Yardmaster n-test, pid ${process.pid}`),
    });
  });

  it('stops in time with streams open: NOT_SERVING, then a status for each', async () => {
    const rig = await Rig.start([fleet()]);
    const agent = await rig.session();
    agent.call.resume();
    const watch = rig.serverStream(watchAgents, {});
    const watched = new Promise<{ code: number }>((resolve) => watch.on('error', resolve as never).resume());
    await once(watch, 'data');
    const json = get({ port: rig.port, host: '127.0.0.1', path: '/livez', agent: new Agent({ keepAlive: true }) });
    await once(json, 'response').then(([response]) => response.resume());
    const started = performance.now();
    await rig.listener.stop({ graceMs: 60_000 });
    expect(performance.now() - started).toBeLessThan(50_000);
    expect((await agent.status).code).toBe(Status.UNAVAILABLE);
    expect(reasonOf(await agent.status)).toBe('SHUTTING_DOWN');
    expect((await watched).code).toBe(Status.UNAVAILABLE);
    expect(agent.session.endedCount).toBe(1);
  });

  it('cuts what is still open after the grace', async () => {
    const clock = new HandClock();
    let isCalled = false;
    const stuck = fleet({
      listAgents: () => {
        isCalled = true;
        return new Promise(() => {});
      },
    });
    const rig = await Rig.start([stuck], { clock });
    const pending = failureOf(rig.unary(listAgents, {}));
    const raw = createConnection(rig.port, '127.0.0.1');
    raw.on('error', () => {}).write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n');
    await once(raw, 'connect');
    await eventually(() => isCalled);
    let isStopped = false;
    const stopping = rig.listener.stop({ graceMs: 3_000 }).then(() => {
      isStopped = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isStopped).toBe(false);
    clock.advance(3_000);
    await stopping;
    expect((await pending).code).toBe(Status.UNAVAILABLE);
  });
});
