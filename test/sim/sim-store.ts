/** The store of one control-plane process: the memory store, with a disk that is late, busy, full, or loses its answer. */
import { createMemoryStore } from '../../src/control-plane/store/index.ts';
import type { MemoryData } from '../../src/control-plane/store/memory/memory-data.ts';
import { type Batch, type Store, StoreError } from '../../src/control-plane/store/port.ts';
import type { Dice } from './dice.ts';
import { mirrored } from './sql-mirror.ts';
import type { Process, World } from './world.ts';

export interface DiskSettings {
  /** Milliseconds of one write and of one read; 0: at once. */
  readonly writeMs: number;
  readonly readMs: number;
}

/** What is wrong with the disk now. Chances are per commit. */
export class Disk {
  settings: DiskSettings;
  busy = 0;
  isFull = false;
  unclear = 0;
  /** Of a read. */
  unreadable = 0;
  slow = 0;
  slowMs = 0;

  constructor(settings: DiskSettings) {
    this.settings = settings;
  }

  heal(): void {
    this.busy = 0;
    this.isFull = false;
    this.unclear = 0;
    this.unreadable = 0;
    this.slow = 0;
  }
}

export interface SimStoreOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly process: Process;
  readonly disk: Disk;
  readonly data: MemoryData;
  /** Set in the seeds that run the real SQL. */
  readonly sql: Store | undefined;
  /** Called at the moment of the call, and at the moment at which the batch is durable. */
  readonly onCommit: (batch: Batch) => void;
  readonly onLanded: (batch: Batch) => void;
}

export interface SimStore {
  readonly store: Store;
  crash(): void;
}

export function createSimStore(options: SimStoreOptions): SimStore {
  const faults = new Faults(options);
  const inner = createMemoryStore({ data: options.data, faults });
  const { sql } = options;
  const crash = (): void => {
    inner.crash();
    void sql?.close();
  };
  return { store: withDelays(sql === undefined ? inner : mirrored(inner, sql), options), crash };
}

class Faults {
  private readonly options: SimStoreOptions;

  constructor(options: SimStoreOptions) {
    this.options = options;
  }

  beforeCommit(_batch: Batch): void | Promise<void> {
    const { world, disk, dice } = this.options;
    const failure = this.failure();
    const isSlow = dice.chance(disk.slow);
    const delayMs = (isSlow ? dice.between(0, disk.slowMs) : 0) + dice.skewed(0, disk.settings.writeMs);
    if (failure !== undefined) world.log('disk', `refuses: ${failure.message}`);
    if (disk.settings.writeMs === 0 && !isSlow) {
      if (failure !== undefined) throw failure;
      return;
    }
    return this.wait(delayMs).then(() => {
      if (failure !== undefined) throw failure;
    });
  }

  afterCommit(batch: Batch): void | Promise<void> {
    const { world, sql, onLanded } = this.options;
    world.log('disk', `landed ${batch.journal.map(describeRow).join('; ')}`);
    onLanded(batch);
    return sql === undefined ? this.answer() : sql.commit(batch).then(() => this.answer());
  }

  private answer(): void | Promise<void> {
    const { world, disk, dice } = this.options;
    const isLost = dice.chance(disk.unclear / 2);
    if (isLost) world.log('disk', 'loses its answer');
    const lose = (): void => {
      if (isLost) throw new Error('EIO after the write');
    };
    if (disk.settings.writeMs === 0) return lose();
    return this.wait(dice.skewed(0, disk.settings.writeMs)).then(lose);
  }

  private failure(): Error | undefined {
    const { disk, dice } = this.options;
    if (disk.isFull) return new StoreError('FULL', 'disk full');
    if (dice.chance(disk.busy)) return new StoreError('BUSY', 'disk busy');
    return dice.chance(disk.unclear / 2) ? new Error('EIO before the write') : undefined;
  }

  private wait(delayMs: number): Promise<void> {
    const { world, process } = this.options;
    return new Promise((resolve) => world.after(delayMs, process, 'io', resolve));
  }
}

/** Reads answer later, as from another thread, and may fail; what they see is the state when they answer. */
function withDelays(inner: Store, options: SimStoreOptions): Store {
  const { world, dice, process, disk } = options;
  const luck = dice.fork('reads');
  const queuedDice = dice.fork('queued');
  const outputDice = dice.fork('outputs');
  const labelDice = dice.fork('labels');
  const later = async <T>(read: () => Promise<T>, ofRead = dice, ofLuck = luck): Promise<T> => {
    const { readMs } = disk.settings;
    if (readMs > 0) await new Promise<void>((resolve) => world.after(ofRead.skewed(0, readMs), process, 'io', resolve));
    if (disk.unreadable > 0 && ofLuck.chance(disk.unreadable)) {
      world.log('disk', 'cannot be read');
      throw new StoreError('UNCLEAR', 'EIO in a read');
    }
    return read();
  };
  return {
    open: () => inner.open(),
    reopen: () => later(() => inner.reopen()),
    close: () => inner.close(),
    commit: (batch) => {
      options.onCommit(batch);
      return inner.commit(batch);
    },
    loadActiveRuns: (after, limit) => later(() => inner.loadActiveRuns(after, limit)),
    loadQueuedRuns: (after, limit) => later(() => inner.loadQueuedRuns(after, limit), queuedDice),
    loadTasks: (after, limit) => later(() => inner.loadTasks(after, limit)),
    loadJournal: (runId, from, limit) => later(() => inner.loadJournal(runId, from, limit)),
    loadSnapshot: (runId) => later(() => inner.loadSnapshot(runId)),
    getRun: (namespace, runId) => later(() => inner.getRun(namespace, runId)),
    findRunByRequest: (namespace, requestId) => later(() => inner.findRunByRequest(namespace, requestId)),
    listRuns: (query) => later(() => inner.listRuns(query)),
    findRunsByTail: (namespace, tail, limit) => later(() => inner.findRunsByTail(namespace, tail, limit)),
    getBlob: (runId, blobId) => later(() => inner.getBlob(runId, blobId)),
    getOutput: (key) => later(() => inner.getOutput(key), outputDice),
    findLastOutput: (runId, path) => later(() => inner.findLastOutput(runId, path), outputDice),
    sumOutputs: (runId) => later(() => inner.sumOutputs(runId), outputDice),
    loadChunks: (query) => later(() => inner.loadChunks(query), outputDice),
    putBlobPart: (runId, blobId, part, bytes) => later(() => inner.putBlobPart(runId, blobId, part, bytes)),
    putWorkflow: (...row) => later(() => inner.putWorkflow(...row)),
    getWorkflow: (namespace, name, version) => later(() => inner.getWorkflow(namespace, name, version)),
    listWorkflows: (namespace, after, limit) => later(() => inner.listWorkflows(namespace, after, limit)),
    getSchedule: (key) => later(() => inner.getSchedule(key)),
    loadSchedules: (after, limit) => later(() => inner.loadSchedules(after, limit)),
    loadAgentLabels: (after, limit) => later(() => inner.loadAgentLabels(after, limit), labelDice, labelDice),
    listAgentEvents: (agentId, limit) => later(() => inner.listAgentEvents(agentId, limit)),
    listAudit: (query) => later(() => inner.listAudit(query)),
    prune: (before, limit) => later(() => inner.prune(before, limit)),
    stats: () => inner.stats(),
  };
}

function describeRow({ runId, position, events }: Batch['journal'][number]): string {
  const told = events.map((event) => {
    const path = 'path' in event ? ` ${event.path}` : '';
    const number = 'number' in event ? `#${event.number}` : '';
    const outcome = 'outcome' in event ? ` ${event.outcome}` : '';
    return `${event.type}${path}${number}${outcome}`;
  });
  return `${runId.slice(22)}@${position} ${told.join(', ')}`;
}
