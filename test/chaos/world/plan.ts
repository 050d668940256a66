/** What goes wrong and when, drawn from a seed: every kind in turn, so that also a short run has one of each. */
import { type Random, seededRandom } from '../../../src/core/random.ts';
import { drawFault, type Fault } from '../proxy/fault.ts';

/** `at` and `for` are milliseconds, from the start of the plan. */
export type Deed = {
  readonly at: number;
  readonly for: number;
} /** `client`: the wire of whoever starts runs; `fleet`: the wires of all agents at once. */ & (
  | { readonly kind: 'wire'; readonly target: 'client' | 'fleet' | number; readonly fault: Fault }
  | { readonly kind: 'freezeAgent'; readonly agent: number }
  | { readonly kind: 'killAgent'; readonly agent: number }
  | { readonly kind: 'freezeControlPlane' }
  | { readonly kind: 'killControlPlane' }
);

export interface PlanShape {
  readonly ms: number;
  readonly agents: number;
  readonly lossWindowMs: number;
}

/** A new deed begins this often, on average. */
const GAP_MS = 900;

export function drawPlan(seed: number, shape: PlanShape): readonly Deed[] {
  const random = seededRandom(seed);
  const plan: Deed[] = [];
  const busyUntil = new Map<string, number>();
  let bag: Draw[] = [];
  for (let at = 300; at < shape.ms; at += Math.round(random.next() * 2 * GAP_MS)) {
    if (bag.length === 0) bag = shuffled(random, DRAWS);
    const deed = bag.pop()?.(random, at, shape);
    // A process that is frozen or gone is left alone, and a deed that would outlast the plan is none.
    if (deed === undefined || deed.at + deed.for > shape.ms || (busyUntil.get(placeOf(deed)) ?? 0) > at) continue;
    busyUntil.set(placeOf(deed), deed.at + deed.for);
    plan.push(deed);
  }
  return plan;
}

/** What a deed is done to; it suffers one at a time. */
export function placeOf(deed: Deed): string {
  if (deed.kind === 'wire') return `wire of ${deed.target}`;
  return 'agent' in deed ? `agent ${deed.agent}` : 'control plane';
}

type Draw = (random: Random, at: number, shape: PlanShape) => Deed;

const someAgent = (random: Random, { agents }: PlanShape): number => Math.floor(random.next() * agents);

/** A part of the loss window, from `from` to `to` of it. */
const part = (random: Random, { lossWindowMs }: PlanShape, from: number, to: number): number =>
  Math.round(lossWindowMs * (from + random.next() * (to - from)));

const wire: Draw = (random, at, shape) => {
  const target = someAgent(random, shape);
  return { at, for: part(random, shape, 0.05, 1.4), kind: 'wire', target, fault: drawFault(random) };
};

const DRAWS: readonly Draw[] = [
  wire,
  wire,
  wire,
  (random, at, shape) => {
    const fault = { kind: 'hold' } as const;
    return { at, for: part(random, shape, 0.2, 1.5), kind: 'wire', target: someAgent(random, shape), fault };
  },
  (random, at, shape) => ({
    at,
    for: part(random, shape, 0.05, 0.5),
    kind: 'wire',
    target: 'client',
    fault: drawFault(random),
  }),
  (random, at, shape) => ({
    at,
    for: part(random, shape, 0.1, 0.6),
    kind: 'wire',
    target: 'fleet',
    fault: random.next() < 0.5 ? { kind: 'refuse' } : { kind: 'hold' },
  }),
  (random, at, shape) => ({
    at,
    for: part(random, shape, 0.1, 1.5),
    kind: 'freezeAgent',
    agent: someAgent(random, shape),
  }),
  (random, at, shape) => ({
    at,
    for: part(random, shape, 0, 0.6),
    kind: 'killAgent',
    agent: someAgent(random, shape),
  }),
  (random, at, shape) => ({ at, for: part(random, shape, 0.1, 1.2), kind: 'freezeControlPlane' }),
  (random, at, shape) => ({ at, for: part(random, shape, 0, 0.5), kind: 'killControlPlane' }),
];

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const keyed = list.map((value) => ({ value, at: random.next() }));
  return keyed.sort((a, b) => a.at - b.at).map(({ value }) => value);
}
