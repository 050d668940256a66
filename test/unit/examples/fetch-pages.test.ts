import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchPages } from '../../../examples/agents/typescript/strikes/fetch-pages.ts';
import { readAirports } from '../../../src/demo/data.ts';
import { startWeb, type Web } from '../../../src/demo/web.ts';

const signal = new AbortController().signal;

describe('over the API of the demo', () => {
  let web: Web;
  beforeEach(async () => {
    web = await startWeb(readAirports());
  });
  afterEach(() => web[Symbol.asyncDispose]());

  test('reads all airports, page by page', async () => {
    const pages: number[] = [];
    const airports = await fetchPages(web.airportsUrl, signal, (done) => pages.push(done));
    expect(airports).toHaveLength(3_376);
    expect(pages).toEqual([500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_376]);
    expect(new Set(airports.map(({ iata }) => iata)).size).toBe(3_376);
  });

  test.each(['limit=0', 'limit=-5', 'limit=1e9', 'limit=x&offset=y', 'offset=999999'])(
    'the API answers strange numbers with a page of bounded size: %s',
    async (query) => {
      const response = await fetch(web.airportsUrl.replace(/limit=.*/, query));
      const page = (await response.json()) as { items: unknown[]; total: number };
      expect(page.total).toBe(3_376);
      expect(page.items.length).toBeLessThanOrEqual(500);
    },
  );

  test('the webhook keeps a message once per idempotency key, and says what it kept', async () => {
    const post = (key: string, body: string): Promise<Response> =>
      fetch(web.notificationsUrl, { method: 'POST', headers: { 'idempotency-key': key }, body });
    expect((await post('a', '{"n":1}')).status).toBe(201);
    expect((await post('a', '{"n":2}')).status).toBe(200);
    expect((await post('b', 'not json')).status).toBe(400);
    expect((await post('c', 'x'.repeat(70_000))).status).toBe(413);
    expect(await (await fetch(web.notificationsUrl)).json()).toEqual([{ n: 1 }]);
  });
});

test.each([
  ['that gives less than it says', { total: 5, items: [{}], next: null }, /has 5 items but gave 1/],
  ['that answers nonsense', { total: 'many' }, /total/],
])('fails for an API %s', async (_name, page, message) => {
  const server = createServer((_request, response) => response.end(JSON.stringify(page))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    await expect(fetchPages(`http://127.0.0.1:${port}/`, signal, () => {})).rejects.toThrow(message);
  } finally {
    server.close();
  }
});
