/**
 * Which runs of a workflow may be active: the `concurrency` of its newest version counts, for the runs of every version.
 *
 * Invariants: 1. a run with a limit is created QUEUED, and only this part starts it, in a batch that knows of every end before it;
 * 2. nothing is started while a run of a failed batch was not read again: what is active is not known then; 3. what is kept
 * of a run that waits is its id: its state is read when its turn comes; 4. everything here follows from the rows of the runs; 5. a run
 * that stands in another one of its workflow, as a child run of it or of one further inside, never waits for a place: the one around it
 * waits for its end, and would do so for ever. It is a guest in the place of that one.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import type { CancelTimer, Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { CompiledWorkflow, WorkflowConcurrency } from '../../workflow/compiled.ts';
import type { Priority } from '../../workflow/definition.ts';
import type { Command } from '../engine/commands.ts';
import type { RunEvent } from '../engine/events.ts';
import type { RunState } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { QueuedRun, RunRow } from '../store/port.ts';
import type { Runs } from './runs.ts';
import { type QueuePlace, WorkflowQueue } from './workflow-queue.ts';

/** After a run could not be read whose turn had come. */
const AGAIN_MS = 1_000;

export interface AdmissionOptions {
  readonly clock: Pick<Clock, 'timer'>;
  readonly logger: Logger;
  readonly runs: () => Pick<Runs, 'submit' | 'isReading'>;
  /** The newest version. */
  readonly latest: (namespace: string, workflow: string) => Promise<CompiledWorkflow>;
  /** Something may start: a batch must be sealed. */
  readonly kick: () => void;
}

/** What the newest version says, as far as this process has read. */
interface Rule {
  readonly version: number;
  readonly concurrency: WorkflowConcurrency | undefined;
}

/** Who asks for a place. */
type Applicant = Pick<RunRow, 'runId' | 'namespace' | 'workflow' | 'parentRunId'>;
type ActiveRun = Pick<RunRow, 'runId' | 'namespace' | 'workflow'> & Partial<Pick<RunRow, 'parentRunId'>>;

export class Admission {
  private readonly options: AdmissionOptions;
  private readonly queues = new ChurnMap<WorkflowQueue>();
  private readonly rules = new Map<string, Rule>();
  /** Of open child runs: their parents. */
  private readonly parents = new ChurnMap<string>();
  /** Where something changed since the last look. */
  private changed: WorkflowQueue[] = [];
  /** Where a run could not be read. */
  private readonly later = new Set<WorkflowQueue>();
  private cancelLater: CancelTimer | undefined = undefined;

  constructor(options: AdmissionOptions) {
    this.options = options;
  }

  /** Runs that wait, of all workflows. */
  get waiting(): number {
    let sum = 0;
    for (const queue of this.queues.values()) sum += queue.waiting;
    return sum;
  }

  /** A run that was active when the process began. */
  restoreActive({ runId, namespace, workflow, parentRunId }: ActiveRun): void {
    if (parentRunId !== undefined) this.parents.set(runId, parentRunId);
    this.queueOf(namespace, workflow).start(runId);
  }

  /** A run that waited when the process began. */
  restoreQueued({ runId, namespace, workflow, priority, parent }: QueuedRun): void {
    if (parent !== undefined) this.parents.set(runId, parent.runId);
    this.queueOf(namespace, workflow).wait(runId, priority);
  }

  /** After everything was restored: reads what the workflows say whose runs wait, and lets in what may start. */
  async load(): Promise<void> {
    for (const queue of this.queues.values()) this.findGuests(queue);
    for (const queue of this.queues.values()) {
      if (queue.waiting === 0) continue;
      await this.learn(queue.namespace, queue.workflow);
      this.mark(queue);
    }
  }

  /** Reads what the newest version says, before a start is decided; later versions are told. Throws WORKFLOW_NOT_FOUND. */
  async learn(namespace: string, workflow: string): Promise<void> {
    if (this.rules.has(keyOf(namespace, workflow))) return;
    const { version, concurrency } = await this.options.latest(namespace, workflow);
    this.note(namespace, workflow, { version, concurrency });
  }

  /** A version is registered. */
  registered(namespace: string, workflow: string, rule: Rule): void {
    this.note(namespace, workflow, rule);
    const queue = this.queues.get(keyOf(namespace, workflow));
    if (queue === undefined || queue.waiting === 0) return;
    this.mark(queue);
    this.options.kick();
  }

  /** Right before a start is decided; answers whether the run begins QUEUED. Throws CONCURRENCY_LIMIT and QUEUE_FULL. */
  take(what: string, { runId, namespace, workflow, parentRunId }: Applicant): boolean {
    const key = keyOf(namespace, workflow);
    const concurrency = this.rules.get(key)?.concurrency;
    const queue = this.queues.get(key);
    if (queue !== undefined && this.hostAbove(queue, parentRunId) !== undefined) return false;
    if (concurrency === undefined) return queue !== undefined && queue.waiting > 0;
    // A start that is decided again, after a failed commit, may stand here already.
    if (queue?.holds(runId) === true) return true;
    const waiting = queue?.waiting ?? 0;
    const open = waiting + (queue?.active ?? 0);
    if (concurrency.overflow === 'reject' && open >= concurrency.limit) {
      throw new YardmasterError('CONCURRENCY_LIMIT', `Cannot ${what}: ${told(open, concurrency.limit)}`, {
        meta: { workflow, limit: String(concurrency.limit) },
        next: `try again when one has ended, or raise "concurrency" of "${workflow}", or let its runs wait: overflow: queue`,
      });
    }
    if (waiting >= limits.queuedRunsMax) {
      throw new YardmasterError(
        'QUEUE_FULL',
        `Cannot ${what}: ${waiting} runs of it wait, at most ${limits.queuedRunsMax}`,
        {
          meta: { workflow },
          next: `try again later, or raise "concurrency" of "${workflow}"`,
        },
      );
    }
    return true;
  }

  /** An event was staged. */
  staged(state: RunState, event: RunEvent): void {
    switch (event.type) {
      case 'RunCreated':
        if (state.parent !== undefined) this.parents.set(state.runId, state.parent.runId);
        if (state.status === 'QUEUED') this.put(state);
        return;
      case 'RunStarted':
        return this.begin(this.queueOfState(state), state);
      case 'RunEnded':
        return this.leave(state);
      default:
        return;
    }
  }

  /** A run was read: what was staged of it may not have become durable. */
  reread(state: RunState): void {
    const queue = this.queueOfState(state);
    if (isRunOver(state.status)) return this.leave(state);
    if (state.parent !== undefined) this.parents.set(state.runId, state.parent.runId);
    if (state.status !== 'QUEUED') this.begin(queue, state);
    // The command that starts it waits for just this reading.
    else if (!queue.isEntering(state.runId)) this.put(state);
  }

  /** There is no such run, or no longer. */
  forget(runId: string): void {
    for (const queue of this.queues.values()) {
      this.remove(queue, runId);
      if (queue.waiting > 0) this.mark(queue);
    }
    this.parents.delete(runId);
  }

  /** Lets in whoever has room. Called when a batch is sealed. */
  settle(): void {
    if (this.changed.length === 0 || this.options.runs().isReading) return;
    const { changed } = this;
    this.changed = [];
    for (const queue of changed) {
      queue.isChanged = false;
      this.settleOne(queue);
    }
  }

  /** Whether a run whose turn had come may still start. If not, it waits again. */
  mayStart(state: RunState): boolean {
    const queue = this.queueOfState(state);
    if (!queue.isEntering(state.runId)) return false;
    if (!this.options.runs().isReading && queue.mayStart(state.runId, this.concurrencyOf(queue))) return true;
    this.putBack(queue, state.runId, state.priority);
    return false;
  }

  /** Where a run stands that waits; undefined: it does not. */
  placeOf({ runId, namespace, workflow, priority }: QueuedRun): QueuePlace | undefined {
    const queue = this.queues.get(keyOf(namespace, workflow));
    return queue?.placeOf(runId, priority, this.concurrencyOf(queue));
  }

  stop(): void {
    this.cancelLater?.();
  }

  private settleOne(queue: WorkflowQueue): void {
    const key = keyOf(queue.namespace, queue.workflow);
    // Right after a restart: what the workflow says is not read yet, and `load` looks again.
    if (queue.waiting > 0 && !this.rules.has(key)) return;
    const concurrency = this.concurrencyOf(queue);
    if (concurrency?.overflow === 'cancelOldest') {
      const reason = `newer runs of "${queue.workflow}" take its place: at most ${concurrency.limit} at once`;
      for (const runId of queue.inTheWay(concurrency))
        this.submit(runId, { type: 'CancelRun', reason, onlyFirst: true }, (error) => {
          this.options.logger.warn('a run could not be cancelled for a newer one; it is tried again', {
            run: runId,
            error,
          });
          queue.stay(runId);
          this.again(queue);
        });
    }
    for (let runId = queue.next(concurrency); runId !== undefined; runId = queue.next(concurrency))
      this.start(queue, runId);
    if (queue.isEmpty && this.queues.get(key) === queue) this.queues.delete(key);
  }

  private start(queue: WorkflowQueue, runId: string): void {
    this.submit(runId, { type: 'AdmitRun' }, (error) => {
      this.options.logger.warn('a run whose turn has come could not be read; it is tried again', { run: runId, error });
      const priority = queue.priorityOfEntering(runId);
      if (priority !== undefined) queue.wait(runId, priority);
      this.again(queue);
    });
  }

  private submit(runId: string, command: Command, onError: (error: Error) => void): void {
    const common = { attachment: undefined, onAnswer: undefined, isClient: false, failures: 0 };
    this.options.runs().submit({ runId, command, onError, ...common });
  }

  private put(state: RunState): void {
    this.putBack(this.queueOfState(state), state.runId, state.priority);
  }

  private putBack(queue: WorkflowQueue, runId: string, priority: Priority): void {
    queue.wait(runId, priority);
    this.mark(queue);
  }

  private leave(state: RunState): void {
    const queue = this.queueOfState(state);
    this.remove(queue, state.runId);
    this.parents.delete(state.runId);
    // Also an empty one: it goes with the next look.
    this.mark(queue);
  }

  /** The run is active, in a place of its own unless it is a guest. */
  private begin(queue: WorkflowQueue, { runId, parent }: RunState): void {
    queue.start(runId, this.hostAbove(queue, parent?.runId));
  }

  /** In whose place a child run of `parentRunId` stands; undefined: none of those around it is an active run of this workflow. */
  private hostAbove(queue: WorkflowQueue, parentRunId: string | undefined): string | undefined {
    for (let above = parentRunId; above !== undefined; above = this.parents.get(above)) {
      const host = queue.hostOf(above);
      if (host !== undefined) return host;
    }
    return undefined;
  }

  /** Guests whose host goes before them, since it was killed, take its place, as many as they are. */
  private remove(queue: WorkflowQueue, runId: string): void {
    const guests = queue.guestsOf(runId);
    queue.remove(runId);
    for (const guest of guests) queue.start(guest, this.hostAbove(queue, this.parents.get(guest)));
  }

  /** Right after a restart, when all that is open is known. */
  private findGuests(queue: WorkflowQueue): void {
    for (const runId of queue.holders) {
      const host = this.hostAbove(queue, this.parents.get(runId));
      if (host !== undefined) queue.start(runId, host);
    }
  }

  private again(queue: WorkflowQueue): void {
    this.later.add(queue);
    this.cancelLater ??= this.options.clock.timer(AGAIN_MS, () => {
      this.cancelLater = undefined;
      for (const each of this.later) this.mark(each);
      this.later.clear();
      this.options.kick();
    });
  }

  private mark(queue: WorkflowQueue): void {
    if (queue.isChanged) return;
    queue.isChanged = true;
    this.changed.push(queue);
  }

  private note(namespace: string, workflow: string, rule: Rule): void {
    const key = keyOf(namespace, workflow);
    if ((this.rules.get(key)?.version ?? 0) < rule.version) this.rules.set(key, rule);
  }

  private concurrencyOf({ namespace, workflow }: WorkflowQueue): WorkflowConcurrency | undefined {
    return this.rules.get(keyOf(namespace, workflow))?.concurrency;
  }

  private queueOfState({ namespace, workflow }: RunState): WorkflowQueue {
    return this.queueOf(namespace, workflow.name);
  }

  private queueOf(namespace: string, workflow: string): WorkflowQueue {
    const key = keyOf(namespace, workflow);
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = new WorkflowQueue(namespace, workflow);
      this.queues.set(key, queue);
    }
    return queue;
  }
}

function keyOf(namespace: string, workflow: string): string {
  return `${namespace}/${workflow}`;
}

function told(open: number, limit: number): string {
  return `${open} ${open === 1 ? 'run' : 'runs'} of it ${open === 1 ? 'is' : 'are'} open, at most ${limit} at once`;
}
