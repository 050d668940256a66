/** Looked at after every event: slots, streams, and what is overdue. */

import { limits, times } from '../../../src/core/limits.ts';
import type { AgentHost } from '../agent-host.ts';
import type { ControlPlaneHost } from '../control-plane-host.ts';
import type { Verdict } from '../failure.ts';
import { EPOCH_MS } from '../sim-clock.ts';
import type { World } from '../world.ts';
import type { Observer } from './observer.ts';

/** A due row is judged within this time of the control plane being well (one scan, one commit, and a retry of it). */
const OVERDUE_MS = 3_000;

export interface FleetChecksOptions {
  readonly world: World;
  readonly host: ControlPlaneHost;
  readonly observer: Observer;
  readonly verdict: Verdict;
  readonly agents: readonly AgentHost[];
  /** Since when the store has been well, virtual ms; Infinity while it is not. */
  readonly storeWellSince: () => number;
}

export class FleetChecks {
  private readonly options: FleetChecksOptions;
  private nextScanAt = 0;

  constructor(options: FleetChecksOptions) {
    this.options = options;
  }

  check(): void {
    const { observer, world } = this.options;
    const inside = observer.current;
    if (inside === undefined) return;
    this.checkSlots();
    this.checkStreams();
    observer.calls.check(Math.max(this.options.host.healthySince, this.options.storeWellSince()));
    if (world.now < this.nextScanAt) return;
    this.nextScanAt = world.now + 250;
    this.checkOverdue();
  }

  /** What the scheduler counts is what the fleet holds, and what is on its way between them. */
  private checkSlots(): void {
    const { observer, verdict } = this.options;
    const inside = observer.current;
    if (inside === undefined) return;
    const booked = new Map<string, number>();
    for (const holder of inside.holders.values()) {
      for (const { command } of holder.waiting)
        if (command.type === 'AssignStep') booked.set(command.instanceId, (booked.get(command.instanceId) ?? 0) + 1);
    }
    for (const [instanceId, instance] of inside.fleet.instances) {
      const used = inside.scheduled.get(instanceId)?.used ?? 0;
      const expected = instance.held.size + (booked.get(instanceId) ?? 0);
      verdict.check(
        used === expected,
        'a slot is counted once',
        () => `${instanceId}: the scheduler counts ${used}, the fleet holds ${expected}: ${[...instance.held.keys()]}`,
      );
    }
  }

  /** The end of an old stream never removes the newer one. */
  private checkStreams(): void {
    const { agents, verdict, observer, host } = this.options;
    const { fleet } = observer.current ?? {};
    if (fleet === undefined) return;
    for (const agent of agents) {
      let newest: { readonly number: number; readonly peerName: string } | undefined;
      for (const stream of agent.route.streams) {
        if (stream.agent !== agent.process || stream.server !== host.process) continue;
        if (newest === undefined || stream.number > newest.number)
          newest = stream.isWelcomed && stream.isWhole ? stream : undefined;
      }
      if (newest === undefined || agent.route.isBlackHole) continue;
      const { peerName } = newest;
      const instance = fleet.instances.get(agent.instanceId);
      verdict.check(
        instance?.peer?.remote === peerName,
        'the end of an old stream never removes the newer one',
        () =>
          `${peerName} is welcomed and open; the fleet has ${instance?.peer?.remote ?? 'no stream'} (${instance?.status ?? 'unknown'})`,
      );
    }
    this.checkQueues();
  }

  private checkQueues(): void {
    const { agents, verdict } = this.options;
    for (const agent of agents) {
      for (const { call } of agent.route.streams) {
        const queued = call.accepted - call.sent;
        verdict.check(
          queued <= limits.streamQueueBytesMax + limits.frameBytesSoft + limits.inlineWireBytesMax,
          'the outgoing queue of a stream is bounded',
          () => `${call.getPeer()} has ${queued} bytes; at most ${limits.streamQueueBytesMax} and one frame`,
        );
      }
    }
  }

  /** After a clock was set timers are held: from when the process notices. */
  private heldUntil(): number {
    const { host } = this.options;
    return host.wallSetAt === 0 ? 0 : Math.max(host.wallSetAt, host.healthySince) + times.stopGraceMs;
  }

  /** Every attempt ends within its deadline plus one scan, and every due row is taken up. */
  private checkOverdue(): void {
    const { host, world, verdict, storeWellSince } = this.options;
    const wellSince = Math.max(host.healthySince, storeWellSince(), this.heldUntil());
    if (!Number.isFinite(wellSince)) return;
    for (const task of host.data.tasks.values()) {
      // A block whose time was over waits for what it stopped, with its row.
      const isStopping = this.options.observer.runs.get(task.runId)?.steps.get(task.path)?.isStopping === true;
      if (task.dueAt === 0 || (task.state === 'timer' && isStopping)) continue;
      // After a stall timers are held for as long as it took, at most one window.
      const dueAt = task.dueAt - EPOCH_MS - host.wall.aheadMs;
      const since = Math.max(dueAt, wellSince + host.options.lossWindowMs);
      verdict.check(
        world.now - since <= OVERDUE_MS,
        'what is due is taken up',
        () =>
          `${task.runId}/${task.path}#${task.attempt} (${task.state}) was due ${Math.round(world.now - dueAt)} ms ago`,
      );
    }
  }
}
