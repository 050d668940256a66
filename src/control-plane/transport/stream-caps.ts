/**
 * How many agent streams may be open: in all, and from one address (of IPv6: one network of 64 bits), so that a client in a loop takes no room from the others.
 *
 * Invariant: every stream that was let in is counted until it has left, once.
 */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { networkOf } from './network-of.ts';

export type StreamLimit = 'address' | 'total';

export interface StreamCapsOptions {
  /** Streams in all. Default 20,000. */
  readonly max?: number;
  /** Streams from one address, of IPv6 from one /64. Default 10,000. */
  readonly perAddressMax?: number;
  /** A stream was refused. */
  readonly onRefused?: (limit: StreamLimit) => void;
}

export class StreamCaps {
  private readonly max: number;
  private readonly perAddressMax: number;
  private readonly onRefused: (limit: StreamLimit) => void;
  private readonly perAddress = new Map<string, number>();
  private count = 0;

  constructor({
    max = limits.streamsMax,
    perAddressMax = limits.streamsPerAddressMax,
    onRefused = () => {},
  }: StreamCapsOptions = {}) {
    this.max = max;
    this.perAddressMax = perAddressMax;
    this.onRefused = onRefused;
  }

  /** Counts a stream of this peer, `address:port`; an error when there is no room for it, and then it is not counted. */
  enter(peer: string): YardmasterError | undefined {
    const address = addressOf(peer);
    const fromThere = this.perAddress.get(address) ?? 0;
    if (fromThere >= this.perAddressMax) return this.refuse('address', address);
    if (this.count >= this.max) return this.refuse('total', address);
    this.perAddress.set(address, fromThere + 1);
    this.count += 1;
    return undefined;
  }

  leave(peer: string): void {
    const address = addressOf(peer);
    const left = (this.perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.perAddress.set(address, left);
    else this.perAddress.delete(address);
    this.count -= 1;
  }

  private refuse(limit: StreamLimit, address: string): YardmasterError {
    this.onRefused(limit);
    const [count, whose, setting] =
      limit === 'address'
        ? [this.perAddressMax, ` from "${address}"`, 'listen.agentStreamsPerAddress']
        : [this.max, '', 'listen.agentStreams'];
    return new YardmasterError(
      'LIMIT_REACHED',
      `Cannot open an agent stream${whose}: ${count} are open, as many as ${setting} allows`,
      { next: `end agents that nobody needs, or raise ${setting} of the control plane` },
    );
  }
}

function addressOf(peer: string): string {
  return networkOf(peer.slice(0, peer.lastIndexOf(':')));
}
