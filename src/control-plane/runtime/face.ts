/** The control plane's face: what the API may ask. Every answer is a copy of something durable. */
import type { Clock } from '../../core/clock.ts';
import { isYardmasterError, YardmasterError } from '../../core/errors.ts';
import { RUN_ID_LENGTH } from '../../core/ids.ts';
import type { Gauges } from '../../core/metrics.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { WorkflowDefinition } from '../../workflow/definition.ts';
import type { PauseRun, ResumeRun } from '../engine/commands.ts';
import { copyState } from '../engine/copy-state.ts';
import { findStep } from '../engine/frames.ts';
import { type RunState, shownStatus } from '../engine/state.ts';
import { isRunOver } from '../engine/status.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { SessionPeer, SessionReceiver } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { AgentEventRow, AuditQuery, AuditRow, Caller, RunPage, RunQuery, RunRow, Store } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { AgentWatch } from './agent-watch.ts';
import type { RunningControlPlane } from './assembly.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Blobs } from './blobs.ts';
import { actOnRuns, type BulkProgress } from './bulk.ts';
import type { Catalogue } from './catalogue.ts';
import type {
  AgentView,
  CancelRunsRequest,
  CapabilityView,
  ControlPlane,
  ListedRuns,
  RegisteredWorkflow,
  RerunRunRequest,
  RetryRunRequest,
  RetryRunsRequest,
  RunView,
  RunWait,
  SignalRunRequest,
  StartedRun,
  StartRunRequest,
  StepExplanation,
  WatchedEvent,
  WorkflowChanges,
} from './control-plane.ts';
import type { EndedRun, EndedRuns } from './ended-runs.ts';
import { estimateEnd } from './estimate.ts';
import { healthOf } from './health.ts';
import type { PastRuns } from './past-runs.ts';
import type { Plans, WorkflowPlan } from './plans.ts';
import type { Recovered } from './recovery.ts';
import type { Retries } from './retries.ts';
import type { RunHolder } from './run-holder.ts';
import type { Runs } from './runs.ts';
import type { SchedulePlane } from './schedule-plane.ts';
import type { Sessions } from './sessions.ts';
import type { Signals } from './signals.ts';
import type { Starts } from './starts.ts';
import { waitOf, waitOfQueued } from './step-wait.ts';
import type { Incident } from './stuck.ts';
import { currentRow, listStuck } from './stuck-runs.ts';
import type { StuckWatch } from './stuck-watch.ts';
import { stepNotFound } from './unknown-step.ts';
import type { UploadRequest, Uploads } from './uploads.ts';
import { agentNotFound, viewAgents, viewCapabilities, viewGauges, viewWaits, waitFacts } from './views.ts';
import type { WatchHub } from './watch.ts';

const AGENT_EVENTS = 50;
const TAIL_CHARS_MIN = 4;
/** Of one run in a bulk retry: somebody else was there before, or somebody gave its request id to another start. */
const NOT_RETRIED: ReadonlySet<string> = new Set(['RUN_NOT_FOUND', 'RUN_NOT_RETRYABLE', 'REQUEST_ID_REUSED']);

export interface FaceOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly scheduler: Scheduler;
  readonly runs: Runs;
  readonly catalogue: Catalogue;
  readonly starts: Starts;
  readonly retries: Retries;
  readonly admission: Pick<Admission, 'placeOf' | 'waiting'>;
  readonly signals: Signals;
  readonly ended: EndedRuns;
  readonly past: PastRuns;
  readonly plans: Plans;
  readonly stuck: StuckWatch;
  readonly watch: WatchHub;
  readonly agentWatch: AgentWatch;
  readonly sessions: Sessions;
  readonly uploads: Uploads;
  readonly blobs: Blobs;
  readonly audit: AuditLog;
  readonly schedules: SchedulePlane;
  readonly lost: () => Iterable<Instance>;
  readonly isStoreUsable: () => boolean;
  readonly nextTimer: () => number | undefined;
  readonly isBusy: () => boolean;
  readonly onStop: () => Promise<void>;
}

export class Face implements RunningControlPlane {
  readonly node: string;
  readonly schedules: SchedulePlane;
  recovered: Recovered = { runs: 0, queued: 0, waiting: 0, leased: 0, idle: [] };
  isStopping = false;
  private readonly options: FaceOptions;
  private readonly healthListeners = new Set<() => void>();
  private stopped: Promise<void> | undefined = undefined;

  constructor(options: FaceOptions) {
    this.options = options;
    this.node = options.node;
    this.schedules = options.schedules;
  }

  registerWorkflow(request: Parameters<ControlPlane['registerWorkflow']>[0]): Promise<RegisteredWorkflow> {
    this.admit();
    const { namespace, definition, validateOnly, caller } = request;
    const { name } = definition;
    const audit = this.entryOf(caller, {
      namespace,
      action: 'workflow.register',
      kind: 'WORKFLOW',
      subject: name,
      workflow: name,
    });
    return this.options.catalogue.register(namespace, definition, validateOnly, audit);
  }

  planWorkflow(namespace: string, definition: WorkflowDefinition): Promise<WorkflowPlan> {
    return this.options.plans.plan(namespace, definition);
  }

  getWorkflow(namespace: string, name: string, version: number): Promise<RegisteredWorkflow> {
    return this.options.catalogue.get(namespace, name, version);
  }

  listWorkflows(namespace: string, after: string, limit: number): Promise<readonly RegisteredWorkflow[]> {
    return this.options.catalogue.list(namespace, after, limit);
  }

  watchWorkflows(namespace: string, signal: AbortSignal): AsyncIterable<WorkflowChanges> {
    return this.options.catalogue.follow(namespace, signal);
  }

  startRun(request: StartRunRequest): Promise<StartedRun> {
    this.admit();
    return this.options.starts.start(request);
  }

  async getRun(namespace: string, runId: string, wait?: RunWait): Promise<RunView> {
    const row = await this.findRun(namespace, runId);
    if (wait !== undefined && !isRunOver(row.status)) await this.waitForEnd(row, wait);
    const ended = this.options.ended.find(namespace, row.runId);
    if (ended !== undefined) return viewOfEnded(ended);
    const view = await this.options.runs.inspect(row.runId, (state, holder) => this.viewOf(row, state, holder));
    if (view === undefined) throw runNotFound(runId);
    return view;
  }

  async listRuns(query: RunQuery): Promise<ListedRuns> {
    const page = await this.findRuns(query);
    return {
      ...page,
      runs: page.runs.map((row) => (row.status === 'QUEUED' ? { ...row, ...this.queueOf(row) } : row)),
    };
  }

  private findRuns(query: RunQuery): Promise<RunPage> {
    const { store, runs, stuck } = this.options;
    if (query.stuck !== true) return store.listRuns(query);
    return listStuck(
      query,
      stuck.stuckRuns(),
      async (runId) => currentRow(runs.peek(runId)) ?? store.getRun(query.namespace, runId),
    );
  }

  estimateEnd(runId: string): number | undefined {
    const { runs, past, clock } = this.options;
    const state = runs.peek(runId)?.state;
    if (state === undefined) return undefined;
    return estimateEnd(state, past.of(state.namespace, state.workflow.name), clock.now());
  }

  incidentOf(runId: string): Incident | undefined {
    return this.options.stuck.incidentOf(runId);
  }

  async cancelRun(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly alreadyEnding: boolean }> {
    this.admit();
    const row = await this.findRun(namespace, runId);
    const audit = this.entryOfRun(caller, row, 'run.cancel', { reason });
    const answer = await this.options.runs.ask(row.runId, { type: 'CancelRun', reason }, audit);
    return { alreadyEnding: answer.type === 'cancel' && answer.already };
  }

  async pauseRun(
    namespace: string,
    runId: string,
    reason: string,
    caller?: Caller,
  ): Promise<{ readonly isAccepted: boolean }> {
    return this.changePause(namespace, runId, { type: 'PauseRun', reason }, (row) =>
      this.entryOfRun(caller, row, 'run.pause', { reason }),
    );
  }

  async resumeRun(namespace: string, runId: string, caller?: Caller): Promise<{ readonly isAccepted: boolean }> {
    return this.changePause(namespace, runId, { type: 'ResumeRun' }, (row) =>
      this.entryOfRun(caller, row, 'run.resume', {}),
    );
  }

  async signalRun(request: SignalRunRequest): Promise<{ readonly isRepeat: boolean }> {
    this.admit();
    const row = await this.findRun(request.namespace, request.runId);
    const { caller, name: signal, requestId } = request;
    const audit = this.entryOfRun(caller, row, 'run.signal', { signal });
    return this.options.signals.send(row, request, audit === undefined ? undefined : { ...audit, requestId });
  }

  cancelRuns({ reason, dryRun, caller, ...request }: CancelRunsRequest): AsyncIterable<BulkProgress> {
    const act = (row: RunRow): Promise<boolean> => this.cancelOnce(row, reason, caller);
    return this.act(request, dryRun ? undefined : act);
  }

  async retryRun({ namespace, runId, requestId, caller }: RetryRunRequest): Promise<StartedRun> {
    this.admit();
    return this.options.retries.retry(await this.findRun(namespace, runId), { requestId, caller });
  }

  async rerunRun({ namespace, runId, ...request }: RerunRunRequest): Promise<StartedRun> {
    this.admit();
    return this.options.retries.rerun(await this.findRun(namespace, runId), { caller: undefined, ...request });
  }

  retryRuns({ dryRun, caller, ...request }: RetryRunsRequest): AsyncIterable<BulkProgress> {
    const act = (row: RunRow): Promise<boolean> => this.retryOnce(row, caller);
    return this.act(request, dryRun ? undefined : act);
  }

  private act(
    request: Pick<CancelRunsRequest, 'namespace' | 'filter' | 'before' | 'signal'>,
    act: ((row: RunRow) => Promise<boolean>) | undefined,
  ): AsyncIterable<BulkProgress> {
    const list = { listRuns: (query: RunQuery) => this.listRuns(query) };
    return actOnRuns({ ...request, store: list, clock: this.options.clock, act });
  }

  async *watchRun(request: Parameters<ControlPlane['watchRun']>[0]): AsyncGenerator<WatchedEvent> {
    const row = await this.findRun(request.namespace, request.runId);
    yield* this.options.watch.watch(row.runId, request.fromPosition, request.live, request.signal);
  }

  async explainStep(namespace: string, runId: string, path: string): Promise<StepExplanation> {
    const row = await this.findRun(namespace, runId);
    const seen = await this.options.runs.inspect(row.runId, (state) => this.explain(row, state, path));
    if (seen === undefined) throw runNotFound(runId);
    return seen;
  }

  readValue(runId: string, value: StoredValue): Promise<Uint8Array> {
    return this.options.blobs.read(runId, value);
  }

  listAgents(namespace: string): readonly AgentView[] {
    return viewAgents(this.options.fleet, this.options.lost(), namespace);
  }

  async getAgent(
    namespace: string,
    agentId: string,
  ): Promise<AgentView & { readonly events: readonly AgentEventRow[] }> {
    const agents = this.listAgents(namespace);
    const events = await this.options.store.listAgentEvents(agentId, AGENT_EVENTS);
    const agent = agents.find((view) => view.agentId === agentId);
    if (agent === undefined && events.length === 0) throw agentNotFound(agentId, agents);
    return { ...(agent ?? { agentId, status: 'LOST' as const, instances: [] }), events };
  }

  watchAgents(namespace: string, signal: AbortSignal): AsyncIterable<readonly AgentView[]> {
    return this.options.agentWatch.follow(() => this.listAgents(namespace), signal);
  }

  listCapabilities(namespace: string): readonly CapabilityView[] {
    return viewCapabilities(this.options.fleet, this.options.scheduler, namespace);
  }

  listAudit(query: AuditQuery): Promise<readonly AuditRow[]> {
    return this.options.store.listAudit(query);
  }

  noteRefusal(facts: AuditFacts, errorCode: string): Promise<void> {
    return this.options.audit.refuse(facts, errorCode);
  }

  openSession(peer: SessionPeer): SessionReceiver {
    return this.options.sessions.accept(peer);
  }

  uploadBlob(request: UploadRequest): Promise<{ readonly blobId: string; readonly size: number }> {
    return this.options.uploads.upload(request);
  }

  downloadBlob(attemptOrRunId: string, blobId: string): Promise<Uint8Array> {
    return this.options.uploads.download(attemptOrRunId, blobId);
  }

  health(name: string): boolean | undefined {
    const lost = new Set([...this.options.lost()].map((instance) => instance.agentId));
    return healthOf(name, this.options.fleet, this.isReady(), lost);
  }

  onHealthChange(fn: () => void): () => void {
    this.healthListeners.add(fn);
    return () => this.healthListeners.delete(fn);
  }

  healthChanged(): void {
    for (const listener of [...this.healthListeners]) listener();
  }

  isReady(): boolean {
    return !this.isStopping && this.options.isStoreUsable();
  }

  nextTimer(): number | undefined {
    return this.options.nextTimer();
  }

  isBusy(): boolean {
    return this.options.isBusy();
  }

  gauges(): Gauges {
    const { fleet, scheduler, runs, stuck, admission } = this.options;
    return {
      ...viewGauges(fleet, scheduler),
      openRuns: () => runs.openCount,
      stuckRuns: () => stuck.count,
      queuedRuns: () => admission.waiting,
    };
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown();
    return this.stopped;
  }

  private async shutDown(): Promise<void> {
    this.isStopping = true;
    this.healthChanged();
    this.options.sessions.goAway();
    await this.options.onStop();
  }

  /** Nobody outside asked: no entry. */
  private entryOf(caller: Caller | undefined, facts: Omit<AuditFacts, 'caller'>): AuditRow | undefined {
    return caller === undefined ? undefined : this.options.audit.entry({ ...facts, caller });
  }

  private entryOfRun(
    caller: Caller | undefined,
    { namespace, runId, workflow, version }: RunRow,
    action: AuditFacts['action'],
    details: Readonly<Record<string, string>>,
  ): AuditRow | undefined {
    return this.entryOf(caller, { namespace, action, kind: 'RUN', subject: runId, workflow, version, details });
  }

  /** Throws while nothing new is taken. */
  admit(): void {
    if (this.isStopping)
      throw new YardmasterError('SHUTTING_DOWN', 'Cannot take new work: the control plane is stopping', {
        next: 'try again in a second',
      });
    if (!this.options.isStoreUsable()) {
      throw new YardmasterError('STORE_UNAVAILABLE', 'Cannot take new work: the store is in trouble', {
        next: 'try again in a second; yardmaster doctor',
      });
    }
  }

  private async findRun(namespace: string, runId: string): Promise<RunRow> {
    const full = runId.length === RUN_ID_LENGTH ? runId : await this.expand(namespace, runId);
    const known = this.options.ended.find(namespace, full)?.row ?? this.options.runs.peek(full)?.row;
    if (known?.namespace === namespace) return known;
    const row = await this.options.store.getRun(namespace, full);
    if (row === undefined) throw runNotFound(runId);
    return row;
  }

  private async expand(namespace: string, tail: string): Promise<string> {
    if (tail.length < TAIL_CHARS_MIN) throw runNotFound(tail);
    const found = await this.options.store.findRunsByTail(namespace, tail.toLowerCase(), 3);
    const [only] = found;
    if (only === undefined) throw runNotFound(tail);
    if (found.length > 1) {
      throw new YardmasterError(
        'RUN_ID_AMBIGUOUS',
        `Cannot tell which run "${tail}" is: ${found.join(', ')} end with it`,
        { next: 'give more characters of the id' },
      );
    }
    return only;
  }

  /** False: its end was decided before, or it is gone. */
  private async cancelOnce(row: RunRow, reason: string, caller: Caller | undefined): Promise<boolean> {
    this.admit();
    try {
      const audit = this.entryOfRun(caller, row, 'run.cancel', { reason });
      const answer = await this.options.runs.ask(row.runId, { type: 'CancelRun', reason, onlyFirst: true }, audit);
      return answer.type === 'cancel' && !answer.already;
    } catch (error) {
      // It ended and its retention was over since the page was read.
      if (isYardmasterError(error) && error.code === 'RUN_NOT_FOUND') return false;
      throw error;
    }
  }

  /** The request id is made from the run, so that a call that is repeated starts nothing twice. False: it was started before, or it is gone. */
  private async retryOnce(row: RunRow, caller: Caller | undefined): Promise<boolean> {
    this.admit();
    try {
      const started = await this.options.retries.retry(row, { requestId: `retry:${row.runId}`, caller });
      return started.isRepeat !== true;
    } catch (error) {
      if (isYardmasterError(error) && NOT_RETRIED.has(error.code)) return false;
      throw error;
    }
  }

  private waitForEnd(row: RunRow, wait: RunWait): Promise<void> {
    const { runId } = row;
    return new Promise((resolve) => {
      const finish = (): void => {
        forget();
        cancel();
        wait.signal.removeEventListener('abort', finish);
        resolve();
      };
      const forget = this.options.watch.onceOver(runId, finish);
      const cancel = this.options.clock.timer(wait.ms, finish);
      wait.signal.addEventListener('abort', finish, { once: true });
      // A run that ended after its row was read is no longer held in memory, as one that waits for its turn is not.
      const isOpen = this.options.runs.peek(runId) !== undefined || this.options.admission.placeOf(row) !== undefined;
      if (wait.signal.aborted || !isOpen) finish();
    });
  }

  private viewOf(row: RunRow, state: RunState, holder: RunHolder): RunView {
    const isOver = isRunOver(state.status);
    const past = this.options.past.of(state.namespace, state.workflow.name);
    return {
      row: {
        ...row,
        status: state.status,
        endedAt: isOver ? state.endedAt : undefined,
        failureCode: state.failure?.code,
      },
      state: isOver && this.options.runs.peek(row.runId) === undefined ? state : copyState(state),
      progress: new Map(holder.progress),
      waits: isOver ? new Map() : viewWaits(state, this.sight()),
      estimatedEndAt: estimateEnd(state, past, this.options.clock.now()),
      usualMs: (stepId) => (isOver ? undefined : past?.steps.get(stepId)?.took.median()),
      stuck: isOver ? undefined : this.options.stuck.incidentOf(row.runId, state),
      ...(state.status === 'QUEUED' ? this.queueOf(row) : {}),
    };
  }

  private queueOf(row: RunRow): Pick<RunView, 'queue'> {
    const queue = this.options.admission.placeOf(row);
    return queue === undefined ? {} : { queue };
  }

  private async changePause(
    namespace: string,
    runId: string,
    command: PauseRun | ResumeRun,
    entryOf: (row: RunRow) => AuditRow | undefined,
  ): Promise<{ readonly isAccepted: boolean }> {
    this.admit();
    const row = await this.findRun(namespace, runId);
    const answer = await this.options.runs.ask(row.runId, command, entryOf(row));
    return { isAccepted: answer.type === 'pause' && answer.isAccepted };
  }

  private explain(row: RunRow, state: RunState, path: string): StepExplanation {
    const step = findStep(state, path);
    if (step === undefined) throw stepNotFound(state, path);
    const { runId } = state;
    const explanation = this.options.scheduler.explain(runId, path, this.options.clock.monotonic());
    if (state.status === 'QUEUED') {
      const wait = waitOfQueued(row, this.options.admission.placeOf(row));
      return { runId, path, status: shownStatus(step), wait, explanation };
    }
    const facts = { ...waitFacts(this.sight(), runId, path), explain: () => explanation };
    return { runId, path, status: shownStatus(step), wait: waitOf(state, step, facts), explanation };
  }

  private sight() {
    const { fleet, scheduler, clock } = this.options;
    return { fleet, scheduler, monotonic: clock.monotonic() };
  }
}

function viewOfEnded({ row, state }: EndedRun): RunView {
  return {
    row: { ...row, status: state.status, endedAt: state.endedAt, failureCode: state.failure?.code },
    state,
    progress: new Map(),
    waits: new Map(),
    estimatedEndAt: undefined,
    usualMs: () => undefined,
    stuck: undefined,
  };
}

function runNotFound(runId: string): YardmasterError {
  return new YardmasterError('RUN_NOT_FOUND', `Cannot find run "${runId.slice(0, 64)}"`, {
    next: 'yardmaster runs list',
  });
}
