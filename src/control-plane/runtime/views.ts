/** What readers see of runs and of the fleet: copies, made on demand. */
import { toJson } from '@bufbuild/protobuf';
import { TimestampSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { YardmasterError } from '../../core/errors.ts';
import type { Gauges } from '../../core/metrics.ts';
import { nearest } from '../../core/nearest.ts';
import { liveSteps } from '../engine/frames.ts';
import type { RunState, Step } from '../engine/state.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { AgentStatus, Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Candidate, Explanation } from '../scheduler/types.ts';
import type { AgentView, CapabilityView, InstanceView } from './control-plane.ts';
import type { QueuePlace } from './workflow-queue.ts';

const RANK: readonly AgentStatus[] = ['READY', 'DRAINING', 'SUSPECT', 'UNREACHABLE', 'LOST'];
/** Waiting steps of one run whose reason is worked out for a GetRun. */
const WAITS_MAX = 50;

export function viewInstance(instance: Instance): InstanceView {
  const { state } = instance;
  return {
    instanceId: instance.instanceId,
    agentId: instance.agentId,
    place: instance.place,
    status: instance.status,
    slots: state.slots,
    slotsUsed: instance.held.size,
    load: instance.load,
    rttMs: instance.rttMs,
    sdk: instance.sdk,
    capabilities: state.capabilities,
    labels: state.labels,
    attemptIds: instance.held.keys(),
    connectedAt: instance.connectedAt,
    lastSeenAt: instance.lastSeenAt,
  };
}

/** Agents by id; the status of an agent is that of its best instance. `lost` are instances that left lately. */
export function viewAgents(fleet: Fleet, lost: Iterable<Instance>, namespace: string): readonly AgentView[] {
  const byAgent = new Map<string, InstanceView[]>();
  const add = (instance: Instance): void => {
    if (instance.namespace !== namespace) return;
    const views = byAgent.get(instance.agentId) ?? [];
    byAgent.set(instance.agentId, views);
    views.push(viewInstance(instance));
  };
  for (const instance of fleet.instances.values()) add(instance);
  for (const instance of lost) add(instance);
  return [...byAgent]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([agentId, instances]) => ({ agentId, status: bestOf(instances), instances }));
}

function bestOf(instances: readonly InstanceView[]): AgentStatus {
  return RANK.find((status) => instances.some((instance) => instance.status === status)) ?? 'LOST';
}

export function viewCapabilities(fleet: Fleet, scheduler: Scheduler, namespace: string): readonly CapabilityView[] {
  const byName = new Map<string, { view: CapabilityView; versions: Set<string>; agents: Set<string> }>();
  for (const instance of fleet.instances.values()) {
    if (instance.namespace !== namespace || instance.peer === undefined) continue;
    for (const capability of instance.state.capabilities) {
      const { name, description, idempotent } = capability;
      const known = byName.get(name) ?? {
        view: { name, versions: [], description, agentIds: [], slots: 0, slotsFree: 0, waiting: 0, idempotent },
        versions: new Set<string>(),
        agents: new Set<string>(),
      };
      if (capability.version !== '') known.versions.add(capability.version);
      known.agents.add(instance.agentId);
      const slots = known.view.slots + instance.state.slots;
      const slotsFree = known.view.slotsFree + Math.max(0, instance.state.slots - instance.held.size);
      known.view = { ...known.view, slots, slotsFree, idempotent: known.view.idempotent && idempotent };
      byName.set(name, known);
    }
  }
  const waiting = new Map<string, number>();
  for (const { class: stepClass, waiting: count } of scheduler.classes()) {
    if (stepClass.namespace === namespace)
      waiting.set(stepClass.capability, (waiting.get(stepClass.capability) ?? 0) + count);
  }
  return [...byName.values()]
    .map(({ view, versions, agents }) => ({
      ...view,
      versions: [...versions].sort(),
      agentIds: [...agents].sort(),
      waiting: waiting.get(view.name) ?? 0,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Counted when they are asked for. */
export function viewGauges(fleet: Fleet, scheduler: Scheduler): Omit<Gauges, 'openRuns' | 'queuedRuns'> {
  return {
    instances: () => {
      const counts: Record<AgentStatus, number> = { READY: 0, DRAINING: 0, SUSPECT: 0, UNREACHABLE: 0, LOST: 0 };
      for (const instance of fleet.instances.values()) counts[instance.status] += 1;
      return counts;
    },
    slots: () => {
      let total = 0;
      let used = 0;
      for (const instance of fleet.instances.values()) {
        total += instance.state.slots;
        used += instance.held.size;
      }
      return { total, used };
    },
    waitingSteps: () => scheduler.waiting(),
  };
}

/** What every step of a paused run waits for. */
export const PAUSED = 'PAUSED: its run is paused';

/** What a step waits for whose concurrency key has no room. */
export const KEY_TAKEN = 'CONCURRENCY_KEY';

/** Why each waiting step of a run waits, in a word or two. */
export function viewWaits(state: RunState, scheduler: Scheduler, monotonic: number): ReadonlyMap<string, string> {
  const waits = new Map<string, string>();
  for (const { isQueued, path } of liveSteps(state)) {
    if (waits.size >= WAITS_MAX) break;
    if (!isQueued) continue;
    waits.set(path, state.pausedAt > 0 ? PAUSED : summarize(scheduler.explain(state.runId, path, monotonic)));
  }
  return waits;
}

/** One sentence: what a waiting step waits for. */
export function summarize(explanation: Explanation): string {
  const { candidates, class: stepClass, key } = explanation;
  if (stepClass === undefined) return 'does not wait';
  if (key !== undefined) return `${KEY_TAKEN} "${key.name}": ${key.running} of ${key.limit} run`;
  const able = candidates.filter(
    ({ reason }) => reason === 'busy' || reason === 'concurrency' || reason === 'free' || reason === 'avoided',
  );
  const wanted =
    stepClass.agentId === ''
      ? `offers ${stepClass.capability}`
      : `is ${stepClass.agentId} and offers ${stepClass.capability}`;
  if (able.length > 0) return `busy: ${able.length} can take it, none has a free slot`;
  const held = candidates.filter(({ reason }) => reason === 'state' || reason === 'excluded');
  if (held.length > 0) return `NO_AGENT: ${held.map(tell).slice(0, 3).join(', ')}`;
  return `NO_AGENT: no live agent ${wanted}`;
}

/** One sentence: where a step stands that does not wait. */
export function summarizeStanding({ path, status, detail }: Step): string {
  if (detail?.map === undefined) return `${path} is ${status}`;
  const { count, started, ended, failed } = detail.map;
  const running = status === 'RUNNING' ? `, ${started - ended} run` : '';
  return `${path} is ${status}: ${ended} of ${count} items ended${failed === 0 ? '' : `, ${failed} failed`}${running}`;
}

/** One sentence: what a run waits for that is QUEUED. */
export function summarizeQueue(workflow: string, place: QueuePlace | undefined): string {
  if (place === undefined) return 'its run is about to start';
  const { position, waiting, active, limit } = place;
  const most = limit === undefined ? '' : `, at most ${limit} at once`;
  return `its run is number ${position} of ${waiting} that wait: ${active} of "${workflow}" are active${most}`;
}

/** One sentence: what a step waits for that no agent has. */
export function summarizeWait({ node, detail }: Step): string {
  const dueAt = detail?.waitUntil ?? 0;
  const until = dueAt === 0 ? '' : toJson(TimestampSchema, timestampFromMs(dueAt));
  if (node.kind === 'workflow') return summarizeChild(node.workflow, detail?.child?.runId);
  if (node.kind !== 'signal') return until === '' ? 'waits' : `waits until ${until}`;
  const title = detail?.title === undefined || detail.title === '' ? '' : `: ${detail.title}`;
  const who = node.answerers.length === 0 ? '' : ` from ${node.answerers.join(' or ')}`;
  return `waits for signal "${node.signal}"${who}${until === '' ? '' : ` until ${until}`}${title}`;
}

function summarizeChild(workflow: string, runId: string | undefined): string {
  return runId === undefined ? `waits for a run of "${workflow}" to start` : `waits for run ${runId} of "${workflow}"`;
}

function tell({ agentId, instanceId, detail }: Candidate): string {
  return `${agentId}/${instanceId.slice(-4)} ${detail}`;
}

export function agentNotFound(agentId: string, agents: readonly AgentView[]): YardmasterError {
  const near = nearest(
    agentId,
    agents.map((agent) => agent.agentId),
  );
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return new YardmasterError('AGENT_NOT_FOUND', `Cannot find agent "${agentId}"${hint}`, {
    meta: { agent: agentId },
    next: 'yardmaster agents list',
  });
}
