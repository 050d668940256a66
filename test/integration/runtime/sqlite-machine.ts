/** A control plane in virtual time on a real file, which can crash and come back. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InProcessChecks } from '../../../src/control-plane/parameters/in-process.ts';
import { type RunningControlPlane, startControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import { openSqliteStore, type Store } from '../../../src/control-plane/store/index.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

/** One file after another: a crash goes on with a copy of the last one as it was. */
export class Disk implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), 'yardmaster-machine-'));
  private crashes = 0;

  get file(): string {
    return join(this.folder, `${this.crashes}.db`);
  }

  crash(): void {
    const before = this.file;
    this.crashes += 1;
    for (const suffix of ['', '-wal'])
      if (existsSync(before + suffix)) copyFileSync(before + suffix, this.file + suffix);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

export class Machine {
  readonly clock = new VirtualClock();
  readonly disk: Disk;
  private readonly random: Random = seededRandom(1);
  private running: { readonly controlPlane: RunningControlPlane; readonly store: Store; stop(): void } | undefined;

  constructor(disk: Disk) {
    this.disk = disk;
    this.clock.watch(() => (this.running?.controlPlane.isBusy() === true ? 'the control plane' : undefined));
  }

  async start(): Promise<RunningControlPlane> {
    const clock = this.clock.fork();
    const store = openSqliteStore({ file: this.disk.file, inline: true, clock });
    const controlPlane = await startControlPlane({
      node: 'n',
      clock,
      random: this.random,
      store,
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
      parameterChecks: new InProcessChecks(),
    });
    this.running = { controlPlane, store, stop: () => clock.stop() };
    await this.clock.settle();
    return controlPlane;
  }

  async crash(): Promise<void> {
    this.disk.crash();
    this.running?.stop();
    // Only lets the file go: what counts is the copy.
    await this.running?.store.close();
    this.running = undefined;
  }

  async stop(): Promise<void> {
    await this.running?.controlPlane.stop();
    this.running?.stop();
    this.running = undefined;
  }
}
