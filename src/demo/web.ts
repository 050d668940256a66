/**
 * The outside world of the demo on loopback: an API that lists airports page by page, and a webhook that keeps what it is
 * sent, each idempotency key once, and can be read.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { CsvTable } from './csv.ts';

const PAGE_DEFAULT = 100;
const PAGE_MAX = 500;
const BODY_BYTES_MAX = 64 * 1024;

export interface Web extends AsyncDisposable {
  readonly airportsUrl: string;
  readonly notificationsUrl: string;
}

export async function startWeb(airports: CsvTable): Promise<Web> {
  const items = airports.rows.map((row) => Object.fromEntries(airports.columns.map((name, i) => [name, row[i] ?? ''])));
  const notifications = new Map<string, unknown>();
  const server = createServer((request, response) => {
    const answer = handle(request, items, notifications);
    answer.then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => send(response, 400, { error: String(error) }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    airportsUrl: `${url}/airports?limit=${PAGE_MAX}`,
    notificationsUrl: `${url}/notifications`,
    [Symbol.asyncDispose]: () => close(server),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function handle(
  request: IncomingMessage,
  items: readonly unknown[],
  notifications: Map<string, unknown>,
): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const key = `${request.method} ${url.pathname}`;
  if (key === 'GET /airports') return { status: 200, body: pageOf(items, url) };
  if (key === 'GET /notifications') return { status: 200, body: [...notifications.values()] };
  if (key === 'POST /notifications') return keepNotification(request, notifications);
  return { status: 404, body: { error: `no ${key}` } };
}

function pageOf(items: readonly unknown[], { searchParams }: URL): unknown {
  const offset = readNumber(searchParams.get('offset'), 0, items.length);
  const limit = Math.max(1, readNumber(searchParams.get('limit'), PAGE_DEFAULT, PAGE_MAX));
  const end = offset + limit;
  const next = end < items.length ? `/airports?offset=${end}&limit=${limit}` : null;
  return { total: items.length, items: items.slice(offset, end), next };
}

function readNumber(value: string | null, fallback: number, max: number): number {
  const number = Number(value ?? fallback);
  return Number.isSafeInteger(number) && number >= 0 ? Math.min(number, max) : fallback;
}

async function keepNotification(request: IncomingMessage, notifications: Map<string, unknown>): Promise<Answer> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return { status: 400, body: { error: 'idempotency-key is missing' } };
  if (Number(request.headers['content-length'] ?? BODY_BYTES_MAX + 1) > BODY_BYTES_MAX) {
    return { status: 413, body: { error: `at most ${BODY_BYTES_MAX} bytes` } };
  }
  const isNew = !notifications.has(key);
  if (isNew) notifications.set(key, JSON.parse(await text(request)));
  return { status: isNew ? 201 : 200, body: {} };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
