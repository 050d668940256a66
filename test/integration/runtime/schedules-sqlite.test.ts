/** Schedules on a real file: after a crash and after a stop every tick has its run, and only one. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InProcessChecks } from '../../../src/control-plane/parameters/in-process.ts';
import { type RunningControlPlane, startControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import { openSqliteStore, type ScheduleSpec, type Store } from '../../../src/control-plane/store/index.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { aSchedule } from '../../contract/store/rows.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const TEN_SECONDS: ScheduleSpec = {
  ...aSchedule('a').spec,
  workflow: 'Flow',
  cron: '*/10 * * * * *',
  timezone: 'UTC',
  overlap: 'allow',
  catchUp: 'all',
};

/** One file after another: a crash goes on with a copy of the last one as it was. */
class Disk implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), 'yardmaster-schedules-'));
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

class Machine {
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

/** Seconds of the ticks that have a run, one for each run, oldest first. */
async function ticksOf(controlPlane: RunningControlPlane): Promise<readonly number[]> {
  const { runs } = await controlPlane.listRuns({
    namespace: 'default',
    labels: { schedule: 'a' },
    before: '',
    limit: 500,
  });
  const ticks = runs.map(({ labels }) => (Date.parse(labels['scheduled-at'] ?? '') - Date.UTC(2026, 0, 1)) / 1_000);
  return ticks.toSorted((left, right) => left - right);
}

const every10 = (count: number): number[] => Array.from({ length: count }, (_, index) => (index + 1) * 10);

test('after a crash and after a stop every tick has one run', async () => {
  using disk = new Disk();
  const machine = new Machine(disk);
  const first = await machine.start();
  const { definition } = flow([step('a')]);
  await first.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
  await first.schedules.put({ namespace: 'default', name: 'a', spec: TEN_SECONDS });
  await machine.clock.advance('25s');
  expect(await ticksOf(first)).toEqual(every10(2));
  await machine.crash();
  await machine.clock.advance('90s');
  const second = await machine.start();
  expect(await ticksOf(second)).toEqual(every10(11));
  await machine.clock.advance('5s');
  expect(await ticksOf(second)).toEqual(every10(12));
  await machine.stop();
  await machine.clock.advance('95s');
  const third = await machine.start();
  expect(await ticksOf(third)).toEqual(every10(21));
  expect((await third.schedules.get('default', 'a')).row).toMatchObject({
    spec: TEN_SECONDS,
    lastTick: { outcome: 'STARTED', at: Date.UTC(2026, 0, 1, 0, 3, 30) },
  });
  await machine.stop();
});
