/** Reads a run: its journal from the beginning, or its snapshot and what follows that. The journal is the truth. */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { RunCreated } from '../engine/events.ts';
import { evolve } from '../engine/evolve.ts';
import { createRunState, type RunState } from '../engine/state.ts';
import type { JournalRow, Store } from '../store/port.ts';
import { decodeSnapshot } from './snapshots.ts';

const PAGE = 512;
/** Most runs end within these, and cost one read; of all others a snapshot is asked for. */
const FIRST_PAGE = 64;

export interface RunLoaderOptions {
  readonly store: Pick<Store, 'loadJournal' | 'loadSnapshot'>;
  readonly logger: Logger;
  readonly workflowOf: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

export interface LoadedRun {
  readonly state: RunState;
  /** Rows of the journal that were folded: those since the snapshot, or all. */
  readonly rows: number;
}

export class RunLoader {
  private readonly options: RunLoaderOptions;

  constructor(options: RunLoaderOptions) {
    this.options = options;
  }

  /** Undefined when there is no such run. */
  async load(runId: string): Promise<LoadedRun | undefined> {
    // A run that is shorter than this has no snapshot.
    const first = Math.min(FIRST_PAGE, limits.snapshotRows);
    const rows = await this.options.store.loadJournal(runId, 0, first);
    const [head] = rows;
    if (head === undefined) return undefined;
    const created = creationIn(head);
    const workflow = await this.options.workflowOf(created.namespace, created.workflow, created.version);
    if (rows.length < first) return { state: fold(created, workflow, rows), rows: rows.length };
    return (await this.fromSnapshot(runId, workflow)) ?? this.foldOn(fold(created, workflow, rows), rows.length);
  }

  /** Everything after the state's position. */
  private async foldOn(state: RunState, rowsBefore: number): Promise<LoadedRun> {
    for (let folded = rowsBefore; ; ) {
      const rows = await this.options.store.loadJournal(state.runId, state.position, PAGE);
      for (const row of rows) for (const event of row.events) evolve(state, event);
      folded += rows.length;
      if (rows.length < PAGE) return { state, rows: folded };
    }
  }

  /** Undefined when there is none, and with a line in the log when it cannot be used. */
  private async fromSnapshot(runId: string, workflow: CompiledWorkflow): Promise<LoadedRun | undefined> {
    const snapshot = await this.options.store.loadSnapshot(runId);
    if (snapshot === undefined) return undefined;
    const { position } = snapshot;
    try {
      const state = decodeSnapshot(snapshot, workflow);
      // The last event that is in it: the journal reaches so far, and nothing is missing between the two.
      const [last] = await this.options.store.loadJournal(runId, position - 1, 1);
      if (last?.position !== position - 1) throw new Error('the journal does not reach it');
      return await this.foldOn(state, 0);
    } catch (error) {
      this.options.logger.warn('a snapshot is not used; the whole journal is read', { run: runId, position, error });
      return undefined;
    }
  }
}

function creationIn({ runId, events: [created] }: JournalRow): RunCreated {
  if (created?.type === 'RunCreated') return created;
  throw new YardmasterError('STORE_CORRUPT', `Cannot load run "${runId}": its journal does not begin with RunCreated`);
}

function fold(created: RunCreated, workflow: CompiledWorkflow, rows: readonly JournalRow[]): RunState {
  const state = createRunState(created, workflow);
  for (const row of rows) for (const event of row.events) if (event !== created) evolve(state, event);
  return state;
}
