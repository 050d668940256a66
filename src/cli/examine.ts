/** The examinations of `doctor`: each looks at one thing, changes nothing, and says how to mend it. */
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { formatDuration } from '../core/duration.ts';
import type { Check } from './render/checks.ts';

const FSYNCS = 21;
const FSYNC_BYTES = 4_096;
/** A commit takes one; beyond this a chain of steps crawls. */
const FSYNC_MS_MAX = 30;
/** Leases and retries use wall time between processes. */
const SKEW_MS_MAX = 2_000;
const ANSWER_MS = 1_000;
/** This program did not exist before: a clock that says so is wrong. */
const BORN = Date.UTC(2026, 0, 1);
/** "YARD", as the store writes it. */
const APPLICATION_ID = 0x59415244;

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isFine = (major === 24 && minor >= 16) || (major === 26 && minor >= 1) || major > 26;
  if (isFine) return { name: 'node', ok: true, fact: `Node ${major}.${minor}` };
  return {
    name: 'node',
    ok: false,
    code: 'NODE_TOO_OLD',
    fact: `Node ${version} cuts text in its SQLite`,
    next: 'use Node 24.16+ or 26.1+',
  };
}

/** The median time to make 4 KiB durable where the store is. */
export async function checkDisk(store: string): Promise<Check> {
  try {
    const ms = await measureSync(dirname(resolve(store)));
    if (ms <= FSYNC_MS_MAX) return { name: 'fsync', ok: true, fact: `fsync ${shortMs(ms)}` };
    const fact = `making 4 KiB durable takes ${shortMs(ms)} beside "${store}"`;
    return { name: 'fsync', ok: false, code: 'DISK_SLOW', fact, next: 'put the store on a local SSD: --store FILE' };
  } catch (error) {
    const fact = `cannot write beside "${store}": ${error instanceof Error ? error.message : String(error)}`;
    return { name: 'fsync', ok: false, code: 'DISK_UNWRITABLE', fact, next: 'name another place: --store FILE' };
  }
}

async function measureSync(folder: string): Promise<number> {
  const own = await mkdtemp(join(folder, '.yardmaster-doctor-'));
  try {
    const file = await open(join(own, 'probe'), 'w');
    const times: number[] = [];
    for (let i = 0; i < FSYNCS; i++) {
      const before = performance.now();
      await file.write(Buffer.alloc(FSYNC_BYTES, i));
      await file.datasync();
      times.push(performance.now() - before);
    }
    await file.close();
    return times.toSorted((a, b) => a - b)[Math.floor(FSYNCS / 2)] ?? 0;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function shortMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}ms` : formatDuration(ms);
}

export async function checkPort(host: string, port: number): Promise<Check> {
  const name = 'port';
  const refusal = await tryListen(host, port);
  if (refusal === undefined) return { name, ok: true, fact: `port ${port}` };
  if (refusal !== 'EADDRINUSE') {
    const fact = `cannot listen on ${host}:${port}: ${refusal}`;
    return { name, ok: false, code: 'PORT_REFUSED', fact, next: 'name another one: --host, --port' };
  }
  const answer = await ask(`http://${host}:${port}`);
  const node = answer?.headers['x-yardmaster-node'];
  if (typeof node === 'string') return { name, ok: true, fact: `port ${port}: Yardmaster ${node} answers` };
  const fact = `another program has ${host}:${port}`;
  return { name, ok: false, code: 'PORT_IN_USE', fact, next: `stop it, or --port ${port + 1}` };
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** Reads only: the schema's version and who has the store. */
export function checkStore(store: string): Check {
  const name = 'store';
  if (!existsSync(store)) return { name, ok: true, fact: `no store yet at ${store}` };
  try {
    const { application, schema } = readSchema(store);
    if (application !== APPLICATION_ID) {
      const fact = `"${store}" is a SQLite file of another program`;
      return { name, ok: false, code: 'STORE_CORRUPT', fact, next: 'name another file: --store FILE' };
    }
    const owner = readOwner(`${store}-owner`);
    return { name, ok: true, fact: `schema ${schema}${owner === undefined ? '' : `, in use by pid ${owner}`}` };
  } catch (error) {
    const fact = `cannot read "${store}": ${error instanceof Error ? error.message : String(error)}`;
    return { name, ok: false, code: 'STORE_CORRUPT', fact, next: 'restore a backup, or name another file' };
  }
}

function readSchema(store: string): { readonly application: unknown; readonly schema: unknown } {
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    const application = db.prepare('PRAGMA application_id').get()?.application_id;
    return { application, schema: db.prepare('PRAGMA user_version').get()?.user_version };
  } finally {
    db.close();
  }
}

/** The pid in the owner's row, when that process holds the lock; the row of a dead owner stays behind. */
function readOwner(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    const pid = Number(db.prepare('SELECT pid FROM owner').get()?.pid);
    return isLocked(db) ? pid : undefined;
  } catch {
    // Its owner is writing the row this moment, or never wrote one.
    return undefined;
  } finally {
    db.close();
  }
}

function isLocked(db: DatabaseSync): boolean {
  try {
    db.exec('BEGIN IMMEDIATE');
    db.exec('ROLLBACK');
    return false;
  } catch {
    return true;
  }
}

/** Against the control plane's clock when one answers, else against common sense. */
export async function checkClock(url: string, now: () => number): Promise<Check> {
  const name = 'clock';
  const asked = now();
  const answer = await ask(url);
  const theirs = Date.parse(answer?.headers.date ?? '');
  // Its Date header counts whole seconds.
  const skew = Number.isNaN(theirs) ? 0 : Math.abs(theirs + 500 - (asked + now()) / 2);
  if (skew > SKEW_MS_MAX) {
    const fact = `this clock and that of ${url} are ${formatDuration(skew)} apart`;
    return { name, ok: false, code: 'CLOCK_SKEW', fact, next: 'start a time service (chrony, systemd-timesyncd)' };
  }
  if (asked >= BORN) return { name, ok: true, fact: 'clock' };
  const fact = `this clock says ${new Date(asked).toISOString()}`;
  return { name, ok: false, code: 'CLOCK_SKEW', fact, next: 'set it, and start a time service' };
}

interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>> & { readonly date?: string };
}

function ask(url: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const request = get(`${url}/livez`, { timeout: ANSWER_MS, agent: false }, (response) => {
      response.resume();
      const { date, ...headers } = response.headers;
      resolve({ headers: { ...headers, ...(date === undefined ? {} : { date }) } });
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}
