/** The adapters under test: each world is one "disk" on which stores are opened, crash and are opened again. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMemoryData,
  createMemoryStore,
  openSqliteStore,
  type Store,
  type StoreOpened,
} from '../../../src/control-plane/store/index.ts';
import { systemClock } from '../../../src/core/clock.ts';

export interface OpenStore extends StoreOpened {
  readonly store: Store;
}

export interface World {
  /** Opens a store on the disk as it is. */
  open(): Promise<OpenStore>;
  /** The stores that are open are gone without a close; the disk keeps what it had. */
  crash(): Promise<void>;
  end(): Promise<void>;
}

export const worlds: readonly { readonly name: string; readonly create: () => World }[] = [
  { name: 'memory', create: createMemoryWorld },
  { name: 'sqlite inline', create: () => createSqliteWorld({ inline: true }) },
  { name: 'sqlite worker', create: () => createSqliteWorld({ inline: false }) },
];

function createMemoryWorld(): World {
  const data = createMemoryData();
  let crash = (): void => {};
  return {
    async open() {
      const store = createMemoryStore({ data });
      crash = () => store.crash();
      return { store, ...(await store.open()) };
    },
    crash: async () => crash(),
    end: async () => {},
  };
}

function createSqliteWorld({ inline }: { readonly inline: boolean }): World {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-store-'));
  const stores: Store[] = [];
  let crashes = 0;
  const file = (): string => join(folder, `${crashes}.db`);
  return {
    async open() {
      const store = openSqliteStore({ file: file(), inline, clock: systemClock });
      stores.push(store);
      return { store, ...(await store.open()) };
    },
    /** The files of a process that is gone are what a copy of them is now. */
    async crash() {
      const before = file();
      crashes += 1;
      for (const suffix of ['', '-wal']) {
        if (existsSync(before + suffix)) copyFileSync(before + suffix, file() + suffix);
      }
    },
    async end() {
      await Promise.all(stores.map((store) => store.close()));
      rmSync(folder, { recursive: true });
    },
  };
}
