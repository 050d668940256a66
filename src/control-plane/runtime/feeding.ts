/**
 * How much work is on its way to an instance. What lies in the queue of its stream delays every stop and every ack behind it, and
 * would be better off with another agent; so a step is given to an instance only while little is on its way there (ADR 28).
 *
 * Invariants: 1. beyond the limit an instance gets nothing new, until what was leased has left and its connection has taken it;
 * 2. `ahead` is never less than what is on its way, but for what leaves in this very turn; it is made exact before it counts.
 */
import { limits } from '../../core/limits.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { Instance } from '../registry/instance.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { offerOf } from './offer-of.ts';

/** Ids, names and numbers of one assignment. */
const ENTRY_BYTES = 512;

export interface FeedingOptions {
  readonly fleet: Pick<Fleet, 'instances'>;
  readonly scheduler: Pick<Scheduler, 'apply'>;
  /** Somebody may be given work again. */
  readonly onRoom: () => void;
}

export class Feeding {
  private readonly options: FeedingOptions;
  private readonly filled = new Set<Instance>();

  constructor(options: FeedingOptions) {
    this.options = options;
  }

  /** So many bytes were leased to it, and will be sent. */
  leased(instance: Instance, bytes: number): void {
    instance.ahead += bytes;
    if (!instance.isFilled && instance.ahead > limits.aheadBytesMax) this.judge(instance);
  }

  /** Whoever is full is looked at again: something left, or a connection took something. Costs a look at all that they hold. */
  look(): void {
    for (const instance of this.filled) this.judge(instance);
  }

  judge(instance: Instance): void {
    instance.ahead = bytesAhead(instance);
    // A queue that was topped up while it drains would never come down, and its agent seem slow.
    const isFilled = instance.ahead > limits.aheadBytesMax || instance.peer?.isFull === true;
    const isThere = this.options.fleet.instances.get(instance.instanceId) === instance;
    if (isFilled && isThere) this.filled.add(instance);
    else this.filled.delete(instance);
    if (isFilled === instance.isFilled) return;
    instance.isFilled = isFilled;
    if (!isThere) return;
    this.options.scheduler.apply({ type: 'instanceChanged', offer: offerOf(instance) });
    if (!isFilled) this.options.onRoom();
  }
}

/** What an assignment weighs on the wire, about. A value that travels through BlobService weighs nothing. */
export function weightOf(input: StoredValue, checkpoint: Uint8Array | undefined, metadata: object | undefined): number {
  const size = input.kind === 'inline' ? input.bytes.length : input.size;
  const inline = size <= limits.inlineWireBytesMax ? size : 0;
  const more = metadata === undefined ? 0 : JSON.stringify(metadata).length;
  return ENTRY_BYTES + inline + (checkpoint?.length ?? 0) + more;
}

function bytesAhead({ peer, held }: Instance): number {
  let bytes = peer?.queuedBytes ?? 0;
  for (const attempt of held.values()) if (!attempt.isSent && !attempt.isFenced) bytes += attempt.bytes ?? 0;
  return bytes;
}
