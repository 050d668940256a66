import { demandOf, type Fit, fitOf } from './fit.ts';
import type { IndexedInstance } from './indexed-instance.ts';
import { orderKeyOf, priorities } from './order-key.ts';
import type { RunQueue } from './run-queue.ts';
import type { Candidate, CandidateReason, OfferedCapability, StepClass } from './types.ts';

/** Reasons from "could take it now" to "never could". */
const reasonOrder: readonly CandidateReason[] = [
  'free',
  'busy',
  'concurrency',
  'avoided',
  'excluded',
  'state',
  'version',
  'label',
  'capability',
  'agent',
];

type Judgement = Pick<Candidate, 'reason' | 'detail'>;

/** Every instance of the class's namespace with the reason why it is not chosen, or that it is free. */
export function candidatesOf(
  stepClass: StepClass,
  avoid: readonly string[],
  instances: Iterable<IndexedInstance>,
  now: number,
): readonly Candidate[] {
  const demand = demandOf(stepClass);
  const judged = [...instances]
    .filter((instance) => instance.offer.namespace === stepClass.namespace)
    .map((instance) => ({ instance, fit: fitOf(demand, instance.offer) }));
  const hasOther = judged.some(({ instance, fit }) => fit.fits && instance.isOpen && !avoid.includes(instance.id));
  return judged
    .sort((a, b) => a.instance.scoreAt(now) - b.instance.scoreAt(now) || compareText(a.instance.id, b.instance.id))
    .map(({ instance, fit }): Candidate => {
      const { instanceId, agentId } = instance.offer;
      const isAvoided = hasOther && avoid.includes(instanceId);
      return { instanceId, agentId, ...judge(instance, fit, { isAvoided, now }) };
    })
    .sort((a, b) => reasonOrder.indexOf(a.reason) - reasonOrder.indexOf(b.reason));
}

/**
 * Steps of the same class that go first if nothing new comes: in its own line by the turns of the runs, in lines of
 * another priority those with a lower order key.
 */
export function aheadOf(own: RunQueue, before: number, queuedAt: number): number {
  let ahead = before;
  let hasTurnBefore = 1;
  for (const queue of own.line.queues()) {
    if (queue === own) hasTurnBefore = 0;
    else ahead += Math.min(queue.size, before + hasTurnBefore);
  }
  const ownKey = orderKeyOf(priorities[own.line.rank] ?? 'normal', queuedAt);
  for (const line of own.line.class.lines.values()) {
    if (line === own.line) continue;
    const shiftMs = orderKeyOf(priorities[line.rank] ?? 'normal', 0);
    for (const queue of line.queues()) ahead += queue.countBefore(ownKey - shiftMs);
  }
  return ahead;
}

function judge(
  instance: IndexedInstance,
  fit: Fit,
  { isAvoided, now }: { readonly isAvoided: boolean; readonly now: number },
): Judgement {
  if (!fit.fits) return { reason: fit.reason, detail: fit.detail };
  const { accepts, state, slots } = instance.offer;
  if (!accepts) return { reason: 'state', detail: state };
  const exclusion = instance.exclusionOf(fit.capability.name);
  if (exclusion !== undefined && exclusion.until > now) {
    return { reason: 'excluded', detail: `${exclusion.why}, for ${Math.ceil((exclusion.until - now) / 1000)} s more` };
  }
  if (isAvoided) return { reason: 'avoided', detail: 'just failed this step' };
  if (slots === 0) return { reason: 'busy', detail: 'paused, 0 slots' };
  if (instance.isFull) return { reason: 'busy', detail: slotsText(instance) };
  if (instance.isAtLimit(fit.capability)) return { reason: 'concurrency', detail: limitText(instance, fit.capability) };
  return { reason: 'free', detail: slotsText(instance) };
}

function slotsText({ used, offer }: IndexedInstance): string {
  return `${used} of ${offer.slots} slots`;
}

function limitText(instance: IndexedInstance, { name, concurrency }: OfferedCapability): string {
  return `${instance.usedFor(name)} of ${concurrency} ${name}`;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
