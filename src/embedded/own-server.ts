/** The control plane inside this process: a store, a port on loopback, and nothing that outlives it unless a store is named. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, startServer } from '../control-plane/main.ts';
import { givenSecrets } from '../core/secret-provider.ts';

export interface OwnServerOptions {
  /** SQLite file; default: a temporary one, deleted at the end. */
  readonly store?: string;
  /** On loopback; default: any free one. */
  readonly port?: number;
  /** Secrets of workflows by name; default: variables that begin with `YARDMASTER_SECRET_`. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export interface OwnServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects as `startServer` does. */
export async function startOwnServer({ store, port = 0, secrets }: OwnServerOptions): Promise<OwnServer> {
  const folder = store === undefined ? await mkdtemp(join(tmpdir(), 'yardmaster-')) : undefined;
  const drop = async (): Promise<void> => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  const server = await start(store ?? join(folder ?? '', 'yardmaster.db'), port, secrets).catch(
    async (error: unknown) => {
      await drop();
      throw error;
    },
  );
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await drop();
    },
  };
}

function start(file: string, port: number, secrets: OwnServerOptions['secrets']): Promise<Server> {
  const given = secrets === undefined ? {} : { secrets: givenSecrets(secrets) };
  return startServer({ port, store: { kind: 'sqlite', file }, ...given });
}
