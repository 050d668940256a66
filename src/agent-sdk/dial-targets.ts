/**
 * Where a session dials. The agent's own address is always among them, so that a list of dead ones strands nobody. Pure.
 *
 * Invariants: 1. what a GoAway names is dialled as host and port with the agent's own scheme, TLS and token, never as
 * another kind of target (a socket file, a resolver of its own); 2. an address that failed is followed by the next, in a ring.
 */
import { isAddress } from '../core/host-port.ts';
import { limits } from '../core/limits.ts';

/** Undefined: the agent's own address. */
export type DialTarget = string | undefined;

export class DialTargets {
  #ring: readonly DialTarget[] = [undefined];
  #at = 0;

  get current(): DialTarget {
    return this.#ring[this.#at];
  }

  /** True while an address of the ring is left, the agent's own being the last: the stream that it left is kept until that has failed, too. */
  get hasAnother(): boolean {
    return this.#at + 1 < this.#ring.length;
  }

  /** What a GoAway names; without any it stays the same. Returns those that cannot be dialled. */
  replace(addresses: readonly string[]): readonly string[] {
    const ignored: string[] = [];
    const usable: string[] = [];
    for (const address of addresses) {
      if (usable.length < limits.moveAddressesMax && isAddress(address)) usable.push(address);
      else ignored.push(address);
    }
    if (usable.length > 0) {
      this.#ring = [...new Set(usable), undefined];
      this.#at = 0;
    }
    return ignored;
  }

  /** There was no Welcome from the current one. */
  failed(): void {
    this.#at = (this.#at + 1) % this.#ring.length;
  }

  /** The current one said Welcome. Once the agent's own does, what a control plane named before it is out of date. */
  reached(): void {
    if (this.current !== undefined) return;
    this.#ring = [undefined];
    this.#at = 0;
  }
}
