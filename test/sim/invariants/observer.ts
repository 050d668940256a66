/** Checks every fact at the moment at which it becomes durable or leaves the process, and the whole after every event. */
import { isDeepStrictEqual } from 'node:util';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { evolve } from '../../../src/control-plane/engine/evolve.ts';
import { createRunState, type RunState } from '../../../src/control-plane/engine/state.ts';
import type { RunStatus } from '../../../src/control-plane/engine/status.ts';
import { isRunOver } from '../../../src/control-plane/engine/status.ts';
import type { Instance } from '../../../src/control-plane/registry/instance.ts';
import type { WatchedEvent } from '../../../src/control-plane/runtime/control-plane.ts';
import { decodeEvents } from '../../../src/control-plane/store/codec/decode.ts';
import type { Batch } from '../../../src/control-plane/store/port.ts';
import { formatAttemptId, parseAttemptId } from '../../../src/core/ids.ts';
import type { SessionResponse } from '../../../src/gen/opaque/session_pb.ts';
import { ResultVerdict } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { callDefinition } from '../../../src/workflow/call-workflow.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { Answers } from '../answers.ts';
import type { Asked } from '../asks.ts';
import type { ControlPlaneHost, HostObserver } from '../control-plane-host.ts';
import type { Verdict } from '../failure.ts';
import type { Outputs } from '../outputs.ts';
import type { ClientObserver } from '../sim-client.ts';
import type { ServerCall } from '../stream.ts';
import { CallModel } from './call-model.ts';
import { ChildModel } from './child-model.ts';
import { readDefinition, type StepInfo } from './definition-info.ts';
import { type Inside, lookInside } from './inside.ts';
import { OutputChecks } from './output-checks.ts';
import { QueueChecks } from './queue-checks.ts';
import { ReferenceChecks } from './reference-checks.ts';
import { RunModel } from './run-model.ts';
import { SnapshotChecks } from './snapshot-checks.ts';
import { TakeOverChecks } from './take-over-checks.ts';

export interface InstanceFacts {
  readonly slots: number;
  readonly concurrency: ReadonlyMap<string, number>;
  /** Its handler has ended there, whatever the journal says by now. */
  hasHandled(attempt: string): boolean;
}

export class Observer implements HostObserver, ClientObserver {
  readonly runs = new Map<string, RunModel>();
  private readonly host: ControlPlaneHost;
  private readonly verdict: Verdict;
  private readonly factsOf: (instanceId: string) => InstanceFacts;
  private readonly definitions = new Map<string, ReadonlyMap<string, StepInfo>>();
  private readonly tries = new Map<string, number>();
  private readonly takeOvers: TakeOverChecks;
  private readonly queues: QueueChecks;
  private readonly snapshots: SnapshotChecks;
  readonly children: ChildModel;
  readonly outputs: OutputChecks;
  readonly calls: CallModel;
  private readonly reference: ReferenceChecks;
  private inside: Inside | undefined = undefined;
  /** When the last batch went. */
  private ready: ReadonlySet<string> = new Set();

  constructor(
    host: ControlPlaneHost,
    verdict: Verdict,
    { answers, asked, outputs }: { readonly answers: Answers; readonly asked: Asked; readonly outputs: Outputs },
    factsOf: (instanceId: string) => InstanceFacts,
  ) {
    this.host = host;
    this.verdict = verdict;
    this.factsOf = factsOf;
    this.children = new ChildModel(() => host.data, verdict);
    this.calls = new CallModel(this.runs, asked, verdict, () => host.options.world.now);
    this.takeOvers = new TakeOverChecks(this.runs, () => host.data, verdict);
    this.queues = new QueueChecks(this.runs, verdict);
    this.reference = new ReferenceChecks(
      () => host.data,
      answers,
      verdict,
      () => host.wallOffMaxMs,
    );
    this.snapshots = new SnapshotChecks(() => host.data, verdict);
    this.outputs = new OutputChecks(outputs, verdict, (attemptId) => this.find(attemptId));
  }

  know(definition: WorkflowDefinition): void {
    this.definitions.set(definition.name, readDefinition(definition));
    this.tries.set(definition.name, 1 + (definition.retries ?? 0));
    this.queues.know(definition);
    this.reference.know(definition);
  }

  get compared(): ReferenceChecks['count'] {
    return this.reference.count;
  }

  onUp(): void {
    this.ready = new Set();
    this.inside = this.host.face === undefined ? undefined : lookInside(this.host.face);
  }

  get current(): Inside | undefined {
    return this.host.isUp ? this.inside : undefined;
  }

  // ---- the journal

  /**
   * Leases are made with the batch that is about to be written, or while the one before was: the instance must be able to take work
   * now, or have been able to when that one went and hold it since.
   */
  onCommit(batch: Batch): void {
    const { ready } = this;
    const instances = [...(this.current?.fleet.instances.values() ?? [])];
    this.ready = new Set(instances.filter(isReady).map(({ instanceId }) => instanceId));
    for (const { runId, events } of batch.journal) {
      for (const event of events) {
        if (event.type !== 'AttemptStarted') continue;
        const instance = this.current?.fleet.instances.get(event.instanceId);
        const id = formatAttemptId({ runId, path: event.path, number: event.number });
        this.verdict.check(
          this.ready.has(event.instanceId) || (ready.has(event.instanceId) && instance?.held.has(id) === true),
          'nothing is assigned to an instance that cannot take work',
          () =>
            `${runId}/${event.path}#${event.number} goes to ${event.instanceId}, which is ${instance?.status ?? 'unknown'}`,
        );
      }
    }
  }

  onLanded(batch: Batch): void {
    this.outputs.onLanded(batch);
    for (const { runId, position } of batch.journal) {
      const bytes = this.host.data.journals.get(runId)?.get(position);
      const events = bytes === undefined ? [] : decodeEvents(bytes);
      let model = this.runs.get(runId);
      const wasOver = model?.outcome !== undefined;
      for (const [offset, event] of events.entries()) {
        model ??= this.create(runId, event);
        model?.take(position + offset, event);
        this.calls.take(runId, event);
        if (event.type === 'RunCreated') this.children.begin(event);
        if (event.type === 'RunEnded') this.children.end(runId, event);
        if (event.type === 'AttemptEnded' && event.outcome === 'COMPLETED')
          this.outputs.onCompleted(formatAttemptId({ runId, path: event.path, number: event.number }));
        if (model !== undefined && event.type === 'StepTakenOver') this.takeOvers.checkStep(model, event);
      }
      if (model !== undefined && position === 0) this.takeOvers.checkRun(model);
      if (model !== undefined) this.afterBatch(model);
      if (model?.outcome !== undefined && !wasOver) this.reference.check(runId);
    }
    this.calls.look();
    // Only now: a run may start in the batch in which another one ends.
    for (const { runId, events } of batch.journal) {
      if (events.some((event) => event.type === 'AttemptStarted')) {
        this.checkSlots(runId, events);
        this.checkKeys(runId, events);
      }
      const model = this.runs.get(runId);
      if (model?.isActive === true && events.some((event) => event.type === 'RunStarted')) this.queues.started(model);
    }
  }

  private create(runId: string, event: RunEvent): RunModel | undefined {
    if (event.type !== 'RunCreated') {
      this.verdict.fail('a journal begins with RunCreated', runId);
      return undefined;
    }
    const call = callDefinition(event.workflow, event.version);
    if (call !== undefined && !this.definitions.has(call.name)) this.know(call);
    const infos = this.definitions.get(event.workflow) ?? new Map();
    const complain = (invariant: string, message: string): void => this.verdict.fail(invariant, message);
    const { children } = this;
    const tries = this.tries.get(event.workflow) ?? 1;
    const model = new RunModel({ created: event, infos, tries, children, complain });
    this.runs.set(runId, model);
    this.queues.created(model);
    return model;
  }

  private afterBatch(model: RunModel): void {
    this.verdict.check(
      model.abandoned.length === 0 || model.outcome !== undefined || model.waitsForTry,
      'a step ends after its child run',
      () => `run ${model.runId} goes on without that of ${model.abandoned}`,
    );
    this.checkTasks(model);
    const isPowerOfTwo = (model.position & (model.position - 1)) === 0;
    if (isPowerOfTwo || model.outcome !== undefined) this.checkReplay(model.runId);
  }

  /** Every open run has a lease, a timer or a queued task, and the rows say just what the journal says. */
  private checkTasks(model: RunModel): void {
    const actual = [...this.host.data.tasks.values()]
      .filter((task) => task.runId === model.runId && task.state !== 'timer')
      .map(
        (task) => `${task.state} ${task.path}#${task.attempt}${task.state === 'leased' ? ` ${task.instanceId}` : ''}`,
      )
      .sort();
    const expected: string[] = [];
    for (const step of model.steps.values()) {
      const { path, isQueued, isDelayed, attempts } = step;
      if (isQueued) expected.push(`${model.isPaused ? 'delayed' : 'queued'} ${path}#${model.nextNumber(step)}`);
      if (isDelayed) expected.push(`delayed ${path}#${model.nextNumber(step)}`);
      for (const { number, outcome, instanceId } of attempts)
        if (outcome === undefined) expected.push(`leased ${path}#${number} ${instanceId}`);
    }
    this.verdict.check(
      isDeepStrictEqual(actual, expected.sort()),
      'task rows say what the journal says',
      () => `run ${model.runId} has [${actual.join(', ')}], its journal [${expected.join(', ')}]`,
    );
    const held = [...model.steps.values()].some(({ isWaiting }) => isWaiting);
    const waiting = [...model.steps.values()].filter(({ waitsForNext }) => waitsForNext).map(({ path }) => path);
    const timers = [...this.host.data.tasks.values()].filter(
      (task) => task.runId === model.runId && task.state === 'timer' && task.dueAt > 0,
    );
    const untimed = waiting.filter((path) => !timers.some((task) => task.path === path));
    this.verdict.check(
      model.isPaused || untimed.length === 0,
      'a loop between two iterations has a timer',
      () => `run ${model.runId}: ${untimed.join(', ')} wait for nothing`,
    );
    this.verdict.check(
      !model.isActive || model.isPaused || model.waitsForTry || actual.length > 0 || waiting.length > 0 || held,
      'every open run has something that it waits for',
      () => `run ${model.runId} is open and has no task`,
    );
  }

  private checkSlots(runId: string, events: readonly RunEvent[]): void {
    for (const event of events) {
      if (event.type !== 'AttemptStarted') continue;
      const { instanceId } = event;
      const { slots, hasHandled } = this.factsOf(instanceId);
      let used = 0;
      for (const model of this.runs.values())
        for (const { step, attempt } of model.live()) {
          const name = `${model.runId}/${step.path}#${attempt.number}`;
          if (attempt.instanceId === instanceId && !hasHandled(name)) used += 1;
        }
      this.verdict.check(
        used <= slots,
        'attempts never exceed the slots',
        () => `${instanceId} has ${used} of ${slots} with ${runId}/${event.path}`,
      );
    }
  }

  /** Of one key so many attempts run at once; one whose instance is lost has let go of it before the journal says so. */
  private checkKeys(runId: string, events: readonly RunEvent[]): void {
    for (const event of events) {
      const step = event.type === 'AttemptStarted' ? this.runs.get(runId)?.steps.get(event.path) : undefined;
      if (step?.key === undefined) continue;
      const { key } = step;
      const names: string[] = [];
      // A step of a higher limit may start beside one of a lower, in the same batch.
      let limit = 1;
      for (const model of this.runs.values())
        for (const { step: other, attempt } of model.live()) {
          const name = `${model.runId}/${other.path}#${attempt.number}`;
          const held = this.current?.fleet.instances.get(attempt.instanceId)?.held.has(name);
          if (other.key !== key || held !== true) continue;
          names.push(name);
          limit = Math.max(limit, other.info.agent?.concurrencyKey?.limit ?? 1);
        }
      this.verdict.check(
        names.length <= limit,
        'attempts of one key keep its limit',
        () => `${names} have key "${key}", at most ${limit}`,
      );
    }
  }

  /** The durable journal, folded anew, is the live state wherever nothing is under way. */
  checkReplay(runId: string): void {
    const live = this.current?.holders.get(runId)?.state;
    if (live === undefined) return;
    const replayed = this.replay(runId, live);
    if (replayed !== undefined) this.snapshots.check(replayed);
    if (replayed === undefined || replayed.position !== live.position) return;
    this.verdict.check(
      isDeepStrictEqual(plain(replayed), plain(live)),
      'folding the journal gives the live state',
      () => `run ${runId} at ${live.position}: ${difference(plain(replayed), plain(live))}`,
    );
  }

  private replay(runId: string, live: RunState): RunState | undefined {
    let state: RunState | undefined;
    const rows = [...(this.host.data.journals.get(runId) ?? [])].sort(([left], [right]) => left - right);
    for (const [, bytes] of rows) {
      for (const event of decodeEvents(bytes)) {
        if (state !== undefined) evolve(state, event);
        else if (event.type === 'RunCreated') state = createRunState(event, live.workflow);
      }
    }
    return state;
  }

  // ---- what leaves

  onLeave(call: ServerCall, { frame }: SessionResponse): void {
    if (frame.case !== 'dispatch') return;
    const instanceId = call.getPeer().split('/')[0] ?? '';
    for (const { attemptId } of frame.value.assignments) {
      const attempt = this.find(attemptId);
      this.verdict.check(
        attempt?.instanceId === instanceId,
        'nothing leaves for a fact that is not durable',
        () => `the assignment of ${attemptId} leaves to ${instanceId}; durable is ${attempt?.instanceId ?? 'nothing'}`,
      );
    }
    for (const { attemptId, verdict } of frame.value.acks?.results ?? []) this.checkAck(instanceId, attemptId, verdict);
    for (const { attemptId } of frame.value.stops) this.checkStop(instanceId, attemptId);
    for (const ack of frame.value.acks?.chunks ?? []) this.outputs.onAck(instanceId, ack);
  }

  private checkAck(instanceId: string, attemptId: string, verdict: ResultVerdict): void {
    const attempt = this.find(attemptId);
    const outcome = attempt?.outcome;
    const isResult =
      outcome === 'COMPLETED' || outcome === 'FAILED' || outcome === 'CANCELLED' || outcome === 'HANDED_BACK';
    const isRight =
      verdict === ResultVerdict.ACCEPTED
        ? isResult && !attempt?.isUnconfirmed
        : verdict === ResultVerdict.SUPERSEDED
          ? outcome !== undefined
          : attempt === undefined || attempt.instanceId !== instanceId || this.isPast(attemptId);
    this.verdict.check(
      isRight,
      'nothing leaves for a fact that is not durable',
      () => `${attemptId} of ${instanceId} is answered ${verdict}; durable is ${outcome ?? 'no end'}`,
    );
  }

  private checkStop(instanceId: string, attemptId: string): void {
    const attempt = this.find(attemptId);
    if (attempt === undefined || attempt.instanceId !== instanceId || attempt.outcome !== undefined) return;
    const key = parseAttemptId(attemptId);
    const step = key === undefined ? undefined : this.runs.get(key.runId)?.steps.get(key.path);
    this.verdict.check(
      step?.isStopping === true,
      'nothing leaves for a fact that is not durable',
      () => `${attemptId} of ${instanceId} is told to stop and is LIVE`,
    );
  }

  private isPast(attemptId: string): boolean {
    const key = parseAttemptId(attemptId);
    return key !== undefined && this.runs.get(key.runId)?.isPast(key.path) === true;
  }

  private find(attemptId: string) {
    const key = parseAttemptId(attemptId);
    return key === undefined ? undefined : this.runs.get(key.runId)?.attempt(key.path, key.number);
  }

  onStreamError(call: ServerCall, error: Error): void {
    const code = 'code' in error ? String(error.code) : '';
    this.verdict.check(
      code !== 'AGENT_SILENT' || call.unread === 0,
      'a stall of our own declares no agent dead',
      () => `${call.getPeer()} is called silent while ${call.unread} of its frames were not read`,
    );
    const isExpected =
      code === 'AGENT_SILENT' ||
      code === 'AGENT_DEAF' ||
      (code === 'NO_HELLO' && call.unread === 0) ||
      code === 'OVERLOAD' ||
      code === 'SHUTTING_DOWN';
    this.verdict.check(
      isExpected,
      'no stream of a well-behaved agent is refused',
      () => `${call.getPeer()}: ${code} ${error.message}`,
    );
  }

  // ---- answers to clients

  onStarted(requestId: string, runId: string): void {
    this.verdict.check(
      this.runs.has(runId) && this.host.data.runs.get(runId)?.requestId === requestId,
      'nothing leaves for a fact that is not durable',
      () => `the start of ${runId} is answered and is not durable`,
    );
  }

  onCancelled(runId: string, already: boolean): void {
    const model = this.runs.get(runId);
    const isTrue =
      (model?.cancelRequests ?? 0) > 0 || (already && (model?.isEnding === true || model?.outcome !== undefined));
    this.verdict.check(
      isTrue,
      'nothing leaves for a fact that is not durable',
      () => `the cancel of ${runId} is answered and is not durable`,
    );
  }

  onSignalled(runId: string, requestId: string): void {
    this.verdict.check(
      this.runs.get(runId)?.hasSignal(requestId) === true,
      'nothing leaves for a fact that is not durable',
      () => `signal ${requestId} to ${runId} is answered and is not durable`,
    );
  }

  onSeen(runId: string, status: RunStatus, position: number): void {
    const model = this.runs.get(runId);
    const isTrue =
      model !== undefined && position <= model.position && (!isRunOver(status) || model.outcome === status);
    this.verdict.check(
      isTrue,
      'nothing leaves for a fact that is not durable',
      () => `${runId} is shown as ${status} at ${position}; durable is ${model?.outcome} at ${model?.position}`,
    );
  }

  onWatched(runId: string, { position, event }: Extract<WatchedEvent, { kind: 'event' }>): void {
    const model = this.runs.get(runId);
    this.verdict.check(
      model !== undefined && position < model.position,
      'nothing leaves for a fact that is not durable',
      () => `a watcher of ${runId} sees ${event.type} at ${position}; durable are ${model?.position ?? 0} events`,
    );
  }
}

/** Without the definition, which both share. */
function plain(state: RunState): object {
  const { workflow: _, ...rest } = state;
  return rest;
}

function difference(replayed: object, live: object): string {
  const other = new Map(Object.entries(live));
  for (const [key, value] of Object.entries(replayed)) {
    if (isDeepStrictEqual(value, other.get(key))) continue;
    if (!Array.isArray(value)) return `${key}: ${show(value)} instead of ${show(other.get(key))}`;
    const others: unknown = other.get(key);
    const index = value.findIndex((item, i) => !isDeepStrictEqual(item, Array.isArray(others) ? others[i] : undefined));
    return `${key}[${index}]: ${show(value[index])} instead of ${show(Array.isArray(others) ? others[index] : others)}`;
  }
  return 'a key is missing';
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 600) ?? String(value);
}

function isReady({ peer, status }: Instance): boolean {
  return peer !== undefined && status === 'READY';
}
