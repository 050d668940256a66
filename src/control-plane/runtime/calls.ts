/**
 * Calls from agent to agent (MeshService.Invoke): a handler asks for a capability, and gets the end of a child run of one step.
 *
 * Invariants:
 * 1. A call begins for a LIVE attempt, and while its step is open in the very state that its start is decided beside: what ends the step
 *    is in the same commit or a later one, and cancels it.
 * 2. There is one for each key of a step, whatever is repeated: the key is in its request id, which is unique on the disk.
 * 3. Its row and its request id say which step it was made for. So nothing is kept beside it: after a restart, or a failed commit,
 *    the runs that have open calls are read, and what no step waits for any more is cancelled.
 * 4. Nobody is told of an end that is not durable.
 */
import { ChurnMap } from '../../core/churn-map.ts';
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError, YardmasterError } from '../../core/errors.ts';
import { type AttemptKey, formatAttemptId, parseAttemptId } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { callWorkflowName } from '../../workflow/call-workflow.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import { type Caller, type CallingStep, callerOf, isCalling, mayBeginCall } from '../engine/calls.ts';
import type { RunEvent } from '../engine/events.ts';
import type { RunState } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { RunRow } from '../store/port.ts';
import type { CallEvent, CallRequest } from './call-plane.ts';
import {
  attemptOver,
  attemptUnknown,
  callingStepOf,
  callRequestId,
  keyReused,
  refusalOfCaller,
  tooManyCalls,
} from './call-start.ts';
import { CallWaiters } from './call-waiters.ts';
import type { StartedRun } from './control-plane.ts';
import type { Runs } from './runs.ts';
import { type Prepared, type Starts, toStored } from './starts.ts';
import type { WatchHub } from './watch.ts';

/** After a cancel that could not be stored. */
const RETRY_MS = 1_000;
const NONE: readonly (readonly [string, CallingStep])[] = [];

export interface CallsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runs: Runs;
  readonly starts: Starts;
  readonly watch: WatchHub;
  /** Takes secrets out. */
  readonly clear: (key: AttemptKey, bytes: Uint8Array) => Promise<Uint8Array>;
  readonly latest: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

type Live = Extract<Caller, { readonly kind: 'live' }>;

export class Calls {
  private readonly options: CallsOptions;
  private readonly waiters = new CallWaiters();
  /** Calls that may be open, by the run of the caller: the step that each was made for, by its own id. */
  private readonly open = new ChurnMap<Map<string, CallingStep>>();
  /** Until the start: of those, the runs that are active, and those that are not. */
  private readonly callers = new Set<string>();
  private readonly orphans = new Set<string>();
  private busyCount = 0;
  private isStopped = false;

  constructor(options: CallsOptions) {
    this.options = options;
  }

  /** True while a call is on its way to its acceptance. */
  get isBusy(): boolean {
    return this.busyCount > 0;
  }

  /** What happens to the call, from its acceptance to its result. Ends without one when `signal` aborts; the call goes on. */
  async *invoke(request: CallRequest, signal: AbortSignal): AsyncGenerator<CallEvent> {
    const key = parseAttemptId(request.attemptId);
    if (key === undefined) throw attemptUnknown(request.attemptId);
    const waiter = this.waiters.add(key, signal);
    try {
      const { runId, isRepeat = false } = await this.begin(key, request);
      waiter.throwIfOver();
      yield { type: 'accepted', runId, isRepeat };
      yield* this.follow(runId, waiter.signal);
      waiter.throwIfOver();
    } finally {
      waiter.leave();
    }
  }

  /** Something was decided about a run: what must happen when it is durable. Undefined: nothing. */
  decided(state: RunState, events: readonly RunEvent[]): (() => void) | undefined {
    const { runId } = state;
    const ended = this.waiters.has(runId) ? events.filter((event) => event.type === 'AttemptEnded') : [];
    const unwanted = this.unwantedOf(state);
    if (ended.length === 0 && unwanted.length === 0) return undefined;
    return () => {
      for (const { path, number, outcome } of ended) this.waiters.end({ runId, path, number }, outcome);
      for (const [callId, { path }] of unwanted) this.cancel(runId, path, callId);
    };
  }

  /** The end of a run is durable. */
  ended({ runId, parent }: RunState): void {
    if (parent !== undefined) this.forget(parent.runId, runId);
  }

  /** A run was read from the store: what was decided of it may not have been told, and it may be a call that nobody knows of. */
  reread(state: RunState): void {
    for (const [callId, { path }] of this.unwantedOf(state)) this.cancel(state.runId, path, callId);
    const { runId, parent, requestId, status } = state;
    const step = callingStepOf(requestId);
    if (step === undefined || parent === undefined || isRunOver(status)) return;
    this.note(parent.runId, runId, step);
    const above = this.options.runs.peek(parent.runId);
    // One that is being read looks at its calls itself.
    const isOver = above === undefined || (above.state !== undefined && !isCalling(above.state, step));
    if (isOver) this.cancel(parent.runId, step.path, runId);
  }

  /** Before anything is decided: the calls that were open when the process ended. `active`: all runs that are. */
  recover(active: ReadonlyMap<string, RunRow>): void {
    for (const { runId, requestId, parentRunId } of active.values()) {
      const step = callingStepOf(requestId);
      if (step === undefined || parentRunId === undefined) continue;
      this.note(parentRunId, runId, step);
      (active.has(parentRunId) ? this.callers : this.orphans).add(parentRunId);
    }
  }

  start(): void {
    for (const parentRunId of this.orphans) {
      for (const [callId, { path }] of this.open.get(parentRunId) ?? []) this.cancel(parentRunId, path, callId);
    }
    // Reading it again is all that it takes.
    for (const parentRunId of this.callers) void this.read(parentRunId).catch(() => {});
    this.orphans.clear();
    this.callers.clear();
  }

  stop(): void {
    this.isStopped = true;
  }

  private async begin(key: AttemptKey, request: CallRequest): Promise<StartedRun> {
    this.busyCount += 1;
    try {
      return await this.findOrBegin(key, request);
    } catch (error) {
      if (!isYardmasterError(error) || error.code !== 'REQUEST_ID_REUSED') throw error;
      throw keyReused(request.key, error.meta.runId ?? '');
    } finally {
      this.busyCount -= 1;
    }
  }

  private async findOrBegin(key: AttemptKey, request: CallRequest): Promise<StartedRun> {
    const { namespace, parent, priority, try: made } = await this.look(key);
    const step = { path: key.path, try: made };
    const bytes = await this.options.clear(key, request.input);
    const workflow = callWorkflowName(request);
    const version = 1 + request.retries;
    const noted: string[] = [];
    const obstacle = (runId: string): YardmasterError | undefined => {
      noted.push(runId);
      return this.obstacle(key, step, runId);
    };
    const prepare = async (): Promise<Prepared> => ({
      workflow: await this.options.latest(namespace, workflow, version),
      ...toStored(bytes),
      priority,
      labels: {},
      call: { parent, timeoutMs: request.timeoutMs, obstacle },
    });
    try {
      return await this.options.starts.once({
        what: `call "${request.capability}"`,
        namespace,
        requestId: callRequestId(key.runId, step, request.key),
        input: { head: `${workflow}@${version}`, bytes },
        caller: undefined,
        prepare,
      });
    } catch (error) {
      // If it landed all the same, whoever reads it says so.
      for (const callId of noted) this.forget(key.runId, callId);
      throw error;
    }
  }

  /** As it is durable. */
  private async look(key: AttemptKey): Promise<Live> {
    if (this.options.runs.peek(key.runId)?.state === undefined) await this.read(key.runId);
    const seen = await this.options.runs.inspect(key.runId, (state) => callerOf(state, key));
    if (seen === undefined) throw attemptUnknown(formatAttemptId(key));
    const refusal = refusalOfCaller(key, seen);
    if (refusal !== undefined) throw refusal;
    if (seen.kind === 'live') return seen;
    throw attemptUnknown(formatAttemptId(key));
  }

  /** The run is in memory from then on, as long as it is open. */
  private async read(runId: string): Promise<void> {
    await this.options.runs.ask(runId, { type: 'Continue', paths: [] });
  }

  /** Asked beside the state that the start will share a commit with, or follow: from here on the call is known. */
  private obstacle(key: AttemptKey, step: CallingStep, runId: string): YardmasterError | undefined {
    const state = this.options.runs.peek(key.runId)?.state;
    if (state === undefined) {
      return new YardmasterError('STORE_UNAVAILABLE', 'Cannot call now: the run of the caller is being read', {
        next: 'try again in a second',
      });
    }
    if (!mayBeginCall(state, step)) return attemptOver(formatAttemptId(key), undefined);
    const others = [...(this.open.get(key.runId) ?? [])].filter(([id, { path }]) => id !== runId && path === key.path);
    if (others.length >= limits.callsOpenMax) return tooManyCalls(key);
    this.note(key.runId, runId, step);
    return undefined;
  }

  private async *follow(runId: string, signal: AbortSignal): AsyncGenerator<CallEvent> {
    for await (const watched of this.options.watch.watch(runId, 0, true, signal)) {
      if (watched.kind === 'live') {
        if (watched.live.type === 'progress') yield watched.live;
      } else if (watched.event.type === 'RunEnded') {
        const { status, output, failure } = watched.event;
        yield { type: 'result', runId, status, output, failure };
      }
    }
  }

  private unwantedOf(state: RunState): readonly (readonly [string, CallingStep])[] {
    const calls = this.open.get(state.runId);
    return calls === undefined ? NONE : [...calls].filter(([, step]) => !isCalling(state, step));
  }

  private note(parentRunId: string, callId: string, step: CallingStep): void {
    const calls = this.open.get(parentRunId) ?? new Map<string, CallingStep>();
    this.open.set(parentRunId, calls);
    calls.set(callId, step);
  }

  private forget(parentRunId: string, callId: string): void {
    const calls = this.open.get(parentRunId);
    calls?.delete(callId);
    if (calls?.size === 0) this.open.delete(parentRunId);
  }

  /** Until it is decided, or there is nothing to cancel. */
  private cancel(parentRunId: string, path: string, callId: string): void {
    this.forget(parentRunId, callId);
    const reason = `step "${path}" of run ${parentRunId} no longer waits for it`;
    const onError = (error: Error): void => {
      if (this.isStopped || (isYardmasterError(error) && error.code === 'RUN_NOT_FOUND')) return;
      this.options.logger.warn('a call could not be cancelled; it is tried again', { run: callId, error });
      this.options.clock.timer(RETRY_MS, () => this.cancel(parentRunId, path, callId));
    };
    this.options.runs.submit({
      runId: callId,
      command: { type: 'CancelRun', reason, onlyFirst: true },
      attachment: undefined,
      onAnswer: undefined,
      onError,
      isClient: false,
      failures: 0,
    });
  }
}
