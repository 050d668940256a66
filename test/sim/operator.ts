/**
 * An operator in a world: cordons, drains and disconnects agents and gives them labels while the faults strike, one thing after
 * another. When everything is healed it takes its cordons back, and gives every agent the label that steps ask for.
 */
import { isYardmasterError } from '../../src/core/errors.ts';
import type { WorkflowDefinition } from '../../src/workflow/definition.ts';
import type { Dice } from './dice.ts';
import type { PlacementChecks } from './invariants/placement-checks.ts';
import type { SimClient } from './sim-client.ts';
import { mapSteps } from './steps.ts';
import type { World } from './world.ts';

const NAMESPACE = 'default';
const KEY = 'track';
const WANTED = 'fast';
const VALUES = [WANTED, WANTED, 'slow'];

type Labels = Readonly<Record<string, string>>;

export interface OperatorOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly client: SimClient;
  readonly checks: PlacementChecks;
  readonly agentIds: readonly string[];
  /** Mean time between two things that it does, ms; 0: there is no operator. */
  readonly pauseMs: number;
}

export class Operator {
  private readonly options: OperatorOptions;
  private isCalm = false;
  private isAsking = false;
  /** Of what it does at the end: not answered yet. */
  private left = Number.POSITIVE_INFINITY;

  constructor(options: OperatorOptions) {
    this.options = options;
  }

  start(): void {
    if (this.options.pauseMs > 0) this.next();
  }

  /** Nothing more happens to the fleet, once what was asked before is answered. */
  calm(): void {
    this.isCalm = true;
    if (this.options.pauseMs > 0 && !this.isAsking) this.settle();
  }

  get isDone(): boolean {
    return this.options.pauseMs === 0 || this.left === 0;
  }

  private next(): void {
    const { world, dice, pauseMs } = this.options;
    world.after(dice.skewed(1, pauseMs * 5), undefined, 'timer', () => {
      if (this.isCalm) return;
      this.isAsking = true;
      this.act(() => {
        this.isAsking = false;
        if (this.isCalm) this.settle();
        else this.next();
      });
    });
  }

  private act(onDone: () => void): void {
    const { dice, agentIds } = this.options;
    const agentId = dice.pick(agentIds);
    const what = dice.pick(['label', 'unlabel', 'cordon', 'uncordon', 'drain', 'disconnect'] as const);
    if (what === 'label') this.label(agentId, { [KEY]: dice.pick(VALUES) }, onDone);
    else if (what === 'unlabel') this.label(agentId, {}, onDone);
    else this.operate(agentId, what, onDone);
  }

  private settle(): void {
    const { agentIds } = this.options;
    this.left = agentIds.length * 2;
    const done = (): void => {
      this.left -= 1;
    };
    for (const agentId of agentIds) {
      this.operate(agentId, 'uncordon', done);
      this.label(agentId, { [KEY]: WANTED }, done);
    }
  }

  /** No labels: takes its own away. */
  private label(agentId: string, labels: Labels, onDone: () => void): void {
    const { checks, client, world } = this.options;
    const removed = Object.keys(labels).length === 0 ? [KEY] : [];
    world.log('operator', `labels ${agentId}: ${JSON.stringify(labels)}`);
    client.ask(async (face) => {
      const request = { namespace: NAMESPACE, agentId, labels, removed, reason: 'told to', caller: CALLER };
      const isKnown = await unlessUnknown(() => face.labelAgent(request));
      if (isKnown) checks.labelled(agentId, face);
      // Every agent is there some time after everything was healed.
      else if (this.isCalm) throw new Error('the agent was never there');
    }, onDone);
  }

  private operate(
    agentId: string,
    operation: 'cordon' | 'uncordon' | 'drain' | 'disconnect',
    onDone: () => void,
  ): void {
    const { checks, client, world } = this.options;
    world.log('operator', `${operation} ${agentId}`);
    client.ask(async (face) => {
      const request = { operation, namespace: NAMESPACE, agentId, instanceId: '', reason: 'told to', caller: CALLER };
      if (operation === 'uncordon') checks.uncordoning(agentId);
      if (operation === 'disconnect') checks.disconnects(agentId, 1, face);
      try {
        await unlessUnknown(async () => {
          const { instances } = await face.operateAgents(request);
          if (operation === 'cordon' || operation === 'drain') checks.cordoned(agentId, face, instances);
        });
      } finally {
        if (operation === 'disconnect') checks.disconnects(agentId, -1, face);
      }
    }, onDone);
  }
}

const CALLER = { actor: 'olga', userAgent: '', address: '' };

/** Some agent steps ask for a label that agents claim, or get from the operator. */
export function withLabels(definition: WorkflowDefinition, dice: Dice): WorkflowDefinition {
  return {
    ...definition,
    steps: mapSteps(definition.steps, (step) =>
      step.type === 'agent' && dice.fork(step.id).chance(0.4) ? { ...step, agentLabels: { [KEY]: WANTED } } : step,
    ),
  };
}

/** What an agent says of itself. */
export function claimOf(dice: Dice): Labels {
  return dice.pick([{}, { [KEY]: WANTED }, { [KEY]: 'slow' }]);
}

/** False: it was not seen yet, or its name is forgotten. */
async function unlessUnknown(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (isYardmasterError(error) && error.code === 'AGENT_NOT_FOUND') return false;
    throw error;
  }
}
