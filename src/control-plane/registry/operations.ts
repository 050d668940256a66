/**
 * PURE: what operators do to instances (docs/howto/drain-agents.md). A cordon keeps new work away; a drain is a cordon that
 * ends the session once nothing is held; a disconnect ends the session and nothing else.
 *
 * Invariant: nothing is done to an instance that has left, but its cordon can be taken back.
 */
import type { AgentStatus, Instance } from './instance.ts';

export type Operation = 'drain' | 'cordon' | 'uncordon' | 'disconnect';

export interface Operator {
  /** What people call whoever asks. */
  readonly actor: string;
  /** '' : none. */
  readonly reason: string;
  /** Of a drain: where it goes then, as `host:port`. Absent: nowhere, it ends. */
  readonly addresses?: readonly string[];
}

export interface Cordon extends Operator {
  /** Wall ms. */
  readonly at: number;
  /** It is sent away when nothing is held. */
  readonly isDrain: boolean;
}

/** What a connected instance is when it is not silent. */
export function standingOf({ state, cordon }: Pick<Instance, 'state' | 'cordon'>): AgentStatus {
  if (state.draining || cordon?.isDrain === true) return 'DRAINING';
  return cordon === undefined ? 'READY' : 'CORDONED';
}

/** Its status is what its State and its operators say, not what its silence does. */
export function isStanding({ status }: Instance): boolean {
  return status === 'READY' || status === 'CORDONED' || status === 'DRAINING';
}

/** False: it is so already, or cannot be. */
export function wouldChange(operation: Operation, instance: Instance, addresses: readonly string[] = []): boolean {
  const { cordon, peer, status } = instance;
  switch (operation) {
    case 'drain':
      return status !== 'LOST' && (cordon?.isDrain !== true || !isSame(addresses, cordon.addresses ?? []));
    case 'cordon':
      return status !== 'LOST' && cordon === undefined;
    case 'uncordon':
      return cordon !== undefined;
    case 'disconnect':
      return peer !== undefined;
  }
}

/** It is drained: nothing of it is left to wait for. */
export function isDrained({ cordon, held }: Instance): boolean {
  return cordon?.isDrain === true && held.size === 0;
}

/** `by ada: new kernel, to b.example:7420` */
export function byOperator({ actor, reason, addresses = [] }: Operator): string {
  const to = addresses.length === 0 ? '' : `, to ${addresses.join(' or ')}`;
  return `by ${actor}${reason === '' ? '' : `: ${reason}`}${to}`;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((address, index) => address === right[index]);
}

/** Whose drain is over. */
export function drainText({ cordon }: Instance): string {
  return cordon === undefined ? '' : byOperator(cordon);
}

const FILLED = 'reading: enough work is on its way to it already';
const BEHIND = 'behind: it reads its stream too slowly, and gets no new work until it has caught up';

/** For `explain`: what keeps work away, and who said so. */
export function standingText({ status, cordon, isBehind, isFilled }: Instance): string {
  if (status === 'CORDONED' && cordon !== undefined) return `cordoned ${byOperator(cordon)}`;
  if (status === 'DRAINING' && cordon?.isDrain === true) return `draining ${byOperator(cordon)}`;
  if (status === 'READY' && isBehind) return BEHIND;
  return status === 'READY' && isFilled ? FILLED : status;
}

const DEPARTED_MAX = 1_000;

/** The cordons of instances that left: one that comes back under its old id is not used again behind the operator's back. */
export class DepartedCordons {
  private readonly cordons = new Map<string, Cordon>();

  keep(instanceId: string, cordon: Cordon): void {
    this.cordons.delete(instanceId);
    this.cordons.set(instanceId, cordon);
    for (const oldest of this.cordons.keys()) {
      if (this.cordons.size <= DEPARTED_MAX) break;
      this.cordons.delete(oldest);
    }
  }

  take(instanceId: string): Cordon | undefined {
    const cordon = this.cordons.get(instanceId);
    this.cordons.delete(instanceId);
    return cordon;
  }
}
