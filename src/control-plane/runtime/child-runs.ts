/**
 * Child runs: starts what steps of kind `workflow` ask for, and tells those steps how it ended.
 *
 * Invariants:
 * 1. The id of a child run is in the journal of its parent (ChildStarted) before, or in the same commit in which, it begins, and it
 *    begins under that id alone. So there is one, whatever is repeated.
 * 2. What is missing is seen by whoever reads one of the two again, after a restart or a failed commit (`reread`): a child run that
 *    was not begun begins, one that is over is told. The parent takes the first word.
 * 3. A child run whose step no longer waits for it is cancelled.
 * 4. A child run of a workflow with a limit takes its turn as any other: its step waits meanwhile, or fails where one too many is
 *    refused. A try of the parent takes no word of an earlier one.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import { toYardmasterError, type YardmasterError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { isCallWorkflow } from '../../workflow/call-workflow.ts';
import type { CancelChild, ChildEnd, Command, SeekChild, SettleChild, StartRun } from '../engine/commands.ts';
import type { ParentStep } from '../engine/events.ts';
import { findStep, liveSteps } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';
import { isRunOver, type RunOutcome } from '../engine/status.ts';
import type { QueuedRun, RunRow } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { Blobs } from './blobs.ts';
import {
  type ChildStart,
  type ChildStartOptions,
  makeChildStart,
  orRefusal,
  refusalOf,
  startOf,
  type WantedChild,
} from './child-start.ts';
import { type Seen, see } from './child-step.ts';
import type { Pending } from './run-holder.ts';
import type { Runs } from './runs.ts';
import type { Starts } from './starts.ts';

/** After what could not be decided. */
const RETRY_MS = 1_000;
/** The workflow has no room for one more run. */
const FULL_CODES: ReadonlySet<string> = new Set(['CONCURRENCY_LIMIT', 'QUEUE_FULL']);
const STORE_CODES: ReadonlySet<string> = new Set(['STORE_FAILED', 'STORE_UNAVAILABLE']);

export interface ChildRunsOptions extends ChildStartOptions {
  readonly logger: Logger;
  readonly runs: Runs;
  readonly starts: Starts;
  readonly blobs: Blobs;
  readonly admission: Pick<Admission, 'learn' | 'take'>;
}

type How = Pick<Pending, 'attachment' | 'onAnswer' | 'onError' | 'premise' | 'mayExist'>;

interface OpenChild {
  readonly runId: string;
  readonly parent: Pick<ParentStep, 'runId' | 'path'>;
}

interface EndedChild {
  readonly runId: string;
  readonly status: RunOutcome;
  readonly output: RunState['output'];
  readonly failure: RunState['failure'];
}

export class ChildRuns {
  private readonly options: ChildRunsOptions;
  /** Steps that are looked at now; `again`: something was asked of one meanwhile. */
  private readonly attended = new ChurnMap<{ again: boolean }>();
  /** By the id that it will have: child runs whose parents are being asked. */
  private readonly ready = new ChurnMap<ChildStart>();
  private orphans: readonly OpenChild[] = [];
  private parents: readonly string[] = [];
  private busyCount = 0;
  private isStopped = false;

  constructor(options: ChildRunsOptions) {
    this.options = options;
  }

  /** True while something is on its way that time alone does not bring about. */
  get isBusy(): boolean {
    return this.busyCount > 0;
  }

  /**
   * Before anything is decided: finds among the active runs those that may wait for child runs, and child runs that nobody waits for.
   * `queued`: child runs that wait for their turn.
   */
  async recover(active: ReadonlyMap<string, RunRow>, queued: readonly QueuedRun[]): Promise<void> {
    const rows = [...active.values()];
    const children = [...rows, ...queued].flatMap(toChild);
    this.orphans = children.filter(({ parent }) => !active.has(parent.runId));
    const parents: string[] = [];
    const known = new Map<string, boolean>();
    for (const row of rows) {
      const key = `${row.namespace}/${row.workflow}@${row.version}`;
      const hasSteps = known.get(key) ?? (await this.hasChildSteps(row));
      known.set(key, hasSteps);
      if (hasSteps) parents.push(row.runId);
    }
    this.parents = parents;
  }

  start(): void {
    for (const { runId, parent } of this.orphans)
      this.cancel(parent.runId, { type: 'cancelChild', path: parent.path, runId, kill: false });
    // Reading it again is all that it takes.
    for (const runId of this.parents) this.submit(runId, { type: 'Continue', paths: [] });
    this.orphans = [];
    this.parents = [];
  }

  stop(): void {
    this.isStopped = true;
  }

  /** What a durable decision of run `runId` asks for. */
  act(runId: string, effect: SeekChild | CancelChild): void {
    if (effect.type === 'seekChild') this.attend(runId, effect.path);
    else this.cancel(runId, effect);
  }

  /** The parent's word for it was just staged: the child run joins its batch. */
  begin(runId: string): void {
    const start = this.ready.get(runId);
    if (start !== undefined) this.submitStart(start);
  }

  /** The end of a run is durable. */
  ended({ runId, workflow, parent, status, output, failure }: RunState): void {
    if (parent === undefined || !isRunOver(status) || isCallWorkflow(workflow.name)) return;
    const end = { runId, status, output, failure };
    this.work(parent, () => this.tell(parent, end));
  }

  /** The run was read from the store: its parent may not have been told, and what its steps wait for is looked at. */
  reread(state: RunState): void {
    this.ended(state);
    if (!state.workflow.nodes.some(({ kind }) => kind === 'workflow')) return;
    for (const { path, status } of liveSteps(state)) {
      // A step that was cancelled with its run may have left a child run behind.
      const mayOwe = status === 'WAITING' || (status === 'CANCELLED' && state.ending !== undefined);
      const seen = mayOwe ? see(state, path) : undefined;
      if (seen !== undefined) this.attend(state.runId, path, seen);
    }
  }

  /** `first`: what was seen of it already. */
  private attend(runId: string, path: string, first?: Seen): void {
    const key = `${runId}/${path}`;
    const known = this.attended.get(key);
    if (known !== undefined) {
      known.again = true;
      return;
    }
    const turn = { again: false };
    this.attended.set(key, turn);
    this.work({ runId, path }, async () => {
      try {
        if (first !== undefined) await this.look(first);
        else turn.again = true;
        while (turn.again) {
          turn.again = false;
          const seen = await this.options.runs.inspect(runId, (state) => see(state, path));
          if (seen !== undefined) await this.look(seen);
        }
      } finally {
        this.attended.delete(key);
      }
    });
  }

  private async look(seen: Seen): Promise<void> {
    const { childRunId, isWanted, wanted } = seen;
    if (childRunId === undefined) return this.seek(wanted);
    const found = await this.options.runs.inspect(childRunId, ({ runId, status, output, failure }) => ({
      end: isRunOver(status) ? { runId, status, output, failure } : undefined,
    }));
    const { parent } = wanted;
    if (found?.end !== undefined) return seen.isStepOver ? undefined : this.tell(parent, found.end);
    if (!isWanted)
      this.cancel(parent.runId, { type: 'cancelChild', path: parent.path, runId: childRunId, kill: false });
    if (found !== undefined || seen.isStepOver) return;
    if (isWanted) return this.beginAgain(wanted, childRunId);
    const failure = { code: 'CANCELLED', message: 'it was stopped before it began' };
    await this.settle(parent, childRunId, { kind: 'refused', failure });
  }

  /** The parent is asked with all that it takes to begin. */
  private async seek(wanted: WantedChild): Promise<void> {
    const { parent, try: asked } = wanted;
    const id = this.options.starts.nextId();
    const start = await orRefusal(async () => {
      const made = await makeChildStart(this.options, wanted, id);
      // Better told now than when the parent has the word for it.
      this.takePlace(made);
      return made;
    });
    if ('refused' in start) return this.refuse(parent, asked, start.refused);
    const { runId, version } = start.row;
    this.ready.set(runId, start);
    try {
      await this.ask(parent.runId, { type: 'BeginChild', path: parent.path, runId, version, try: asked });
    } finally {
      this.ready.delete(runId);
    }
  }

  /** The parent has the word for it, and a crash came between. */
  private async beginAgain(wanted: WantedChild, runId: string): Promise<void> {
    const start = await orRefusal(() => makeChildStart(this.options, wanted, runId));
    if ('refused' in start) return this.settle(wanted.parent, runId, start.refused);
    this.submitStart(start, { mayExist: true });
  }

  private submitStart(start: ChildStart, repeat: Pick<Pending, 'mayExist'> = {}): void {
    const { row, command, attachment, parent } = start;
    const { runId } = row;
    const { starts } = this.options;
    let queued: Pick<StartRun, 'queued'>;
    try {
      queued = this.takePlace(start);
    } catch (error) {
      return this.startFailed(parent, runId, toYardmasterError(error));
    }
    starts.hold(row);
    const letGo = (): void => starts.letGo(runId);
    const onFallen = (): void => {
      letGo();
      // Whoever reads the parent anew looks after it.
      this.submit(parent.runId, { type: 'Continue', paths: [] });
    };
    const onError = (error: Error): void => {
      letGo();
      this.startFailed(parent, runId, toYardmasterError(error));
    };
    const premise = { holds: () => this.isNamed(parent, runId), onFallen };
    this.submit(runId, { ...command, ...queued }, { attachment, onAnswer: letGo, onError, premise, ...repeat });
  }

  /** The parent has the word for it, in this batch or an earlier one: after a failed commit it may have it no longer, or not yet again. */
  private isNamed(parent: ParentStep, runId: string): boolean {
    const state = this.options.runs.peek(parent.runId)?.state;
    return state !== undefined && findStep(state, parent.path)?.detail?.child?.runId === runId;
  }

  /** Throws CONCURRENCY_LIMIT and QUEUE_FULL. */
  private takePlace({ row }: ChildStart): Pick<StartRun, 'queued'> {
    const isQueued = this.options.admission.take(startOf(row.workflow), row);
    return isQueued ? { queued: true } : {};
  }

  private startFailed(parent: ParentStep, runId: string, error: YardmasterError): void {
    if (!FULL_CODES.has(error.code))
      this.options.logger.error('a child run could not be started', { run: runId, error });
    if (STORE_CODES.has(error.code)) return this.attendLater(parent);
    this.work(parent, async () => {
      // Not inside of the parent's own decision.
      await Promise.resolve();
      await this.settle(parent, runId, { kind: 'refused', failure: refusalOf(error) });
    });
  }

  /** A large output becomes a value of the parent. */
  private async tell(parent: ParentStep, { runId, status, output, failure }: EndedChild): Promise<void> {
    const ended = { kind: 'ended', status, ...(failure === undefined ? {} : { failure }) } as const;
    if (output === undefined) return this.settle(parent, runId, ended);
    if (output.kind === 'inline') return this.settle(parent, runId, { ...ended, output });
    // Of a child run: in another try the step has another one.
    const blobId = `child/${parent.path}/${runId}`;
    const bytes = await orRefusal(() => this.options.blobs.load(runId, output.blobId));
    if ('refused' in bytes) return this.settle(parent, runId, bytes.refused);
    const stored = { kind: 'blob', blobId, size: bytes.length } as const;
    return this.settle(parent, runId, { ...ended, output: stored }, { blobId, bytes });
  }

  private settle(
    { runId: parentRunId, path }: Pick<ParentStep, 'runId' | 'path'>,
    runId: string,
    end: ChildEnd,
    attachment?: Pending['attachment'],
  ): Promise<void> {
    const command: SettleChild = { type: 'SettleChild', path, runId, end };
    return this.ask(parentRunId, command, attachment);
  }

  /** None was begun. */
  private refuse({ runId, path }: ParentStep, asked: number, end: ChildEnd): Promise<void> {
    return this.ask(runId, { type: 'SettleChild', path, runId: undefined, end, try: asked });
  }

  private cancel(runId: string, { path, runId: childRunId, kill }: CancelChild): void {
    const reason = `step "${path}" of run ${runId} no longer waits for it`;
    this.submit(childRunId, { type: 'CancelRun', reason, ...(kill ? {} : { onlyFirst: true }) });
  }

  private async hasChildSteps({ namespace, workflow, version }: RunRow): Promise<boolean> {
    try {
      const { nodes } = await this.options.latest(namespace, workflow, version);
      return nodes.some(({ kind }) => kind === 'workflow');
    } catch {
      // Whoever reads the run says what is wrong with it.
      return false;
    }
  }

  private work(step: Pick<ParentStep, 'runId' | 'path'>, fn: () => Promise<void>): void {
    if (this.isStopped) return;
    this.busyCount += 1;
    void fn()
      .catch((error: unknown) => {
        const facts = { run: step.runId, step: step.path, error };
        this.options.logger.warn('the child run of a step could not be looked after; it is tried again', facts);
        this.attendLater(step);
      })
      .finally(() => {
        this.busyCount -= 1;
      });
  }

  private attendLater({ runId, path }: Pick<ParentStep, 'runId' | 'path'>): void {
    this.options.clock.timer(RETRY_MS, () => this.attend(runId, path));
  }

  /** Resolves when what was decided is durable. */
  private ask(runId: string, command: Command, attachment?: Pending['attachment']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.submit(runId, command, { attachment, onAnswer: () => resolve(), onError: reject });
    });
  }

  private submit(runId: string, command: Command, how?: How): void {
    this.options.runs.submit({
      runId,
      command,
      attachment: undefined,
      onAnswer: undefined,
      onError: undefined,
      isClient: false,
      failures: 0,
      ...how,
    });
  }
}

/** Nothing when it is no child run that a step of kind `workflow` waits for. */
function toChild(run: RunRow | QueuedRun): OpenChild[] {
  const { runId, workflow } = run;
  if (isCallWorkflow(workflow)) return [];
  if (!('status' in run)) return run.parent === undefined ? [] : [{ runId, parent: run.parent }];
  const { parentRunId, parentStep = '' } = run;
  return parentRunId === undefined ? [] : [{ runId, parent: { runId: parentRunId, path: parentStep } }];
}
