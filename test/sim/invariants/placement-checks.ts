/**
 * What operators say holds: a step goes only where the labels are that it asks for, and nowhere where work is kept away. By what
 * is durable and what was answered, not by what the control plane has in memory.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RunningControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import type { InstanceView } from '../../../src/control-plane/runtime/control-plane.ts';
import type { Batch } from '../../../src/control-plane/store/port.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { ControlPlaneHost, HostObserver } from '../control-plane-host.ts';
import type { Verdict } from '../failure.ts';
import type { StepInfo } from './definition-info.ts';

type Labels = Readonly<Record<string, string>>;

export interface PlacementChecksOptions {
  readonly host: ControlPlaneHost;
  readonly verdict: Verdict;
  readonly stepOf: (runId: string, path: string) => StepInfo | undefined;
  /** What the instances of an agent claim. */
  readonly claimOf: (agentId: string) => Labels;
}

export class PlacementChecks {
  private readonly options: PlacementChecksOptions;
  /** What operators gave, as it is stored. */
  private readonly stored = new Map<string, Labels>();
  /** What may hold now: from the write of new ones until they are answered the old ones may, too. */
  private readonly holding = new Map<string, readonly Labels[]>();
  /** Agent ids by instance id. */
  private readonly cordons = new Map<string, string>();
  /** Open calls that end streams, by agent id. */
  private readonly disconnecting = new Map<string, number>();
  /** As it was when the last batch went: a decision is as old as that, at most. */
  private before: { readonly holding: ReadonlyMap<string, readonly Labels[]>; readonly cordons: ReadonlySet<string> };

  constructor(options: PlacementChecksOptions) {
    this.options = options;
    this.before = this.snapshot();
  }

  beside(observer: HostObserver): HostObserver {
    return {
      onCommit: (batch) => {
        this.check(batch);
        observer.onCommit(batch);
      },
      onLanded: (batch) => {
        observer.onLanded(batch);
        this.landed(batch);
      },
      onLeave: (call, response, bytes) => observer.onLeave(call, response, bytes),
      onStreamError: (call, error) => {
        if (!isYardmasterError(error) || error.code !== 'AGENT_DISCONNECTED')
          return observer.onStreamError(call, error);
        const instanceId = call.getPeer().split('/')[0] ?? '';
        this.options.verdict.check(
          (this.disconnecting.get(agentOf(instanceId)) ?? 0) > 0,
          'an operator ends a stream only when asked to',
          () => `${call.getPeer()}: ${error.message}`,
        );
      },
      onUp: () => {
        this.restarted();
        observer.onUp();
      },
    };
  }

  // ---- inside the control plane, at the moment of the answer

  labelled(agentId: string, face: RunningControlPlane): void {
    if (face === this.options.host.face) this.holding.set(agentId, [this.storedOf(agentId)]);
  }

  cordoned(agentId: string, face: RunningControlPlane, instances: readonly InstanceView[]): void {
    if (face !== this.options.host.face) return;
    for (const { instanceId, cordon } of instances) if (cordon !== undefined) this.cordons.set(instanceId, agentId);
  }

  /** A call that ends streams begins (1) or was answered (-1). */
  disconnects(agentId: string, change: 1 | -1, face: RunningControlPlane): void {
    if (face !== this.options.host.face) return;
    this.disconnecting.set(agentId, (this.disconnecting.get(agentId) ?? 0) + change);
  }

  /** It is asked for, and may be so from now on. */
  uncordoning(agentId: string): void {
    for (const [instanceId, owner] of this.cordons) if (owner === agentId) this.cordons.delete(instanceId);
  }

  // ----

  private landed({ agentLabels }: Batch): void {
    for (const { agentId, labels } of agentLabels) {
      this.holding.set(agentId, [...this.holdingOf(agentId), labels]);
      this.stored.set(agentId, labels);
    }
  }

  /** Labels are read again; cordons are memory. */
  private restarted(): void {
    this.disconnecting.clear();
    this.cordons.clear();
    this.holding.clear();
    this.before = this.snapshot();
  }

  private check(batch: Batch): void {
    const { before } = this;
    this.before = this.snapshot();
    for (const { runId, events } of batch.journal) {
      for (const event of events) {
        if (event.type !== 'AttemptStarted') continue;
        const { path, number, agentId, instanceId } = event;
        const at = `${runId}/${path}#${number} goes to ${instanceId}`;
        this.options.verdict.check(
          !this.cordons.has(instanceId) || !before.cordons.has(instanceId),
          'nothing is assigned to what an operator keeps work away from',
          () => at,
        );
        const asked = this.options.stepOf(runId, path)?.agent?.agentLabels ?? {};
        const given = [...(before.holding.get(agentId) ?? [{}]), ...this.holdingOf(agentId)];
        const claimed = this.options.claimOf(agentId);
        this.options.verdict.check(
          given.some((labels) => fits(asked, { ...claimed, ...labels })),
          'a step goes only where its labels are',
          () => `${at}: ${JSON.stringify({ asked, claimed, given })}`,
        );
      }
    }
  }

  private snapshot(): PlacementChecks['before'] {
    const agentIds = [...this.stored.keys()];
    return {
      holding: new Map(agentIds.map((agentId) => [agentId, this.holdingOf(agentId)])),
      cordons: new Set(this.cordons.keys()),
    };
  }

  private holdingOf(agentId: string): readonly Labels[] {
    return this.holding.get(agentId) ?? [this.storedOf(agentId)];
  }

  private storedOf(agentId: string): Labels {
    return this.stored.get(agentId) ?? {};
  }
}

function agentOf(instanceId: string): string {
  return instanceId.slice(0, instanceId.lastIndexOf('-'));
}

function fits(asked: Labels, labels: Labels): boolean {
  return isDeepStrictEqual({ ...labels, ...asked }, labels);
}
