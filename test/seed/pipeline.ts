/** What the seed's integration test stands on: a database, an HTTP API, the agents that use them, and the pipeline. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type MultiAgentOrchestrator, StepError, WorkflowBuilder } from 'yardmaster';

/** A SQLite file of its own. */
export class TestDatabase {
  #folder = '';

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'yardmaster-seed-'));
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  async seedData(name: string): Promise<void> {
    const sql = await readFile(new URL(name, import.meta.url), 'utf8');
    using database = this.open();
    database.exec(sql);
  }

  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    using database = this.open();
    return database.prepare(sql).all();
  }

  open(): DatabaseSync {
    return new DatabaseSync(join(this.#folder, 'test.db'));
  }
}

/** Answers where a station stands: `GET /stations/s1`. Each station is unavailable for its first request. */
export class TestApiServer {
  url = '';
  readonly requests: string[] = [];
  #server: Server | undefined;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      const isFirst = !this.requests.includes(path);
      this.requests.push(path);
      const station = /^\/stations\/(s\d)$/.exec(path)?.[1];
      if (station === undefined) response.writeHead(404).end();
      else if (isFirst) response.writeHead(503).end();
      else response.end(JSON.stringify({ station: `Station ${station.slice(1)}` }));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    this.url = `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

interface Measurement {
  readonly id: number;
  readonly station: string;
  readonly tenths: number;
}

interface Row {
  readonly id: number;
  readonly station: string;
  readonly celsius: number;
}

export async function setupRealAgents(
  orchestrator: MultiAgentOrchestrator,
  database: TestDatabase,
  api: TestApiServer,
): Promise<void> {
  await orchestrator.registerAgent({
    id: 'db-reader',
    name: 'Reads tables',
    handlers: {
      read: ({ table }: { readonly table: string }) => {
        using open = database.open();
        return { rows: open.prepare(`SELECT * FROM ${tableName(table)} ORDER BY id`).all() };
      },
    },
  });
  await orchestrator.registerAgent({
    id: 'api-enricher',
    name: 'Asks the API for stations',
    handlers: {
      enrich: async ({ rows }: { readonly rows: readonly Measurement[] }) => {
        const stations = new Map<string, string>();
        for (const { station } of rows) {
          if (!stations.has(station)) stations.set(station, await fetchStation(api.url, station));
        }
        return {
          rows: rows.map(({ id, station, tenths }) => ({ id, station: stations.get(station), celsius: tenths / 10 })),
        };
      },
    },
  });
  await orchestrator.registerAgent({
    id: 'db-writer',
    name: 'Writes tables',
    handlers: {
      // In one transaction, and the same again when it is repeated.
      write: ({ table, rows }: { readonly table: string; readonly rows: readonly Row[] }) => {
        using open = database.open();
        open.exec('BEGIN');
        const insert = open.prepare(
          `INSERT OR REPLACE INTO ${tableName(table)} (id, station, celsius) VALUES (?, ?, ?)`,
        );
        for (const { id, station, celsius } of rows) insert.run(id, station, celsius);
        open.exec('COMMIT');
        return { written: rows.length };
      },
    },
  });
}

async function fetchStation(url: string, station: string): Promise<string> {
  const response = await fetch(`${url}/stations/${station}`);
  if (!response.ok) throw new StepError('UPSTREAM_DOWN', `the API answers ${response.status}`);
  // What this server answers, above.
  const body = (await response.json()) as { readonly station: string };
  return body.station;
}

/** Names of tables come from whoever starts the run. */
function tableName(name: string): string {
  if (/^[a-z_]{1,64}$/.test(name)) return name;
  throw new StepError('BAD_TABLE', `"${name}" is not the name of a table`, { retryable: false });
}

export function createDataPipelineWorkflow() {
  return new WorkflowBuilder('DataPipeline')
    .description('Copies measurements with the names of their stations')
    .timeout('1m')
    .step('read-input', {
      agentId: 'db-reader',
      action: 'read',
      parameters: { table: '${{ params.inputTable }}' },
      assert: 'size(output.rows) > 0',
    })
    .step('enrich', {
      agentId: 'api-enricher',
      action: 'enrich',
      parameters: ({ steps }) => ({ rows: steps['read-input'].output.rows }),
      retry: { tries: 10, backoff: '10ms', jitter: false, factor: 1 },
    })
    .step('write-output', {
      agentId: 'db-writer',
      action: 'write',
      parameters: ({ params, steps }) => ({ table: params.outputTable, rows: steps.enrich.output.rows }),
    })
    .output(({ steps }) => steps['write-output'].output)
    .build();
}
