/** ETL and the ML pipeline on real agents over real connections: files, HTTP, secrets, models. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Agent, Orchestrator, type RunEvent } from 'yardmaster';
import { createAnnouncer } from '../../examples/agents/typescript/announcer.ts';
import { createOrderAgents } from '../../examples/agents/typescript/orders/agents.ts';
import { createPenguinAgents } from '../../examples/agents/typescript/penguins/agents.ts';
import { Folder, orderPages, readWarehouse, stockOrders, Web } from '../integration/examples/desk.ts';
import { endsBefore, exampleFile, orderOf } from '../integration/examples/example.ts';

const KEY = 'k-2f9a81c4e7';
const PASSPHRASE = 'correct horse battery';

/** What the orchestrator and its agents know of, and what happened in the run that it was asked for. */
async function play(
  orchestrator: Orchestrator,
  { agents, file, params }: { readonly agents: readonly Agent[]; readonly file: string; readonly params: object },
) {
  await Promise.all(agents.map((agent) => agent.start()));
  const { workflow } = await orchestrator.registerWorkflow(exampleFile(file));
  const run = await orchestrator.startWorkflow(workflow.name, params);
  const events: RunEvent[] = [];
  for await (const event of run.events()) events.push(event);
  await Promise.all(agents.map((agent) => agent.stop()));
  return { result: await run.result(), order: orderOf(events), events };
}

describe('data-pipeline.yaml', () => {
  async function pipeline(secrets: Readonly<Record<string, string>>, params: object = {}, times = 1) {
    await using folder = await Folder.make();
    await using web = await Web.open(KEY, orderPages);
    await stockOrders(folder, PASSPHRASE);
    const store = folder.at('store.db');
    const settings = {
      database: folder.at('shop.db'),
      apiUrl: web.url,
      files: folder.path,
      warehouse: folder.at('warehouse.db'),
      webhookUrl: web.url,
    };
    const played = [];
    for (let i = 0; i < times; i++) {
      await using orchestrator = new Orchestrator({ store, secrets });
      const agents = createOrderAgents(settings, { url: await orchestrator.url(), inline: true });
      played.push(await play(orchestrator, { agents, file: 'data-pipeline.yaml', params }));
    }
    const isLoaded = readdirSync(folder.path).includes('warehouse.db');
    const stored = readdirSync(folder.path).filter((name) => name.startsWith('store.db'));
    const bytes = Buffer.concat(stored.map((name) => readFileSync(folder.at(name))));
    const rows = isLoaded ? readWarehouse(folder) : [];
    return { played, rows, bytes, posts: web.posts, requests: web.requests };
  }

  const secrets = { ORDERS_API_KEY: KEY, FILES_PASSPHRASE: PASSPHRASE };
  const euros = { EUR: 1, USD: 0.5, GBP: 2 };
  const loaded = [
    { number: 'm-1', euros: 10 },
    { number: 'm-2', euros: 10.25 },
    { number: 'p-1', euros: 12.5 },
    { number: 's-1', euros: 100 },
    { number: 's-2', euros: 100 },
  ];

  test('loads each order once, out of all three sources, and nobody but the agents sees a credential', async () => {
    const { played, rows, bytes, posts, requests } = await pipeline(secrets, { euros });
    const [{ result, order, events } = { result: undefined, order: [], events: [] }] = played;
    expect(result?.status).toBe('COMPLETED');
    expect(rows).toEqual(loaded);
    expect(result?.output).toEqual({ rows: 5, euros: 232.75 });
    // A row without a number, one without a total, one twice, and an order that the shop has, too.
    expect(posts.map(({ message }) => message)).toEqual(['5 orders of 232.75 euros, 4 rows dropped']);
    expect(requests.slice(0, 3)).toEqual(['GET /orders 503', 'GET /orders 200', 'GET /orders?page=2 200']);
    expect(order.filter((line) => line.includes(' api#'))).toEqual([
      'start api#1 api-extractor',
      'end api#1 FAILED',
      'start api#2 api-extractor',
      'end api#2 COMPLETED',
    ]);
    for (const source of ['database', 'api', 'files']) expect(endsBefore(order, source, 'clean')).toBe(true);
    expect(order.filter((line) => line.startsWith('start ')).slice(4)).toEqual([
      'start clean#1 order-cleaner',
      'start validate#1 order-validator',
      'start enrich#1 order-enricher',
      'start load#1 warehouse-loader',
      'start announce#1 announcer',
    ]);
    expect(bytes.length).toBeGreaterThan(0);
    for (const secret of [KEY, PASSPHRASE]) {
      expect(bytes.includes(secret)).toBe(false);
      expect(JSON.stringify([events, result])).not.toContain(secret);
    }
  });

  test('run a second time it leaves the same rows', async () => {
    const { played, rows, posts } = await pipeline(secrets, { euros }, 2);
    expect(played.map(({ result }) => result.status)).toEqual(['COMPLETED', 'COMPLETED']);
    expect(rows).toEqual(loaded);
    expect(new Set(posts.map(({ key }) => key)).size).toBe(2);
  });

  test('a key that is refused is not tried again, and nothing is loaded', async () => {
    const { played, rows, requests } = await pipeline({ ...secrets, ORDERS_API_KEY: 'k-of-yesterday' }, { euros });
    const [first] = played;
    expect(first?.result).toMatchObject({ status: 'FAILED', error: { code: 'KEY_REFUSED', step: 'api', attempt: 1 } });
    expect(requests).toEqual(['GET /orders 401']);
    expect(first?.order.some((line) => line.includes('clean#'))).toBe(false);
    expect(rows).toEqual([]);
  });

  test('a secret that is not there fails its step before any agent has it', async () => {
    const { played, requests } = await pipeline({ FILES_PASSPHRASE: PASSPHRASE }, { euros });
    expect(played[0]?.result.error).toMatchObject({ code: 'SECRET_MISSING', step: 'api' });
    expect(requests).toEqual([]);
  });

  test('orders in a currency without a rate are not loaded', async () => {
    const { played, rows } = await pipeline(secrets);
    expect(played[0]?.result.error).toMatchObject({ code: 'NO_RATE', step: 'enrich', attempt: 1 });
    expect(rows).toEqual([]);
  });
});

describe('ml-pipeline.yaml', () => {
  async function pipeline(params: object) {
    await using folder = await Folder.make();
    await using web = await Web.open('');
    await using orchestrator = new Orchestrator();
    const options = { url: await orchestrator.url(), inline: true };
    const settings = { data: 'node_modules/vega-datasets/data/penguins.json', models: folder.path };
    const agents = [...createPenguinAgents(settings, options), createAnnouncer(web.url, options)];
    const played = await play(orchestrator, { agents, file: 'ml-pipeline.yaml', params });
    const models = readdirSync(folder.path).map((name) => ({
      name,
      ...JSON.parse(readFileSync(folder.at(name), 'utf8')),
    }));
    return { ...played, models, posts: web.posts };
  }

  const measures = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'];

  test('trains three models at once and deploys the best one, which is good enough', async () => {
    const { result, order, models, posts } = await pipeline({ features: measures });
    expect(result.status).toBe('COMPLETED');
    expect(order.slice(0, 5)).toEqual([
      'start prepare#1 data-preparer',
      'end prepare#1 COMPLETED',
      'start majority#1 ml-trainer',
      'start centroids#1 ml-trainer',
      'start neighbours#1 ml-trainer',
    ]);
    expect(order.filter((line) => line.startsWith('start ')).slice(4)).toEqual([
      'start evaluate#1 model-evaluator',
      'start select#1 model-selector',
      'start deploy#1 model-deployer',
    ]);
    const scores = scoresOf(result.steps.find(({ stepId }) => stepId === 'evaluate')?.output);
    expect(scores.majority).toBeLessThan(0.6);
    expect(scores.centroids).toBeGreaterThan(0.9);
    const best = Math.max(...Object.values(scores));
    expect(result.output).toMatchObject({ score: best, deployed: true });
    expect(models).toMatchObject([{ name: 'model.json', score: best }]);
    expect(posts).toEqual([]);
  });

  test('deploys nothing and tells somebody when no model is good enough', async () => {
    const { result, order, models, posts } = await pipeline({ features: ['Body Mass (g)'], threshold: 0.9 });
    expect(result.status).toBe('COMPLETED');
    expect(result.output).toMatchObject({ deployed: false });
    expect(order.at(-1)).toBe('end notify#1 COMPLETED');
    expect(order.some((line) => line.includes('deploy#'))).toBe(false);
    expect(models).toEqual([]);
    expect(posts.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^No model is good enough: 0\.\d+ of 0\.9$/),
    ]);
  });

  function scoresOf(output: unknown): Readonly<Record<string, number>> {
    // What evaluate-models answers, by its schema.
    const { scored } = output as {
      readonly scored: readonly { readonly model: { readonly algorithm: string }; readonly score: number }[];
    };
    return Object.fromEntries(scored.map(({ model, score }) => [model.algorithm, score]));
  }
});

describe('as processes', () => {
  const agentsOf = {
    'order-agents.ts': [
      'announcer',
      'api-extractor',
      'database-extractor',
      'file-extractor',
      'order-cleaner',
      'order-enricher',
      'order-validator',
      'warehouse-loader',
    ],
    'penguin-agents.ts': [
      'announcer',
      'data-preparer',
      'ml-trainer',
      'model-deployer',
      'model-evaluator',
      'model-selector',
    ],
    'text-reader.ts': ['text-reader'],
  };

  test.each(Object.entries(agentsOf))('%s starts its agents, and stops them in order on SIGTERM', async (file, ids) => {
    await using folder = await Folder.make();
    await using orchestrator = new Orchestrator();
    await orchestrator.ready();
    const settings = {
      ORDERS_DB: folder.at('shop.db'),
      ORDERS_URL: 'http://127.0.0.1:9',
      ORDERS_FILES: folder.path,
      WAREHOUSE_DB: folder.at('warehouse.db'),
      WEBHOOK_URL: 'http://127.0.0.1:9',
      PENGUINS: folder.at('penguins.json'),
      MODELS: folder.path,
    };
    const env = { ...process.env, ...settings, YARDMASTER_URL: await orchestrator.url() };
    const child = spawn(process.execPath, ['--conditions=source', `examples/agents/typescript/${file}`], {
      env,
      stdio: 'inherit',
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const ready = () =>
      orchestrator
        .listAgents()
        .filter(({ status }) => status === 'READY')
        .map(({ id }) => id);
    await expect.poll(ready).toEqual(ids);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    await expect.poll(ready).toEqual([]);
  });

  test('agents that are told to stop while they dial end in order, too', async () => {
    const dialled = Promise.withResolvers<void>();
    await using server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      dialled.resolve();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}`;
    const settings = { PENGUINS: 'none.json', MODELS: '.', WEBHOOK_URL: url };
    const env = { ...process.env, ...settings, YARDMASTER_URL: url };
    const child = spawn(process.execPath, ['--conditions=source', 'examples/agents/typescript/penguin-agents.ts'], {
      env,
      stdio: 'inherit',
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    await dialled.promise;
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });
});
