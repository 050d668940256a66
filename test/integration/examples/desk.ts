/** What real agents of the examples stand on: a folder, the shop's sources, a webhook; and a control plane with a store of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { encrypt } from '../../../examples/agents/typescript/orders/sources.ts';

export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'yardmaster-examples-')));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

export interface Post {
  readonly key: string;
  readonly message: string;
}

/** The marketplace (`/orders`, with a key) and the webhook (POST) on one port of this machine. */
export class Web implements AsyncDisposable {
  readonly posts: Post[] = [];
  /** `METHOD path status`, in order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  url = '';

  private constructor(key: string, pages: Readonly<Record<string, unknown>>) {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      const answer = (status: number, body = ''): void => {
        this.requests.push(`${request.method} ${path} ${status}`);
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      };
      if (request.method === 'POST') {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          // What announcer.ts posts.
          const { message } = JSON.parse(Buffer.concat(chunks).toString()) as Post;
          this.posts.push({ key: String(request.headers['idempotency-key']), message });
          answer(204);
        });
      } else if (request.headers.authorization !== `Bearer ${key}`) answer(401);
      else if (this.requests.every((line) => !line.endsWith(' 503'))) answer(503);
      else answer(pages[path] === undefined ? 404 : 200, JSON.stringify(pages[path] ?? null));
    });
  }

  /** Unavailable for the first request that has the key. */
  static async open(key: string, pages: Readonly<Record<string, unknown>> = {}): Promise<Web> {
    const web = new Web(key, pages);
    await new Promise<void>((resolve) => web.#server.listen(0, '127.0.0.1', resolve));
    const address = web.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    web.url = `http://127.0.0.1:${address.port}`;
    return web;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const orderPages = {
  '/orders': { orders: [{ number: 'm-1', currency: 'eur', total: 10 }], next: '/orders?page=2' },
  '/orders?page=2': {
    orders: [
      { number: 'm-2', currency: 'USD', total: '20.5' },
      { number: 's-1', total: 1 },
    ],
    next: null,
  },
};

/** The shop's database and the partner's encrypted file. */
export async function stockOrders(folder: Folder, passphrase: string): Promise<void> {
  using database = new DatabaseSync(folder.at('shop.db'));
  database.exec('CREATE TABLE orders (number TEXT, currency TEXT, total REAL)');
  database.exec("INSERT INTO orders VALUES ('s-1', 'EUR', 100), ('s-2', 'GBP', 50), ('', 'EUR', 7)");
  const csv = 'number;currency;total\np-1;EUR;12,50\np-2;EUR;?\np-1;EUR;12,50\n';
  await writeFile(folder.at('partner.csv.enc'), encrypt(csv, passphrase));
}

export function readWarehouse(folder: Folder): readonly unknown[] {
  using database = new DatabaseSync(folder.at('warehouse.db'), { readOnly: true });
  return database
    .prepare('SELECT number, euros FROM orders ORDER BY number')
    .all()
    .map((row) => ({ ...row }));
}
