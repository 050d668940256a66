import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { FakeMesh } from './fake-mesh.ts';

let mesh: FakeMesh;
let server: Http2Server;
let url: string;
const sessions = new Set<ServerHttp2Session>();

beforeEach(async () => {
  mesh = new FakeMesh();
  const settings = { maxConcurrentStreams: limits.streamsPerConnectionMax };
  server = createServer({ settings }, connectNodeAdapter({ routes: mesh.routes }));
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});

afterEach(() => {
  for (const session of sessions) session.destroy();
  sessions.clear();
  server.close();
});

test('64 runs are awaited at once, at most 16 streams on a connection, and quick calls still pass', async () => {
  await using client = new Orchestrator({ url });
  const results = Array.from({ length: 64 }, () => client.run('x').result());
  while (mesh.openWaits.now < 64) await client.listRuns();
  expect(sessions.size).toBeGreaterThanOrEqual(4);
  expect(sessions.size).toBeLessThanOrEqual(6);
  mesh.finish();
  const statuses = new Set((await Promise.all(results)).map((result) => result.status));
  expect([...statuses]).toEqual(['COMPLETED']);
});

test('a result survives the loss of its connection', async () => {
  await using client = new Orchestrator({ url });
  const result = client.run('x').result();
  while (mesh.openWaits.now < 1) await client.listRuns();
  for (const session of sessions) session.destroy();
  mesh.finish();
  expect((await result).status).toBe('COMPLETED');
  expect(mesh.calls.filter((call) => call === 'getRun wait').length).toBeGreaterThan(1);
});

test('an address where nobody listens is UNREACHABLE, with the way out', async () => {
  await using client = new Orchestrator({ url: 'http://127.0.0.1:1' });
  await expect(client.getRun('e7b2')).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('http://127.0.0.1:1'),
    next: expect.stringContaining('yardmaster serve'),
  });
});
