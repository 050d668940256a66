/** What readers see of runs and of the fleet: copies, made on demand. */
import { YardmasterError } from '../../core/errors.ts';
import type { Gauges } from '../../core/metrics.ts';
import { nearest } from '../../core/nearest.ts';
import { liveSteps } from '../engine/frames.ts';
import { isBlockStep, type RunState, type Step } from '../engine/state.ts';
import { isStepOver } from '../engine/status.ts';
import { labelsOf, overriddenLabels } from '../registry/agent-labels.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { AgentStatus, Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { AgentView, CapabilityView, InstanceView } from './control-plane.ts';
import { type WaitFacts, type WaitReason, waitOf } from './step-wait.ts';

const RANK: readonly AgentStatus[] = ['READY', 'CORDONED', 'DRAINING', 'SUSPECT', 'UNREACHABLE', 'LOST'];
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
    labels: labelsOf(instance),
    overriddenLabels: overriddenLabels(instance),
    attemptIds: instance.held.keys(),
    connectedAt: instance.connectedAt,
    lastSeenAt: instance.lastSeenAt,
    isManual: instance.isManual,
    refused: state.refused ?? [],
    cordon: instance.cordon,
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
    .map(([agentId, instances]) => ({
      agentId,
      status: bestOf(instances),
      instances,
      operatorLabels: fleet.labels.of({ namespace, agentId }),
    }));
}

/** One of them, or what is left of one that has no instance any more: the labels that operators gave it. */
export function viewAgent(fleet: Fleet, lost: Iterable<Instance>, namespace: string, agentId: string): AgentView {
  const agent = viewAgents(fleet, lost, namespace).find((view) => view.agentId === agentId);
  const operatorLabels = fleet.labels.of({ namespace, agentId });
  return agent ?? { agentId, status: 'LOST', instances: [], operatorLabels };
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
export function viewGauges(fleet: Fleet, scheduler: Scheduler): Omit<Gauges, 'openRuns' | 'stuckRuns' | 'queuedRuns'> {
  return {
    instances: () => {
      const counts: Record<AgentStatus, number> = {
        READY: 0,
        CORDONED: 0,
        DRAINING: 0,
        SUSPECT: 0,
        UNREACHABLE: 0,
        LOST: 0,
      };
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

/** What the reasons of waiting steps are worked out from. */
interface Sight {
  readonly fleet: Fleet;
  readonly scheduler: Scheduler;
  readonly monotonic: number;
}

/** Why each step of a run waits that could go on otherwise, by path. */
export function viewWaits(state: RunState, sight: Sight): ReadonlyMap<string, WaitReason> {
  const waits = new Map<string, WaitReason>();
  let queued = 0;
  for (const step of liveSteps(state)) {
    if (!mayWait(step)) continue;
    // A long line of queued steps is not worth as many looks at the whole fleet.
    const isLooked = !step.isQueued || ++queued <= WAITS_MAX || state.pausedAt > 0;
    const { path } = step;
    const reason = isLooked ? waitOf(state, step, waitFacts(sight, state.runId, path)).reason : 'NO_SLOT';
    if (reason !== 'NONE' && reason !== 'DEPENDENCY') waits.set(path, reason);
  }
  return waits;
}

/** False for most of a large run: what is over, what is behind other steps, blocks that run. */
function mayWait(step: Step): boolean {
  const { status, pendingDependencies, detail } = step;
  if (isStepOver(status) || (status === 'PENDING' && pendingDependencies > 0)) return false;
  return status !== 'RUNNING' || !isBlockStep(step) || (detail?.stoppingUntil ?? 0) > 0;
}

export function waitFacts({ fleet, scheduler, monotonic }: Sight, runId: string, path: string): WaitFacts {
  return {
    explain: () => scheduler.explain(runId, path, monotonic),
    isOutOfReach: (instanceId) => fleet.instances.get(instanceId)?.status === 'UNREACHABLE',
  };
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
