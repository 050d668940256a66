/** The control plane's face: what the API may ask. Every answer is a copy of something durable. */
import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import type { Gauges } from '../../core/metrics.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { WorkflowDefinition } from '../../workflow/definition.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { SessionPeer, SessionReceiver } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { AgentEventRow, AuditQuery, AuditRow, RunQuery, Store } from '../store/port.ts';
import type { Admission } from './admission.ts';
import type { AgentLabelling } from './agent-labelling.ts';
import type { AgentWatch } from './agent-watch.ts';
import type { AuditFacts, AuditLog } from './audit-log.ts';
import type { Blobs } from './blobs.ts';
import type { BulkProgress } from './bulk.ts';
import type { Calls } from './calls.ts';
import type { Catalogue } from './catalogue.ts';
import type {
  AgentView,
  CallEvent,
  CallRequest,
  CancelRunsRequest,
  CapabilityView,
  ControlPlane,
  LabelledAgent,
  ListedCalls,
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
import type { RunningControlPlane } from './control-plane-options.ts';
import type { EndedRuns } from './ended-runs.ts';
import type { FleetOperations } from './fleet-operations.ts';
import { healthOf } from './health.ts';
import { listCalls } from './list-calls.ts';
import type { OutputFacts, OutputItem, OutputRequest, OutputWatch } from './output-watch.ts';
import type { PastRuns } from './past-runs.ts';
import type { Plans, WorkflowPlan } from './plans.ts';
import type { Recovered } from './recovery.ts';
import type { Retries } from './retries.ts';

import { RunChanges } from './run-changes.ts';
import { RunFinder } from './run-finder.ts';
import { RunViews } from './run-views.ts';
import type { Runs } from './runs.ts';
import type { SchedulePlane } from './schedule-plane.ts';
import type { SchemaChecks } from './schema-checks.ts';
import type { Sessions } from './sessions.ts';
import type { Signals } from './signals.ts';
import type { Starts } from './starts.ts';
import type { Incident } from './stuck.ts';
import type { StuckWatch } from './stuck-watch.ts';
import type { UploadRequest, Uploads } from './uploads.ts';
import { agentNotFound, viewAgent, viewAgents, viewCapabilities, viewGauges } from './views.ts';
import type { WatchHub } from './watch.ts';

const AGENT_EVENTS = 50;
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
  readonly outputWatch: OutputWatch;
  readonly agentWatch: AgentWatch;
  readonly sessions: Sessions;
  readonly uploads: Uploads;
  readonly blobs: Blobs;
  readonly audit: AuditLog;
  readonly calls: Pick<Calls, 'invoke'>;
  readonly schedules: SchedulePlane;
  readonly operations: FleetOperations;
  readonly labelling: AgentLabelling;
  readonly schemas: SchemaChecks;
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
  private readonly finder: RunFinder;
  private readonly views: RunViews;
  private readonly changes: RunChanges;
  private readonly healthListeners = new Set<() => void>();
  private stopped: Promise<void> | undefined = undefined;

  constructor(options: FaceOptions) {
    this.options = options;
    this.finder = new RunFinder(options);
    this.views = new RunViews(options, this.finder);
    this.changes = new RunChanges({ ...options, finder: this.finder, views: this.views, admit: () => this.admit() });
    this.node = options.node;
    this.schedules = options.schedules;
  }

  registerWorkflow(request: Parameters<ControlPlane['registerWorkflow']>[0]): Promise<RegisteredWorkflow> {
    this.admit();
    const { namespace, definition, validateOnly, caller } = request;
    const { name } = definition;
    const audit = this.options.audit.entryOf(caller, {
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

  getRun(namespace: string, runId: string, wait?: RunWait): Promise<RunView> {
    return this.views.get(namespace, runId, wait);
  }

  listRuns(query: RunQuery): Promise<ListedRuns> {
    return this.views.list(query);
  }

  listCalls(namespace: string, runId: string): Promise<ListedCalls> {
    return listCalls(this.views, namespace, runId);
  }

  estimateEnd(runId: string): number | undefined {
    return this.views.estimateEnd(runId);
  }

  incidentOf(runId: string): Incident | undefined {
    return this.options.stuck.incidentOf(runId);
  }

  cancelRun(...request: Parameters<ControlPlane['cancelRun']>): Promise<{ readonly alreadyEnding: boolean }> {
    return this.changes.cancel(...request);
  }

  pauseRun(...request: Parameters<ControlPlane['pauseRun']>): Promise<{ readonly isAccepted: boolean }> {
    return this.changes.pause(...request);
  }

  resumeRun(...request: Parameters<ControlPlane['resumeRun']>): Promise<{ readonly isAccepted: boolean }> {
    return this.changes.resume(...request);
  }

  signalRun(request: SignalRunRequest): Promise<{ readonly isRepeat: boolean }> {
    return this.changes.signal(request);
  }

  cancelRuns(request: CancelRunsRequest): AsyncIterable<BulkProgress> {
    return this.changes.cancelAll(request);
  }

  retryRun(request: RetryRunRequest): Promise<StartedRun> {
    return this.changes.retry(request);
  }

  rerunRun(request: RerunRunRequest): Promise<StartedRun> {
    return this.changes.rerun(request);
  }

  retryRuns(request: RetryRunsRequest): AsyncIterable<BulkProgress> {
    return this.changes.retryAll(request);
  }

  async *watchRun(request: Parameters<ControlPlane['watchRun']>[0]): AsyncGenerator<WatchedEvent> {
    const row = await this.finder.find(request.namespace, request.runId);
    yield* this.options.watch.watch(row.runId, request.fromPosition, request.live, request.signal);
  }

  watchOutput(request: OutputRequest): AsyncIterable<OutputItem> {
    return this.options.outputWatch.read(request);
  }

  outputFacts(namespace: string, runId: string, path: string): Promise<OutputFacts> {
    return this.views.outputFacts(namespace, runId, path);
  }

  explainStep(namespace: string, runId: string, path: string): Promise<StepExplanation> {
    return this.views.explain(namespace, runId, path);
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
    const { fleet, lost, store } = this.options;
    const events = await store.listAgentEvents(agentId, AGENT_EVENTS);
    const agent = viewAgent(fleet, lost(), namespace, agentId);
    // Labels last longer than events.
    const isKnown = agent.instances.length + events.length + Object.keys(agent.operatorLabels).length > 0;
    if (!isKnown) throw agentNotFound(agentId, this.listAgents(namespace));
    return { ...agent, events };
  }

  watchAgents(namespace: string, signal: AbortSignal): AsyncIterable<readonly AgentView[]> {
    return this.options.agentWatch.follow(() => this.listAgents(namespace), signal);
  }

  operateAgents(...request: Parameters<ControlPlane['operateAgents']>): ReturnType<ControlPlane['operateAgents']> {
    return this.options.operations.operate(...request);
  }

  labelAgent(...request: Parameters<ControlPlane['labelAgent']>): Promise<LabelledAgent> {
    return this.options.labelling.label(...request);
  }

  uncheckedSchemas(...request: Parameters<ControlPlane['uncheckedSchemas']>): readonly string[] {
    return this.options.schemas.unchecked(...request);
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

  invoke(request: CallRequest, signal: AbortSignal): AsyncIterable<CallEvent> {
    this.admit();
    return this.options.calls.invoke(request, signal);
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
    await this.options.sessions.goAway();
    await this.options.onStop();
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
}
