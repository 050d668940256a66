/** A scheduler with short words for what the tests do to it. */
import { classKeyOf } from '../../../src/control-plane/scheduler/class-key.ts';
import { Scheduler } from '../../../src/control-plane/scheduler/scheduler.ts';
import type { Assignment, InstanceOffer, ReadyStep, StepClass } from '../../../src/control-plane/scheduler/types.ts';
import type { Work } from '../../../src/control-plane/scheduler/work.ts';

export function classOf(change: Partial<StepClass> = {}): StepClass {
  return { namespace: 'default', capability: 'load', versionRange: '', agentId: '', labels: {}, ...change };
}

export function offerOf(instanceId: string, change: Partial<InstanceOffer> = {}): InstanceOffer {
  return {
    namespace: 'default',
    instanceId,
    agentId: 'loader',
    labels: {},
    capabilities: [{ name: 'load', version: '1.4.0', concurrency: 0 }],
    slots: 1,
    accepts: true,
    state: 'READY',
    load: 0,
    ...change,
  };
}

export class Yard {
  readonly work: Work = { steps: 0 };
  readonly scheduler = new Scheduler(this.work);
  now = 0;

  queue(name: string, change: Partial<ReadyStep> = {}, stepClass: StepClass = classOf()): void {
    const [runId = '', path = ''] = name.split('/');
    const step = { runId, path, classKey: classKeyOf(stepClass), priority: 'normal', queuedAt: 0, ...change } as const;
    this.scheduler.apply({ type: 'stepQueued', step, class: stepClass });
  }

  remove(name: string): void {
    const [runId = '', path = ''] = name.split('/');
    this.scheduler.apply({ type: 'stepRemoved', runId, path });
  }

  instance(instanceId: string, change: Partial<InstanceOffer> = {}): void {
    this.scheduler.apply({ type: 'instanceChanged', offer: offerOf(instanceId, change) });
  }

  gone(instanceId: string): void {
    this.scheduler.apply({ type: 'instanceGone', instanceId });
  }

  taken(instanceId: string, capability = 'load'): void {
    this.scheduler.apply({ type: 'slotTaken', instanceId, capability });
  }

  freed(instanceId: string, capability = 'load'): void {
    this.scheduler.apply({ type: 'slotFreed', instanceId, capability });
  }

  exclude(instanceId: string, until: number, capability = 'load'): void {
    this.scheduler.apply({ type: 'excluded', instanceId, capability, until, why: 'did not accept' });
  }

  assign(max = 1_000): Assignment[] {
    return this.scheduler.assignments(this.now, max);
  }

  /** `run/path -> instance`, in the order of the decisions. */
  assigned(max = 1_000): string[] {
    return this.assign(max).map(({ step, instanceId }) => `${step.runId}/${step.path} -> ${instanceId}`);
  }

  /** The order in which one slot would serve the waiting steps: each is freed at once. */
  drain(instanceId: string, limit = 10_000): string[] {
    const order: string[] = [];
    while (order.length < limit) {
      const [next] = this.assign(1);
      if (next === undefined) break;
      order.push(`${next.step.runId}/${next.step.path}`);
      this.freed(instanceId, next.capability);
    }
    return order;
  }

  reasons(name: string): string[] {
    const [runId = '', path = ''] = name.split('/');
    const { candidates } = this.scheduler.explain(runId, path, this.now);
    return candidates.map(({ instanceId, reason, detail }) => `${instanceId} ${reason}: ${detail}`);
  }
}
