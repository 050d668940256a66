/** Alerts leave a real control plane as signed POST requests. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { Agent } from '../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../src/client/index.ts';
import { startServer } from '../../src/control-plane/main.ts';

const RULES = {
  runFailed: 'error',
  runTimedOut: 'error',
  stuck: 'warning',
  agentLost: 'warning',
  storeFailing: 'critical',
  storeMended: 'info',
} as const;

interface Post {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers with `statuses`, one after the other, and 204 after that. */
async function receiver(statuses: number[]) {
  const posts: Post[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    posts.push({ headers: request.headers, body: await text(request) });
    response.writeHead(statuses.shift() ?? 204, { location: '/elsewhere' }).end();
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    posts,
    arrived: async (count: number): Promise<void> => {
      while (posts.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    close: () => server.close(),
  };
}

it('a run that fails is told once, signed, until the receiver takes it; a second failure of the kind is only counted', async () => {
  const { url, posts, arrived, close } = await receiver([503, 302]);
  const alerts = { url, secret: 'sesame', repeatAfterMs: 60_000, rules: RULES };
  const server = await startServer({ port: 0, store: { kind: 'memory' }, alerts });
  const agent = new Agent({ id: 'worker', url: server.url, inline: true });
  agent.handle('work', () => {
    throw new Error('no luck');
  });
  await agent.start();
  const client = new Orchestrator({ url: server.url });
  await client.registerWorkflow({ name: 'Unlucky', steps: [{ id: 'a', action: 'work' }] });
  const first = await client.executeWorkflow('Unlucky');
  await client.executeWorkflow('Unlucky');
  await arrived(3);

  const [message] = posts.map(({ body }) => JSON.parse(body));
  expect(message).toMatchObject({
    kind: 'runFailed',
    severity: 'error',
    subject: 'Unlucky HANDLER_ERROR a',
    repeated: 0,
    facts: { run: first.runId, workflow: 'Unlucky', code: 'HANDLER_ERROR', step: 'a', agent: 'worker' },
  });
  expect(new Set(posts.map(({ headers }) => headers['x-yardmaster-alert']))).toEqual(new Set([message.id]));
  for (const { headers, body } of posts) {
    const signed = createHmac('sha256', 'sesame').update(`${headers['x-yardmaster-timestamp']}.${body}`).digest('hex');
    expect(headers['x-yardmaster-signature']).toBe(`v1=${signed}`);
  }

  await client.close();
  await agent.stop();
  await server.stop();
  expect(posts).toHaveLength(3);
  close();
});
