/** What goes wrong, and when: a schedule of faults by the seed. `heal` takes all of it back. */
import type { AgentHost } from './agent-host.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import type { Dice } from './dice.ts';
import type { FaultKind } from './faults.ts';
import type { Network } from './network.ts';
import { isInside, type Range } from './part.ts';
import type { Disk } from './sim-store.ts';
import type { World } from './world.ts';

/** How far a wall clock may be off, ms. */
const CLOCK_MS_MAX = 600_000;

export interface NemesisOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly network: Network;
  readonly host: ControlPlaneHost;
  readonly disk: Disk;
  readonly agents: readonly AgentHost[];
  /** Mean time between two faults, ms. */
  readonly pauseMs: number;
  readonly kinds: readonly FaultKind[];
  /** Only these of the faults strike. */
  readonly only: Range | undefined;
}

export class Nemesis {
  private readonly options: NemesisOptions;
  private isHealed = false;
  /** Since when the store has been well, virtual ms. */
  storeWellSince = 0;
  /** Faults that struck or would have. */
  count = 0;

  constructor(options: NemesisOptions) {
    this.options = options;
  }

  start(): void {
    if (this.options.kinds.length > 0) this.next();
  }

  heal(): void {
    this.isHealed = true;
    const { world, network, host, disk, agents } = this.options;
    world.log('nemesis', 'heals everything');
    network.duplicates = 0;
    disk.heal();
    this.storeWellSince = world.now;
    if (host.wall.aheadMs !== 0) host.setWall(0);
    if (host.process.isFrozen) host.thaw(host.process);
    if (host.process.isDead) host.start();
    for (const agent of agents) {
      Object.assign(agent.route, { isBlackHole: false, isRefused: false, stallUpUntil: 0, stallDownUntil: 0 });
      if (agent.process.isFrozen) world.thaw(agent.process);
      if (agent.process.isDead) agent.start();
    }
  }

  private next(): void {
    const { world, dice, pauseMs, kinds } = this.options;
    world.after(dice.skewed(1, pauseMs * 5), undefined, 'timer', () => {
      if (this.isHealed) return;
      const kind = dice.pick(kinds);
      if (isInside(this.options.only, this.count++)) this.strike(kind);
      this.next();
    });
  }

  private strike(kind: FaultKind): void {
    const { dice, agents, world, host } = this.options;
    const agent = dice.pick(agents);
    switch (kind) {
      case 'agentKilled':
      case 'agentPlug':
        agent.crash(kind === 'agentPlug');
        return this.later(dice.skewed(50, 40_000), () => {
          if (agent.process.isDead) agent.start();
        });
      case 'agentFrozen':
        return this.freezeAgent(agent);
      case 'agentLeaves':
        return agent.leave(dice.skewed(0, 8_000));
      case 'linkCut':
        world.log('nemesis', `cuts the links of ${agent.name}`);
        for (const stream of [...agent.route.streams])
          stream.cut({ agentAfterMs: dice.skewed(0, 2_000), serverAfterMs: dice.skewed(0, 2_000) });
        return;
      case 'linkHalfOpen': {
        const isAgentTold = dice.chance(0.5);
        world.log(
          'nemesis',
          `cuts the links of ${agent.name}; only the ${isAgentTold ? 'agent' : 'control plane'} is told`,
        );
        for (const stream of [...agent.route.streams]) {
          stream.cut({
            agentAfterMs: isAgentTold ? dice.skewed(0, 1_000) : undefined,
            serverAfterMs: isAgentTold ? undefined : dice.skewed(0, 1_000),
          });
        }
        return;
      }
      case 'linkStall': {
        const until = world.now + dice.skewed(100, 12_000);
        const which = dice.int(0, 2);
        world.log('nemesis', `stalls ${agent.name}, direction ${which}, until ${until.toFixed(0)}`);
        if (which !== 1) agent.route.stallUpUntil = until;
        if (which !== 0) agent.route.stallDownUntil = until;
        return;
      }
      case 'blackHole':
      case 'refused':
        return this.separate(agent, kind);
      case 'controlPlaneKilled':
      case 'controlPlaneFrozen':
      case 'controlPlaneStops':
        return this.strikeControlPlane(kind);
      case 'clockSet':
        return host.setWall(dice.chance(0.3) ? 0 : (dice.chance(0.5) ? 1 : -1) * dice.skewed(2_000, CLOCK_MS_MAX));
      case 'diskBusy':
      case 'diskFull':
      case 'diskUnclear':
      case 'diskSlow':
      case 'diskUnreadable':
        return this.strikeDisk(kind);
    }
  }

  private later(delayMs: number, run: () => void): void {
    this.options.world.after(delayMs, undefined, 'timer', () => {
      if (!this.isHealed) run();
    });
  }

  private freezeAgent(agent: AgentHost): void {
    const { world, dice } = this.options;
    const { process } = agent;
    if (process.isDead || process.isFrozen) return;
    world.log(process.name, 'stands still');
    world.freeze(process);
    this.later(dice.skewed(200, 45_000), () => {
      if (process.isDead || !process.isFrozen) return;
      world.log(process.name, 'goes on');
      world.thaw(process);
    });
  }

  private separate(agent: AgentHost, kind: 'blackHole' | 'refused'): void {
    const { world, dice } = this.options;
    const { route } = agent;
    world.log('nemesis', `${kind} before ${agent.name}`);
    if (kind === 'refused') route.isRefused = true;
    else route.isBlackHole = true;
    // What is lost in a black hole never arrives: such a stream is as good as cut, and nobody is told.
    for (const stream of [...route.streams]) {
      if (kind === 'blackHole') stream.cut({ agentAfterMs: undefined, serverAfterMs: undefined });
      else stream.cut({ agentAfterMs: dice.skewed(0, 100), serverAfterMs: dice.skewed(0, 100) });
    }
    this.later(dice.skewed(500, 40_000), () => {
      route.isRefused = false;
      route.isBlackHole = false;
    });
  }

  private strikeControlPlane(kind: 'controlPlaneKilled' | 'controlPlaneFrozen' | 'controlPlaneStops'): void {
    const { host, dice, agents } = this.options;
    const { process } = host;
    if (process.isDead || process.isFrozen) return;
    if (kind === 'controlPlaneFrozen') {
      host.freeze();
      return this.later(dice.skewed(300, 30_000), () => {
        if (process.isFrozen) host.thaw(process);
      });
    }
    const restart = (): void => {
      // A stop may take until after everything was healed.
      if (this.isHealed) return host.start();
      this.later(dice.skewed(20, 20_000), () => {
        if (host.process.isDead) host.start();
      });
    };
    if (kind === 'controlPlaneStops') return host.stop(restart);
    host.crash();
    for (const agent of agents) {
      for (const stream of [...agent.route.streams])
        stream.cut({ agentAfterMs: dice.chance(0.9) ? dice.skewed(0, 50) : undefined, serverAfterMs: undefined });
    }
    restart();
  }

  private strikeDisk(kind: 'diskBusy' | 'diskFull' | 'diskUnclear' | 'diskSlow' | 'diskUnreadable'): void {
    const { world, disk, dice } = this.options;
    world.log('nemesis', kind);
    this.storeWellSince = Number.POSITIVE_INFINITY;
    if (kind === 'diskBusy') disk.busy = dice.between(0.05, 1);
    if (kind === 'diskFull') disk.isFull = true;
    if (kind === 'diskUnclear') disk.unclear = dice.between(0.05, 1);
    if (kind === 'diskUnreadable') disk.unreadable = dice.between(0.05, 1);
    if (kind === 'diskSlow') {
      disk.slow = dice.between(0.1, 1);
      disk.slowMs = dice.skewed(5, 2_000);
    }
    this.later(dice.skewed(100, 8_000), () => {
      disk.heal();
      this.storeWellSince = world.now;
    });
  }
}
