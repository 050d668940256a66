/**
 * What a workflow author or an operator holds: one control plane, over one Transport. It owns its connections and every
 * watch that it opened; `close()` ends them all.
 */
import type { Transport } from '@connectrpc/connect';
import { YardmasterError } from '../core/errors.ts';
import { AgentNotFoundError, WorkflowNotFoundError } from '../core/orchestrator-errors.ts';
import type { Untyped } from '../workflow/builder/recorded.ts';
import type { Workflow } from '../workflow/builder/workflow.ts';
import { readActor } from './actor.ts';
import { createBackoff } from './backoff.ts';
import { type CancelledRuns, type CancelRunsOptions, cancelRuns } from './cancel-runs.ts';
import { planWorkflow, type RegisterOptions, registerWorkflow, type WorkflowInput } from './catalogue.ts';
import { type AuditFilter, toAuditEntry, writeAuditFilter } from './convert/audit.ts';
import { toAgent, toOffer } from './convert/fleet.ts';
import { toExplanation, toRun } from './convert/run.ts';
import { toWorkflow } from './convert/workflow.ts';
import { isCut } from './errors.ts';
import {
  type DrainAgentOptions,
  type OperateAgentOptions,
  type OperatedAgent,
  toOperated,
  writeOperation,
} from './fleet-operations.ts';
import { type LabelAgentOptions, type LabelledAgent, toLabelled, writeLabelling } from './label-agent.ts';
import { createMeshApi, type MeshApi } from './mesh-api.ts';
import { Mirror } from './mirror.ts';
import { collectPages } from './pages.ts';
import {
  type RerunOptions,
  type RetriedRuns,
  type RetryOptions,
  type RetryRunsOptions,
  rerunRun,
  retryRun,
  retryRuns,
} from './retry-runs.ts';
import type { RunEvent } from './run-event.ts';
import { type RunFilter, toWireFilter } from './run-filter.ts';
import { anySignal, type CancelAnswer, cancelRun, createRunHandle, type RunHandle } from './run-handle.ts';
import type { WorkflowResult } from './run-result.ts';
import { type ErrorListener, type ProgressListener, RunWatchers } from './run-watchers.ts';
import { Schedules } from './schedules.ts';
import { type SignalOptions, signalRun } from './signal-run.ts';
import { type StartArguments, type StartOptions, startRun } from './start-run.ts';
import { type RunChange, trackRun } from './track-run.ts';
import { createConnections } from './transport/connections.ts';
import { withTypedErrors } from './transport/typed-errors.ts';
import type {
  AgentView,
  AuditEntryView,
  CapabilityOfferView,
  RegisteredWorkflow,
  RunView,
  StepExplanation,
  WorkflowPlanView,
  WorkflowView,
} from './views.ts';
import { watchAgents } from './watch-lists.ts';
import { type WatchRunOptions, watchRun } from './watch-run.ts';

export interface OrchestratorOptions {
  /** Address of the control plane; default: the variable YARDMASTER_URL, then `http://127.0.0.1:7420`. */
  readonly url?: string;
  /**
   * Who calls, for the audit log; printable ASCII, at most 128 characters. It is believed, not proven. Default: the variable
   * YARDMASTER_ACTOR, then nobody in particular. Not with `transport`.
   */
  readonly actor?: string;
  /** Another way to the control plane than connections to `url`; the caller closes it. */
  readonly transport?: Transport;
}

export interface ListRunsOptions extends RunFilter {
  /** At most this many, newest first; default 50. */
  readonly limit?: number;
}

export interface ListAuditOptions extends AuditFilter {
  /** At most this many, newest first; default 50. */
  readonly limit?: number;
}

export const DEFAULT_URL = 'http://127.0.0.1:7420';
const READY_MS = 10_000;

export class Orchestrator implements AsyncDisposable {
  /** The services themselves, for everything that this class has no word for. */
  readonly api: MeshApi;
  /** Runs started by the clock. */
  readonly schedules: Schedules;
  readonly #watchers = new RunWatchers();
  readonly #closing = new AbortController();
  readonly #mirror: Mirror;
  readonly #closeConnections: () => void;

  constructor(options: OrchestratorOptions = {}) {
    const url = normalizeUrl(options.url ?? process.env.YARDMASTER_URL ?? DEFAULT_URL);
    if (options.transport === undefined) {
      const connections = createConnections(url, readActor(options.actor));
      this.api = createMeshApi(withTypedErrors(connections, url));
      this.#closeConnections = () => connections.close();
    } else {
      this.api = createMeshApi(withTypedErrors(options.transport, options.url ?? 'the control plane in this process'));
      this.#closeConnections = () => undefined;
    }
    this.#mirror = new Mirror(this.api, this.#closing.signal);
    this.schedules = new Schedules(this.api, (runId) => this.#open(runId));
  }

  /**
   * Resolves when the control plane answers and its agents and workflows have been read: from then on they are followed, and
   * `listAgents`, `getAgent`, `listWorkflows` and `getWorkflow` answer at once. Throws UNREACHABLE when it does not answer
   * within `timeoutMs`, 10 s by default.
   */
  async ready({ timeoutMs = READY_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const backoff = createBackoff();
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      try {
        await this.api.workflows.listWorkflows({ pageSize: 1 }, { signal: this.#closing.signal });
        return await this.#mirror.start();
      } catch (error) {
        if (!isCut(error) || performance.now() >= deadline) throw error;
      }
      await backoff.pause(this.#closing.signal);
    }
  }

  /** Registering the same content again changes nothing. Throws with every problem when it is not accepted. */
  async registerWorkflow(workflow: WorkflowInput, options: RegisterOptions = {}): Promise<RegisteredWorkflow> {
    const registered = await registerWorkflow(this.api, workflow, options);
    if (options.validateOnly !== true) this.#mirror.noteWorkflow(registered.workflow);
    return registered;
  }

  /**
   * What would come of a definition if it were registered and started now: what changes, in which order its steps may run, which
   * agents could take them, how long it takes. Stores nothing. Throws with every problem when it would not be accepted.
   */
  planWorkflow(workflow: WorkflowInput): Promise<WorkflowPlanView> {
    return planWorkflow(this.api, workflow, { signal: this.#closing.signal });
  }

  /** Answers when the start is durable. Only a refusal rejects: a failed run has a result. */
  startWorkflow<Params, Output>(
    workflow: Workflow<Params, Output>,
    ...rest: StartArguments<Params>
  ): Promise<RunHandle<Output>>;
  startWorkflow(name: string, params?: object, options?: StartOptions): Promise<RunHandle<Untyped>>;
  async startWorkflow(
    workflow: string | Workflow,
    params?: unknown,
    options: StartOptions = {},
  ): Promise<RunHandle<Untyped>> {
    const { runId } = await startRun(this.api, workflow, params, options);
    return this.#open<Untyped>(runId);
  }

  /** Starts a run and waits for its end; resolves for a failed run, too. */
  executeWorkflow<Params, Output>(
    workflow: Workflow<Params, Output>,
    ...rest: StartArguments<Params>
  ): Promise<WorkflowResult<Output>>;
  executeWorkflow(name: string, params?: object, options?: StartOptions): Promise<WorkflowResult<Untyped>>;
  async executeWorkflow(
    workflow: string | Workflow<Untyped, Untyped>,
    params?: object,
    options: StartOptions = {},
  ): Promise<WorkflowResult<Untyped>> {
    const name = typeof workflow === 'string' ? workflow : workflow.name;
    const run = await this.startWorkflow(name, params, options);
    return run.result();
  }

  /** A handle of a run that exists. */
  run<Output = Untyped>(runId: string): RunHandle<Output> {
    return this.#handle<Output>(runId, undefined);
  }

  /** `runId` may be a unique tail of 4 characters or more. Throws RUN_NOT_FOUND. */
  async getRun(runId: string, { values = false }: { readonly values?: boolean } = {}): Promise<RunView> {
    const { run } = await this.api.runs.getRun({ runId, includeValues: values });
    if (run === undefined) throw new YardmasterError('RUN_NOT_FOUND', `Cannot get run "${runId}": the answer is empty`);
    return toRun(run);
  }

  /** Newest first, without their steps. */
  async listRuns({ limit = 50, ...filter }: ListRunsOptions = {}): Promise<readonly RunView[]> {
    const request = { filter: toWireFilter(filter) };
    const runs = await collectPages(limit, async (page) => {
      const { runs, nextPageToken } = await this.api.runs.listRuns({ ...request, ...page });
      return { items: runs, nextPageToken };
    });
    return runs.map(toRun);
  }

  cancelRun(runId: string, reason = ''): Promise<CancelAnswer> {
    return cancelRun(this.api, runId, reason);
  }

  /** Nothing new starts until `resumeRun`. False when the end of the run was decided before. */
  async pauseRun(runId: string, reason = ''): Promise<boolean> {
    return (await this.api.runs.pauseRun({ runId, reason })).accepted;
  }

  /** False when it was not paused. */
  async resumeRun(runId: string): Promise<boolean> {
    return (await this.api.runs.resumeRun({ runId })).accepted;
  }

  /**
   * Sends a signal to a run. It is kept until a step takes it, also when it comes before the step. Throws SIGNAL_NOT_FOUND,
   * SIGNAL_NOT_ALLOWED, SIGNAL_INVALID (with every problem), TOO_MANY_SIGNALS, RUN_OVER. False when an earlier call with this `requestId` sent it.
   */
  signal(runId: string, name: string, payload?: unknown, options: SignalOptions = {}): Promise<boolean> {
    return signalRun(this.api, runId, name, payload, { ...options, signal: this.#signal(options.signal) });
  }

  /**
   * Cancels every run that is QUEUED or RUNNING and fits; at least one condition must be given. Can be repeated: what is ending
   * already is left to its cleanup. With `dryRun` it only says what would be cancelled.
   */
  cancelRuns(filter: RunFilter, options: CancelRunsOptions = {}): Promise<CancelledRuns> {
    return cancelRuns(this.api, filter, { ...options, signal: this.#signal(options.signal) });
  }

  /**
   * Another try of a run that FAILED, TIMED_OUT or was CANCELLED: a new run that takes over the steps that are done, with what they
   * gave, and starts the rest again. Throws RUN_NOT_RETRYABLE.
   */
  async retryRun<Output = Untyped>(runId: string, options: RetryOptions = {}): Promise<RunHandle<Output>> {
    return this.#open<Output>((await retryRun(this.api, runId, options)).runId);
  }

  /** The same again from the beginning: a new run with the parameters of an earlier one, which can be changed. */
  async rerunRun<Output = Untyped>(runId: string, options: RerunOptions = {}): Promise<RunHandle<Output>> {
    return this.#open<Output>((await rerunRun(this.api, runId, options)).runId);
  }

  /**
   * `retryRun` for every run that fits; at least one condition must be given, and CANCELLED runs only fit when their status is asked
   * for. Can be repeated: no run is retried twice by it. With `dryRun` it only says what would be retried.
   */
  retryRuns(filter: RunFilter, options: RetryRunsOptions = {}): Promise<RetriedRuns> {
    return retryRuns(this.api, filter, { ...options, signal: this.#signal(options.signal) });
  }

  /** The events of a run; resumes from the last position after a cut. */
  watchRun(runId: string, options: WatchRunOptions = {}): AsyncIterable<RunEvent> {
    return watchRun(this.api, runId, { ...options, signal: this.#signal(options.signal) });
  }

  /** The run as it is now, then after every change, until it has ended. */
  trackRun(runId: string, signal?: AbortSignal): AsyncIterable<RunChange> {
    return trackRun(this.api, runId, this.#signal(signal));
  }

  /** Why a step does not run; without a path, the step of the run that has waited longest. */
  async explainStep(runId: string, path = ''): Promise<StepExplanation> {
    return toExplanation(await this.api.runs.explainStep({ runId, stepPath: path }));
  }

  /** By name, in its newest version; undefined: there is none. Throws NOT_READY before `ready()`. */
  getWorkflow(name: string): WorkflowView | undefined {
    return this.#mirror.workflows.get(name);
  }

  /** The newest version of each, by name. Throws NOT_READY before `ready()`. */
  listWorkflows(): readonly WorkflowView[] {
    return this.#mirror.workflows.all();
  }

  /** Asks the control plane for any version; 0: the newest. Throws WORKFLOW_NOT_FOUND, with the nearest name. */
  async fetchWorkflow(name: string, version = 0): Promise<WorkflowView> {
    const { workflow } = await this.api.workflows.getWorkflow({ name, version });
    if (workflow === undefined) throw new WorkflowNotFoundError(name);
    return toWorkflow(workflow);
  }

  /** Without its events; undefined: it was never seen. Throws NOT_READY before `ready()`. */
  getAgent(agentId: string): AgentView | undefined {
    return this.#mirror.agents.get(agentId);
  }

  /** By id, without their events. Throws NOT_READY before `ready()`. */
  listAgents(): readonly AgentView[] {
    return this.#mirror.agents.all();
  }

  /** Asks the control plane for an agent with its last events. Throws AGENT_NOT_FOUND when it was never seen. */
  async fetchAgent(agentId: string): Promise<AgentView> {
    const { agent } = await this.api.fleet.getAgent({ agentId });
    if (agent === undefined) throw new AgentNotFoundError(agentId);
    const view = toAgent(agent);
    this.#mirror.noteAgent({ ...view, events: [] });
    return view;
  }

  /** The whole fleet, at once and then whenever something changed; goes on after a cut. Ends with `signal` or `close()`. */
  watchAgents(signal?: AbortSignal): AsyncIterable<readonly AgentView[]> {
    return watchAgents(this.api, this.#signal(signal));
  }

  /**
   * As `cordonAgent`, and what holds no attempt any more is sent away: agents of the SDK stop then, or move to `addresses`. Answers
   * when the drain has begun.
   * Throws AGENT_NOT_FOUND.
   */
  async drainAgent(agentId: string, options: DrainAgentOptions = {}): Promise<OperatedAgent> {
    const addresses = [...(options.addresses ?? [])];
    return toOperated(await this.api.fleet.drainAgent({ ...writeOperation(agentId, options), addresses }));
  }

  /** No new work until `uncordonAgent`, or until the control plane restarts; what is held goes on. Throws AGENT_NOT_FOUND. */
  async cordonAgent(agentId: string, options: OperateAgentOptions = {}): Promise<OperatedAgent> {
    return toOperated(await this.api.fleet.cordonAgent(writeOperation(agentId, options)));
  }

  /** Ends a cordon, and a drain that is not over. Throws AGENT_NOT_FOUND. */
  async uncordonAgent(agentId: string, options: OperateAgentOptions = {}): Promise<OperatedAgent> {
    return toOperated(await this.api.fleet.uncordonAgent(writeOperation(agentId, options)));
  }

  /** Ends streams now: what is held is held as after a cut, and the agent may come back. Throws AGENT_NOT_FOUND. */
  async disconnectAgent(agentId: string, options: OperateAgentOptions = {}): Promise<OperatedAgent> {
    return toOperated(await this.api.fleet.disconnectAgent(writeOperation(agentId, options)));
  }

  /**
   * Labels for all instances of an agent, now and later, which win over what they claim; `removed` are keys to take away again.
   * Answers the agent as it is then. Throws AGENT_NOT_FOUND.
   */
  async labelAgent(agentId: string, options: LabelAgentOptions): Promise<LabelledAgent> {
    return toLabelled(agentId, await this.api.fleet.labelAgent(writeLabelling(agentId, options)));
  }

  /** Who registered, started and cancelled what: newest first, refused calls too. */
  async listAudit({ limit = 50, ...filter }: ListAuditOptions = {}): Promise<readonly AuditEntryView[]> {
    const request = writeAuditFilter(filter);
    const entries = await collectPages(limit, async (page) => {
      const { entries, nextPageToken } = await this.api.audit.listAuditEntries({ ...request, ...page });
      return { items: entries, nextPageToken };
    });
    return entries.map(toAuditEntry);
  }

  async listCapabilities(): Promise<readonly CapabilityOfferView[]> {
    const offers = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
      const { offers, nextPageToken } = await this.api.fleet.listCapabilities(page);
      return { items: offers, nextPageToken };
    });
    return offers.map(toOffer).filter((offer) => offer !== undefined);
  }

  /**
   * Calls `listener` for every change of the runs that this client starts from now on; `result()` resolves after the
   * last call. What a listener throws is a warning of the process. The answer stops it.
   */
  onProgress(listener: ProgressListener): () => void {
    return this.#watchers.addProgress(listener);
  }

  /**
   * Calls `listener` for every step of the runs that this client starts from now on that ends FAILED or TIMED_OUT after all
   * its tries, and for every run that does; `result()` resolves after the last call. Otherwise as `onProgress`.
   */
  onError(listener: ErrorListener): () => void {
    return this.#watchers.addError(listener);
  }

  /** Ends every watch and closes the connections; runs go on. */
  async close(): Promise<void> {
    this.#closing.abort(new YardmasterError('CLIENT_CLOSED', 'Cannot finish the call: the client was closed'));
    this.#closeConnections();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A run that this client started: whoever listens for progress hears of it. */
  #open<Output>(runId: string): RunHandle<Output> {
    return this.#handle(runId, this.#watchers.follow(this.api, runId, this.#closing.signal));
  }

  #handle<Output>(runId: string, told: Promise<void> | undefined): RunHandle<Output> {
    const { signal } = this.#closing;
    return createRunHandle<Output>({ api: this.api, runId, signal, told, open: (started) => this.#open(started) });
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return anySignal(this.#closing.signal, signal);
  }
}

function normalizeUrl(url: string): string {
  const text = url.includes('://') ? url : `http://${url}`;
  if (!URL.canParse(text)) {
    throw new YardmasterError('INVALID_URL', `Cannot use "${url}" as an address: it is not a URL`, {
      meta: { status: 'INVALID_ARGUMENT' },
      next: `write it as ${DEFAULT_URL}`,
    });
  }
  return text.replace(/\/+$/, '');
}
