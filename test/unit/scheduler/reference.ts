/**
 * A naive scheduler's bookkeeping: lists and full scans. It decides nothing; it judges what the index decides.
 */
import semver from 'semver';
import type {
  Assignment,
  InstanceOffer,
  OfferedCapability,
  ReadyStep,
  StepClass,
} from '../../../src/control-plane/scheduler/types.ts';

interface Waiting {
  readonly step: ReadyStep;
  readonly class: StepClass;
}

interface Instance {
  offer: InstanceOffer;
  busy: string[];
  exclusions: { capability: string; until: number }[];
}

export class Reference {
  readonly waiting = new Map<string, Waiting>();
  readonly instances = new Map<string, Instance>();
  now = 0;

  /** Books the assignment, or says what is wrong with it. */
  book(assignment: Assignment): string | undefined {
    const name = `${assignment.step.runId}/${assignment.step.path}`;
    const waiting = this.waiting.get(name);
    const instance = this.instances.get(assignment.instanceId);
    if (waiting === undefined) return `${name} does not wait`;
    if (instance === undefined) return `${assignment.instanceId} is unknown`;
    const fault = this.faultOf(instance, waiting);
    if (fault !== undefined) return `${name} -> ${assignment.instanceId}: ${fault}`;
    if (assignment.capability !== waiting.class.capability) return `${name} got ${assignment.capability}`;
    this.waiting.delete(name);
    instance.busy.push(assignment.capability);
    return undefined;
  }

  /** Pairs of a waiting step and an instance that could take it now. */
  missed(): string[] {
    const pairs: string[] = [];
    for (const [name, waiting] of this.waiting) {
      for (const [id, instance] of this.instances) {
        if (this.faultOf(instance, waiting) === undefined) pairs.push(`${name} -> ${id}`);
      }
    }
    return pairs;
  }

  private faultOf(instance: Instance, { step, class: wanted }: Waiting): string | undefined {
    const capability = suitable(instance.offer, wanted);
    if (capability === undefined) return 'incapable';
    if (!instance.offer.accepts) return 'does not accept';
    if (instance.busy.length >= instance.offer.slots) return 'no slot';
    const same = instance.busy.filter((name) => name === capability.name).length;
    if (capability.concurrency > 0 && same >= capability.concurrency) return 'over its concurrency';
    const isExcluded = instance.exclusions.some(
      (each) => each.until > this.now && (each.capability === '' || each.capability === capability.name),
    );
    if (isExcluded) return 'excluded';
    return this.isAvoided(instance, { step, class: wanted }) ? 'avoided' : undefined;
  }

  private isAvoided(instance: Instance, { step, class: wanted }: Waiting): boolean {
    const avoid = step.avoid ?? [];
    const hasOther = [...this.instances.values()].some(
      ({ offer }) =>
        offer.accepts && offer.slots > 0 && suitable(offer, wanted) !== undefined && !avoid.includes(offer.instanceId),
    );
    return hasOther && avoid.includes(instance.offer.instanceId);
  }
}

function suitable(offer: InstanceOffer, wanted: StepClass): OfferedCapability | undefined {
  if (offer.namespace !== wanted.namespace) return undefined;
  if (wanted.agentId !== '' && wanted.agentId !== offer.agentId) return undefined;
  if (Object.entries(wanted.labels).some(([name, value]) => offer.labels[name] !== value)) return undefined;
  return offer.capabilities.find(
    ({ name, version }) =>
      name === wanted.capability && (wanted.versionRange === '' || semver.satisfies(version, wanted.versionRange)),
  );
}
