import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classKeyOf } from '../../../src/control-plane/scheduler/class-key.ts';
import type {
  InstanceOffer,
  ReadyStep,
  SchedulerChange,
  StepClass,
} from '../../../src/control-plane/scheduler/types.ts';
import { Reference } from './reference.ts';
import { classOf, offerOf, Yard } from './yard.ts';

type Action =
  | { readonly do: 'queue'; readonly step: ReadyStep; readonly class: StepClass }
  | { readonly do: 'remove'; readonly runId: string; readonly path: string }
  | { readonly do: 'offer'; readonly offer: InstanceOffer }
  | { readonly do: 'gone'; readonly instanceId: string }
  | { readonly do: 'taken'; readonly instanceId: string; readonly capability: string }
  | { readonly do: 'free'; readonly pick: number }
  | { readonly do: 'exclude'; readonly instanceId: string; readonly capability: string; readonly forMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'assign'; readonly max: number };

const instanceIds = fc.constantFrom('i1', 'i2', 'i3', 'i4');
const capabilityNames = fc.constantFrom('load', 'clean');
const namespaces = fc.constantFrom('default', 'default', 'other');

const anyClass: fc.Arbitrary<StepClass> = fc.record({
  namespace: namespaces,
  capability: capabilityNames,
  versionRange: fc.constantFrom('', '', '^1.0.0', '^2.0.0'),
  agentId: fc.constantFrom('', '', 'loader'),
  labels: fc.constantFrom({}, {}, { region: 'eu' }),
});

/** Mostly two plain classes, so that lines fill, empty and fill again. */
const classes = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(classOf(), classOf({ capability: 'clean' })) },
  { weight: 2, arbitrary: anyClass },
);

const anyOffer: fc.Arbitrary<InstanceOffer> = fc.record({
  namespace: namespaces,
  instanceId: instanceIds,
  agentId: fc.constantFrom('loader', 'cleaner'),
  labels: fc.constantFrom({}, { region: 'eu' }, { region: 'us' }),
  capabilities: fc.uniqueArray(
    fc.record({ name: capabilityNames, version: fc.constantFrom('', '1.2.0', '2.0.0'), concurrency: fc.nat(2) }),
    { selector: (each) => each.name, maxLength: 2 },
  ),
  slots: fc.nat(3),
  accepts: fc.constantFrom(true, true, true, false),
  state: fc.constant('READY'),
  load: fc.double({ min: 0, max: 1, noNaN: true }),
});

/** Often all alike, so that several are free for the same steps. */
const offers = fc.oneof(
  anyOffer,
  fc.record({ id: instanceIds, slots: fc.integer({ min: 1, max: 2 }) }).map(({ id, slots }) => offerOf(id, { slots })),
);

const steps: fc.Arbitrary<{ step: ReadyStep; class: StepClass }> = fc
  .record({
    class: classes,
    runId: fc.constantFrom('r1', 'r2', 'r3'),
    path: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    priority: fc.constantFrom('critical', 'high', 'normal', 'low'),
    queuedAt: fc.nat(1_000_000),
    avoid: fc.oneof(fc.constant([]), fc.constant([]), fc.uniqueArray(instanceIds, { maxLength: 3 })),
  })
  .map(({ class: wanted, avoid, ...rest }) => {
    const step: ReadyStep = { ...rest, classKey: classKeyOf(wanted) };
    return { class: wanted, step: avoid.length > 0 ? { ...step, avoid } : step };
  });

const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: steps.map((each): Action => ({ do: 'queue', ...each })) },
  { weight: 3, arbitrary: offers.map((offer): Action => ({ do: 'offer', offer })) },
  { weight: 3, arbitrary: fc.nat(7).map((pick): Action => ({ do: 'free', pick })) },
  { weight: 3, arbitrary: fc.constantFrom(1, 2, 99).map((max): Action => ({ do: 'assign', max })) },
  { weight: 1, arbitrary: steps.map(({ step: { runId, path } }): Action => ({ do: 'remove', runId, path })) },
  { weight: 1, arbitrary: instanceIds.map((instanceId): Action => ({ do: 'gone', instanceId })) },
  {
    weight: 1,
    arbitrary: fc
      .record({ instanceId: instanceIds, capability: capabilityNames })
      .map((each): Action => ({ do: 'taken', ...each })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ instanceId: instanceIds, capability: fc.constantFrom('', 'load', 'clean'), forMs: fc.nat(50) })
      .map((each): Action => ({ do: 'exclude', ...each })),
  },
  { weight: 1, arbitrary: fc.nat(40).map((ms): Action => ({ do: 'wait', ms })) },
);

/** The index and its judge, side by side. */
class Pair {
  readonly yard = new Yard();
  readonly reference = new Reference();
  readonly decisions: string[] = [];

  run(action: Action): void {
    switch (action.do) {
      case 'queue':
        return this.queue(action);
      case 'remove':
        this.reference.waiting.delete(`${action.runId}/${action.path}`);
        return this.apply({ type: 'stepRemoved', runId: action.runId, path: action.path });
      case 'offer':
        return this.offer(action.offer);
      case 'gone':
        this.reference.instances.delete(action.instanceId);
        return this.apply({ type: 'instanceGone', instanceId: action.instanceId });
      case 'taken':
        this.reference.instances.get(action.instanceId)?.busy.push(action.capability);
        return this.apply({ type: 'slotTaken', instanceId: action.instanceId, capability: action.capability });
      case 'free':
        return this.free(action.pick);
      case 'exclude':
        return this.exclude(action.instanceId, action.capability, this.yard.now + action.forMs);
      case 'wait':
        this.yard.now += action.ms;
        this.reference.now += action.ms;
        return;
      case 'assign':
        return this.assign(action.max);
    }
  }

  private queue({ step, class: wanted }: Extract<Action, { do: 'queue' }>): void {
    const name = `${step.runId}/${step.path}`;
    if (this.reference.waiting.has(name)) return;
    this.reference.waiting.set(name, { step, class: wanted });
    this.apply({ type: 'stepQueued', step, class: wanted });
  }

  private offer(offer: InstanceOffer): void {
    const known = this.reference.instances.get(offer.instanceId);
    if (known === undefined) this.reference.instances.set(offer.instanceId, { offer, busy: [], exclusions: [] });
    else known.offer = offer;
    this.apply({ type: 'instanceChanged', offer });
  }

  private free(pick: number): void {
    const busy = [...this.reference.instances.values()].filter((each) => each.busy.length > 0);
    const instance = busy[pick % Math.max(1, busy.length)];
    const capability = instance?.busy.shift();
    if (instance === undefined || capability === undefined) return;
    this.apply({ type: 'slotFreed', instanceId: instance.offer.instanceId, capability });
  }

  private exclude(instanceId: string, capability: string, until: number): void {
    this.reference.instances.get(instanceId)?.exclusions.push({ capability, until });
    this.apply({ type: 'excluded', instanceId, capability, until, why: 'test' });
  }

  private assign(max: number): void {
    const assignments = this.yard.assign(max);
    for (const assignment of assignments) {
      const fault = this.reference.book(assignment);
      if (fault !== undefined) throw new Error(fault);
      this.decisions.push(`${assignment.step.runId}/${assignment.step.path} -> ${assignment.instanceId}`);
    }
    // Plain throws: `expect` would take most of the time of these many checks.
    if (assignments.length > max) throw new Error(`${assignments.length} assignments, wanted ${max}`);
    if (this.yard.scheduler.waiting() !== this.reference.waiting.size) throw new Error('the count of waiting steps');
    if (assignments.length < max) this.checkConserving();
  }

  /** Nothing that could be served is left, and `explain` agrees: no candidate is free. */
  private checkConserving(): void {
    const missed = this.reference.missed();
    if (missed.length > 0) throw new Error(`could have gone: ${missed.join(', ')}`);
    for (const [name, { step }] of this.reference.waiting) {
      const explained = this.yard.scheduler.explain(step.runId, step.path, this.yard.now);
      if (explained.step?.queuedAt !== step.queuedAt) throw new Error(`${name} is not explained`);
      const free = explained.candidates.find(({ reason }) => reason === 'free');
      if (free !== undefined) throw new Error(`${name} is said to have ${free.instanceId} free`);
    }
  }

  private apply(change: SchedulerChange): void {
    this.yard.scheduler.apply(change);
  }
}

describe('whatever happens', () => {
  const histories = fc.array(actions, { maxLength: 80, size: 'max' });

  it('no slot is oversubscribed, no step goes twice or to the wrong instance, and none is left that could go', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const pair = new Pair();
        for (const action of history) pair.run(action);
        pair.run({ do: 'assign', max: 1_000 });
      }),
      { numRuns: 700 },
    );
  });

  it('the same history gives the same decisions', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const [one, other] = [new Pair(), new Pair()];
        for (const action of history) one.run(action);
        for (const action of history) other.run(action);
        expect(one.decisions).toEqual(other.decisions);
      }),
      { numRuns: 50 },
    );
  });
});
