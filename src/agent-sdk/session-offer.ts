/** What the instance offers now, with a revision that grows with every change. Pure. */
import type { StateOfOffer } from './frames.ts';
import type { HeldAttempts } from './held-attempts.ts';
import type { Offer, RejectCause } from './news.ts';

export class SessionOffer {
  #state: StateOfOffer;
  #names: ReadonlySet<string>;

  constructor(offer: Offer) {
    this.#state = { offer, revision: 1, draining: false, paused: false };
    this.#names = namesOf(offer);
  }

  get current(): StateOfOffer {
    return this.#state;
  }

  get revision(): number {
    return this.#state.revision;
  }

  get slots(): number {
    return this.#state.paused ? 0 : this.#state.offer.slots;
  }

  replace(offer: Offer): void {
    this.#names = namesOf(offer);
    this.#change({ offer });
  }

  drain(): void {
    if (!this.#state.draining) this.#change({ draining: true });
  }

  pause(): void {
    if (!this.#state.paused) this.#change({ paused: true });
  }

  resume(): void {
    if (this.#state.paused) this.#change({ paused: false });
  }

  /** Why an attempt cannot be taken, or undefined. */
  refuse(capability: string, held: HeldAttempts): { cause: RejectCause; message: string } | undefined {
    if (this.#state.draining) return { cause: 'DRAINING', message: 'the instance is about to leave' };
    if (!this.#names.has(capability)) {
      return { cause: 'UNSUPPORTED', message: `the instance does not offer "${capability}"` };
    }
    if (held.running >= this.slots) return { cause: 'BUSY', message: `all ${this.slots} slots are taken` };
    if (held.isFull) return { cause: 'BUSY', message: 'too many results wait for their acknowledgement' };
    return undefined;
  }

  #change(part: Partial<StateOfOffer>): void {
    this.#state = { ...this.#state, ...part, revision: this.#state.revision + 1 };
  }
}

function namesOf(offer: Offer): ReadonlySet<string> {
  return new Set(offer.capabilities.map((capability) => capability.name));
}
