/** Puts the runtime together over its seams (clock, randomness, store): every part, and who knows whom. */
import { STUCK_OVERDUE_FACTOR, times } from '../../core/limits.ts';
import { concurrencyOf } from '../../workflow/compile.ts';
import { Fleet, type Now } from '../registry/fleet.ts';
import { Unheard } from '../registry/unheard.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import type { StoreError } from '../store/port.ts';
import { Admission } from './admission.ts';
import { AgentLabelling } from './agent-labelling.ts';
import { AgentWatch } from './agent-watch.ts';
import { AuditLog } from './audit-log.ts';
import { Blobs } from './blobs.ts';
import { Calls } from './calls.ts';
import { Catalogue } from './catalogue.ts';
import { ChildRuns } from './child-runs.ts';
import { Clearing } from './clearing.ts';
import { Committer } from './committer.ts';
import { type ControlPlaneOptions, Given, type RunningControlPlane } from './control-plane-options.ts';
import { Dispatcher } from './dispatcher.ts';
import { EndedRuns } from './ended-runs.ts';
import { Face } from './face.ts';
import { Feeding } from './feeding.ts';
import { FleetActions } from './fleet-actions.ts';
import { FleetOperations } from './fleet-operations.ts';
import { GivenResults } from './given-results.ts';
import { assignWaiting, hasWork, startParts, stopParts } from './lifecycle.ts';
import { Outbox } from './outbox.ts';
import { OutputIntake } from './output-intake.ts';
import { OutputWatch } from './output-watch.ts';
import { PastRuns } from './past-runs.ts';
import { Plans } from './plans.ts';
import { type RecoveryOptions, recover } from './recovery.ts';
import { Reports } from './reports.ts';
import { Rereads } from './rereads.ts';
import { Retention } from './retention.ts';
import { Retries } from './retries.ts';
import { Returns } from './returns.ts';
import { Runs } from './runs.ts';
import { ScheduleBook } from './schedule-book.ts';
import { ScheduleTicker } from './schedule-ticker.ts';
import { Schedules } from './schedules.ts';
import { SchemaBook } from './schema-book.ts';
import { SchemaChecks } from './schema-checks.ts';
import { Secrets } from './secrets.ts';
import { Sessions } from './sessions.ts';
import { Signals } from './signals.ts';
import { Staging } from './staging.ts';
import { StallGuard } from './stall-guard.ts';
import { Starts } from './starts.ts';
import { StoreTrouble } from './store-trouble.ts';
import { StuckWatch } from './stuck-watch.ts';
import { TimerFacts } from './timer-facts.ts';
import { Timers } from './timers.ts';
import { Uploads } from './uploads.ts';
import { WatchHub } from './watch.ts';
import { WorkflowSchedules } from './workflow-schedules.ts';

export type { ControlPlaneOptions, RunningControlPlane } from './control-plane-options.ts';
export type { StuckThresholds } from './stuck.ts';

const PAST_RUNS_READ = 100;

/** Opens the store, takes up what was open, and is ready for agents and clients. Rejects with what `Store.open` rejects with. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const { epoch } = await options.store.open();
  const parts = new Parts({ ...options, epoch });
  const { store, runs, scheduler, fleet, timers, admission, children, calls } = parts;
  const onActive: RecoveryOptions['onActive'] = (active, queuedChildren) => {
    calls.recover(active);
    return children.recover(active, queuedChildren);
  };
  const recovered = await recover({ store, runs, scheduler, fleet, timers, admission, now: parts.now, onActive });
  await parts.labelling.load();
  await admission.load();
  await parts.scheduleBook.load();
  return startParts(parts, recovered);
}

/** Every part, in the order in which they need each other; what points backwards is a function. */
export class Parts extends Given {
  readonly scheduler = new Scheduler();
  readonly fleet = new Fleet({
    beatIntervalMs: this.beatIntervalMs,
    suspectBeats: times.suspectBeats,
    silentBeats: times.silentBeats,
    lossWindowMs: this.lossWindowMs,
  });
  readonly guard = new StallGuard(this.clock, {
    onTick: () => {
      this.actions.apply(this.fleet.tick(this.now()));
      this.feeding.look();
      this.ticker.lookIfDue();
      this.stuck.lookIfDue();
    },
    onStall: (gapMs) => {
      this.logger.warn('the event loop stood still', { gapMs: Math.round(gapMs) });
      this.timers.hold(Math.min(gapMs, this.lossWindowMs));
    },
    onStep: (byMs) => {
      this.logger.warn('the wall clock was set', { byMs: Math.round(byMs) });
      // What was told to stop before a step forward has its whole grace all the same.
      if (byMs > 0) this.timers.hold(times.stopGraceMs);
      this.timers.rearm();
    },
  });
  readonly now = (): Now => ({ at: this.guard.now(), wall: this.clock.now() });
  readonly registryTime = (): number => this.guard.now();
  readonly outbox = new Outbox(this.clock, this.registryTime, () => this.feeding.look());
  readonly watch = new WatchHub(this.store, this.metrics);
  readonly agentWatch = new AgentWatch(this.clock);
  readonly ended = new EndedRuns();
  readonly trouble = new StoreTrouble({
    alerts: this.alerts,
    clock: this.clock,
    logger: this.logger,
    store: this.store,
    onMended: (batches, error) => {
      this.runs.redo(batches, error);
      this.committer.resume();
    },
    onFatal: (error) => this.options.onFatal?.(error),
    onChange: () => this.face.healthChanged(),
  });
  readonly committer: Committer = new Committer({
    store: this.store,
    clock: this.clock,
    metrics: this.metrics,
    logger: this.logger,
    epoch: this.options.epoch,
    beforeSeal: () => assignWaiting(this),
    afterEffects: () => this.outbox.flush(),
    onFailed: (batches, error: StoreError) => {
      for (const { runId, blobId } of batches.flatMap(({ blobs }) => blobs)) this.blobs.forget(runId, blobId);
      this.runs.undo(batches);
      this.output.undo();
      this.trouble.handle(batches, error);
    },
  });
  readonly committerOf = (): Committer => this.committer;
  readonly blobs = new Blobs(this.store, (runId, blobId) => this.committer.findBlob(runId, blobId));
  readonly timers = new Timers(this.clock, ({ runId, path, attempt }) => this.staging.timerFired(runId, path, attempt));
  readonly timerFacts = new TimerFacts({
    clock: this.clock,
    instances: this.fleet.instances,
    unheard: new Unheard({
      instances: this.fleet.instances,
      beatIntervalMs: this.beatIntervalMs,
      lossWindowMs: this.lossWindowMs,
      startedAt: this.guard.now(),
    }),
    registryTime: this.registryTime,
  });
  readonly scheduleBook: ScheduleBook = new ScheduleBook({
    store: this.store,
    committer: this.committerOf,
    onTurnEnd: () => this.ticker.look(),
  });
  readonly catalogue = new Catalogue({
    clock: this.clock,
    store: this.store,
    checks: this.options.parameterChecks,
    schedules: new WorkflowSchedules({
      clock: this.clock,
      store: this.store,
      book: this.scheduleBook,
      checks: this.options.parameterChecks,
    }),
    hash: (text) => this.hex(new TextEncoder().encode(text)),
    offered: () => [...this.fleet.instances.values()].flatMap(({ state }) => state.capabilities),
    onRegistered: (namespace, definition, version) =>
      this.admission.registered(namespace, definition.name, { version, concurrency: concurrencyOf(definition) }),
  });
  readonly admission: Admission = new Admission({
    clock: this.clock,
    logger: this.logger,
    runs: () => this.runs,
    latest: (namespace, name) => this.catalogue.latest(namespace, name, 0),
    kick: () => this.committer.kick(),
  });
  readonly schemaBook = new SchemaBook(this.hex);
  readonly schemas = new SchemaChecks({
    clock: this.clock,
    logger: this.logger,
    book: this.schemaBook,
    checks: this.options.parameterChecks,
  });
  readonly feeding = new Feeding({
    fleet: this.fleet,
    scheduler: this.scheduler,
    onRoom: () => this.committer.kick(),
  });
  readonly dispatcher = new Dispatcher({
    clock: this.clock,
    metrics: this.metrics,
    scheduler: this.scheduler,
    fleet: this.fleet,
    timers: this.timers,
    blobs: this.blobs,
    outbox: this.outbox,
    schemas: this.schemas,
    registryTime: this.registryTime,
    onGone: (runId, path, number) => this.reports.gone(runId, path, number),
    onUnreachable: (attempt) => this.reports.reroute([attempt]),
    onLeased: (instance, bytes) => this.feeding.leased(instance, bytes),
    resolve: (runId, input, marks) => this.secrets.resolve(this.runs.peek(runId), input, marks),
    onUnsendable: (attempt, failure) => this.reports.unsendable(attempt, failure),
    onChild: (runId, effect) => this.children.act(runId, effect),
    onBlobMissing: (runId, path, error) =>
      this.logger.error('an input could not be read', { run: runId, step: path, error }),
  });
  readonly runs: Runs = new Runs({
    clock: this.clock,
    store: this.store,
    blobs: this.blobs,
    logger: this.logger,
    committer: this.committerOf,
    workflowOf: (namespace, name, version) => this.catalogue.compile(namespace, name, version),
    stage: (holder, state, decision, pending) => this.staging.stage(holder, state, decision, pending),
    onChildBegun: (childRunId) => this.children.begin(childRunId),
    onReloaded: (holder, state) => {
      this.admission.reread(state);
      this.rereads.reloaded(holder, state);
      this.children.reread(state);
      this.calls.reread(state);
    },
    onMissing: (runId) => {
      this.admission.forget(runId);
      this.rereads.missing(runId);
    },
    mayAdmit: (state) => this.admission.mayStart(state),
    onUnassigned: (pending) => this.staging.giveBack(pending),
    mayAssign: (state, pending) => this.staging.mayAssign(state, pending),
    timerFacts: (state, holder, command) => this.timerFacts.complete(state, holder, command),
  });
  readonly starts = new Starts({
    clock: this.clock,
    random: this.options.random,
    store: this.store,
    runs: this.runs,
    admission: this.admission,
    checks: this.options.parameterChecks,
    blobs: this.blobs,
    hash: this.hex,
    latest: (namespace, name, version) => this.catalogue.latest(namespace, name, version),
  });
  readonly children: ChildRuns = new ChildRuns({
    clock: this.clock,
    logger: this.logger,
    runs: this.runs,
    starts: this.starts,
    admission: this.admission,
    blobs: this.blobs,
    latest: (namespace, name, version) => this.catalogue.latest(namespace, name, version),
  });
  readonly calls: Calls = new Calls({
    clock: this.clock,
    logger: this.logger,
    runs: this.runs,
    starts: this.starts,
    watch: this.watch,
    clear: (key, bytes) => this.clearing.bytes(key, bytes),
    latest: (namespace, name, version) => this.catalogue.latest(namespace, name, version),
  });
  readonly past: PastRuns = new PastRuns({
    clock: this.clock,
    store: this.store,
    runs: this.runs,
    logger: this.logger,
    readMax: this.options.pastRunsRead ?? PAST_RUNS_READ,
  });
  readonly staging: Staging = new Staging({
    alerts: this.alerts,
    clock: this.clock,
    metrics: this.metrics,
    fleet: this.fleet,
    runs: this.runs,
    starts: this.starts,
    admission: this.admission,
    ended: this.ended,
    past: this.past,
    dispatcher: this.dispatcher,
    blobs: this.blobs,
    watch: this.watch,
    committer: this.committerOf,
    onDecided: (state, events) => this.calls.decided(state, events),
    onEnded: (state) => {
      this.output.forget(state.runId);
      this.children.ended(state);
      this.calls.ended(state);
    },
  });
  readonly rereads = new Rereads({
    fleet: this.fleet,
    dispatcher: this.dispatcher,
    outbox: this.outbox,
    watch: this.watch,
  });
  readonly uploads = new Uploads({
    store: this.store,
    blobs: this.blobs,
    fleet: this.fleet,
    sha256: this.options.sha256,
    clear: (key, bytes) => this.clearing.bytes(key, bytes),
  });
  readonly secrets = new Secrets(this.options.secrets);
  readonly clearing = new Clearing({
    clock: this.clock,
    logger: this.logger,
    secrets: this.options.secrets === undefined ? undefined : this.secrets,
    runs: this.runs,
  });
  readonly output: OutputIntake = new OutputIntake({
    clock: this.clock,
    logger: this.logger,
    store: this.store,
    runs: this.runs,
    outbox: this.outbox,
    clearing: () => this.clearing,
    committer: this.committerOf,
    onStored: (runId, path) => this.outputWatch.stored(runId, path),
  });
  readonly outputWatch: OutputWatch = new OutputWatch({
    store: this.store,
    watch: this.watch,
    look: (namespace, runId, path) => this.face.outputFacts(namespace, runId, path),
  });
  readonly reports: Reports = new Reports({
    clearing: this.clearing,
    output: this.output,
    given: new GivenResults({
      clock: this.clock,
      logger: this.logger,
      uploads: this.uploads,
      schemas: this.schemas,
    }),
    clock: this.clock,
    logger: this.logger,
    metrics: this.metrics,
    runs: this.runs,
    scheduler: this.scheduler,
    dispatcher: this.dispatcher,
    outbox: this.outbox,
    watch: this.watch,
    committer: this.committerOf,
    registryTime: this.registryTime,
  });
  readonly returns = new Returns({
    clock: this.clock,
    logger: this.logger,
    runs: this.runs,
    fleet: this.fleet,
    dispatcher: this.dispatcher,
    scheduler: this.scheduler,
    outbox: this.outbox,
    output: this.output,
    acceptUntil: () => this.guard.now() + times.acceptMs,
  });
  readonly actions: FleetActions = new FleetActions({
    alerts: this.alerts,
    logger: this.logger,
    scheduler: this.scheduler,
    outbox: this.outbox,
    sentAway: (instance) => this.fleet.sentAway(instance),
    reports: () => this.reports,
    committer: this.committerOf,
    agentWatch: this.agentWatch,
    wall: () => this.clock.now(),
    onHealth: () => this.face.healthChanged(),
  });
  readonly sessions: Sessions = new Sessions({
    node: this.node,
    clock: this.clock,
    logger: this.logger,
    fleet: this.fleet,
    outbox: this.outbox,
    reports: this.reports,
    returns: this.returns,
    beatIntervalMs: this.beatIntervalMs,
    silenceMs: this.beatIntervalMs * times.silentBeats,
    lossWindowMs: this.lossWindowMs,
    goAwayAddresses: this.options.goAwayAddresses ?? [],
    now: this.now,
    apply: (list) => this.actions.apply(list),
    onRoom: (instance) => this.feeding.judge(instance),
    isStopping: () => this.face.isStopping,
  });
  readonly stuck: StuckWatch = new StuckWatch({
    clock: this.clock,
    logger: this.logger,
    metrics: this.metrics,
    alerts: this.alerts,
    runs: this.runs,
    fleet: this.fleet,
    scheduler: this.scheduler,
    timers: this.timers,
    past: this.past,
    classOf: (state, node) => this.dispatcher.classOf(state, node),
    thresholds: {
      idleMs: times.stuckIdleMs,
      noAgentMs: times.stuckNoAgentMs,
      overdueFactor: STUCK_OVERDUE_FACTOR,
      overdueMs: times.stuckOverdueMs,
      ...this.options.stuck,
    },
  });
  readonly retention = new Retention({
    clock: this.clock,
    store: this.store,
    logger: this.logger,
    onDeleted: () => this.ended.clear(),
    retentionMs: this.options.retentionMs ?? times.retentionMs,
  });
  readonly audit = new AuditLog({
    clock: this.clock,
    random: this.options.random,
    logger: this.logger,
    committer: this.committerOf,
  });
  readonly retries = new Retries({
    runs: this.runs,
    starts: this.starts,
    blobs: this.blobs,
    retention: this.retention,
    audit: this.audit,
    latest: (namespace, name, version) => this.catalogue.latest(namespace, name, version),
  });
  readonly operations = new FleetOperations({
    fleet: this.fleet,
    store: this.store,
    audit: this.audit,
    committer: this.committerOf,
    lost: () => this.actions.lost.values(),
    now: this.now,
    apply: (list) => this.actions.apply(list),
    admit: () => this.face.admit(),
  });
  readonly labelling = new AgentLabelling({
    fleet: this.fleet,
    store: this.store,
    audit: this.audit,
    committer: this.committerOf,
    lost: () => this.actions.lost.values(),
    apply: (list) => this.actions.apply(list),
    admit: () => this.face.admit(),
  });
  readonly ticker: ScheduleTicker = new ScheduleTicker({
    clock: this.clock,
    logger: this.logger,
    metrics: this.metrics,
    store: this.store,
    book: this.scheduleBook,
    runs: this.runs,
    starts: this.starts,
    mayStart: () => this.face.isReady(),
  });
  readonly schedules = new Schedules({
    clock: this.clock,
    store: this.store,
    audit: this.audit,
    catalogue: this.catalogue,
    starts: this.starts,
    book: this.scheduleBook,
    admit: () => this.face.admit(),
  });
  readonly face: Face = new Face({
    node: this.node,
    clock: this.clock,
    store: this.store,
    fleet: this.fleet,
    scheduler: this.scheduler,
    runs: this.runs,
    catalogue: this.catalogue,
    starts: this.starts,
    retries: this.retries,
    admission: this.admission,
    signals: new Signals({
      clock: this.clock,
      random: this.options.random,
      runs: this.runs,
      checks: this.options.parameterChecks,
      workflowOf: (namespace, name, version) => this.catalogue.compile(namespace, name, version),
    }),
    ended: this.ended,
    past: this.past,
    plans: new Plans({
      store: this.store,
      catalogue: this.catalogue,
      scheduler: this.scheduler,
      past: this.past,
      monotonic: () => this.clock.monotonic(),
      wall: () => this.clock.now(),
    }),
    stuck: this.stuck,
    watch: this.watch,
    outputWatch: this.outputWatch,
    agentWatch: this.agentWatch,
    sessions: this.sessions,
    uploads: this.uploads,
    blobs: this.blobs,
    audit: this.audit,
    calls: this.calls,
    schedules: this.schedules,
    operations: this.operations,
    labelling: this.labelling,
    schemas: this.schemas,
    lost: () => this.actions.lost.values(),
    isStoreUsable: () => this.trouble.isUsable,
    nextTimer: () => earlier(this.timers.nearest(), this.ticker.nearest()),
    isBusy: () => !this.committer.isMending && hasWork(this),
    onStop: () => stopParts(this),
  });
}

function earlier(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.min(left, right);
}
