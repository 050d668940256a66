/**
 * PURE: an instance that starts where an older one of its agent was. At one place there is one of them at a time, so the
 * older one is over: nobody waits for it.
 *
 * Invariant: an instance that gave a sign of life after the newer one came is not taken for dead.
 */
import type { Instance } from './instance.ts';

export class Places {
  private readonly newest = new Map<string, Instance>();

  /** A new start says where it is; returns the one that was there before. */
  take(instance: Instance): Instance | undefined {
    if (instance.place === '') return undefined;
    const key = keyOf(instance);
    const older = this.newest.get(key);
    this.newest.set(key, instance);
    return older === instance ? undefined : older;
  }

  /** One that returns; after a restart of ours we did not know its place. */
  keep(instance: Instance): void {
    const key = keyOf(instance);
    if (instance.place !== '' && !this.newest.has(key)) this.newest.set(key, instance);
  }

  leave(instance: Instance): void {
    const key = keyOf(instance);
    if (this.newest.get(key) === instance) this.newest.delete(key);
  }
}

/** True: a newer start is at its place, and it was silent since. */
export function isSucceeded({ succeeded, lastFrameAt }: Instance): boolean {
  return succeeded !== undefined && lastFrameAt < succeeded.at;
}

/** For people. */
export function handOverText({ place, succeeded }: Instance): string {
  return `instance ${succeeded?.instanceId ?? ''} started at the same place "${place}"`;
}

/** As JSON: a place is any text. */
function keyOf({ namespace, agentId, place }: Instance): string {
  return JSON.stringify([namespace, agentId, place]);
}
