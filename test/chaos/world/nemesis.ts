/** Does what the plan says, and remembers what it did to which process. */
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { nowMs } from '../ledger.ts';
import type { ChaosMesh } from './mesh.ts';
import { type Deed, placeOf } from './plan.ts';

/** What was done to a process; `until` of a kill is for ever. */
export interface Suffered {
  readonly pid: number;
  readonly what: 'frozen' | 'killed';
  readonly from: number;
  readonly until: number;
}

export class Nemesis {
  readonly suffered: Suffered[] = [];
  /** How often each kind was done. */
  readonly done = new Map<string, number>();
  private readonly busy = new Set<string>();
  private readonly mesh: ChaosMesh;

  constructor(mesh: ChaosMesh) {
    this.mesh = mesh;
  }

  /** Resolves when the last deed is over; everything is whole again then. */
  async play(plan: readonly Deed[]): Promise<void> {
    await Promise.all(
      plan.map(async (deed) => {
        await sleep(systemClock, deed.at);
        const place = placeOf(deed);
        // A process that took longer to start than the plan thought.
        if (this.busy.has(place)) return;
        this.busy.add(place);
        const kind = deed.kind === 'wire' ? `wire ${deed.fault.kind}` : deed.kind;
        this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
        await this.act(deed);
        this.busy.delete(place);
      }),
    );
    this.mesh.heal();
  }

  /** Somebody killed a process outside of the plan. */
  async kill(child: { readonly pid: number; kill(): Promise<void> }): Promise<void> {
    await child.kill();
    // Not before it is surely gone.
    this.suffered.push({ pid: child.pid, what: 'killed', from: nowMs(), until: Number.POSITIVE_INFINITY });
  }

  private async act(deed: Deed): Promise<void> {
    const { mesh } = this;
    if (deed.kind === 'wire') return this.breakWires(deed);
    if (deed.kind === 'freezeControlPlane') return this.freeze(mesh.controlPlane, deed.for);
    if (deed.kind === 'killControlPlane') {
      await this.kill(mesh.controlPlane);
      await sleep(systemClock, deed.for);
      return mesh.restartControlPlane();
    }
    const agent = mesh.agents[deed.agent];
    if (agent === undefined) return;
    if (deed.kind === 'freezeAgent') return this.freeze(agent.process, deed.for);
    await this.kill(agent.process);
    await sleep(systemClock, deed.for);
    await mesh.restartAgent(agent);
  }

  private async breakWires(deed: Extract<Deed, { kind: 'wire' }>): Promise<void> {
    const { mesh } = this;
    const agents = mesh.agents.map(({ wire }) => wire);
    const one = typeof deed.target === 'number' ? agents.slice(deed.target, deed.target + 1) : [];
    const wires = deed.target === 'client' ? [mesh.clientWire] : deed.target === 'fleet' ? agents : one;
    const ends = wires.map((wire) => wire.begin(deed.fault));
    await sleep(systemClock, deed.for);
    for (const end of ends) end();
  }

  private async freeze(child: { readonly pid: number; freeze(): void; thaw(): void }, ms: number): Promise<void> {
    const from = nowMs();
    child.freeze();
    await sleep(systemClock, ms);
    child.thaw();
    this.suffered.push({ pid: child.pid, what: 'frozen', from, until: nowMs() });
  }
}
