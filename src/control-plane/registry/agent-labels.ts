/**
 * PURE: labels that operators give to agents. They hold for every instance of the agent, those that come later included, and win
 * over what an instance claims in its State (docs/howto/label-agents.md).
 */
import type { Instance } from './instance.ts';

export type Labels = Readonly<Record<string, string>>;

export interface LabelChange {
  /** New, or instead of others with the same key. */
  readonly labels: Labels;
  /** Keys that are no longer the operator's. */
  readonly removed: readonly string[];
}

export const NO_LABELS: Labels = {};

interface Whose {
  readonly namespace: string;
  readonly agentId: string;
}

export class AgentLabels {
  private readonly byAgent = new Map<string, Labels>();

  of(whose: Whose): Labels {
    return this.byAgent.get(keyOf(whose)) ?? NO_LABELS;
  }

  /** All that operators say of an agent from now on. */
  put(whose: Whose, labels: Labels): void {
    if (Object.keys(labels).length === 0) this.byAgent.delete(keyOf(whose));
    else this.byAgent.set(keyOf(whose), labels);
  }
}

/** What steps are matched with. */
export function labelsOf({ state, operatorLabels }: Pick<Instance, 'state' | 'operatorLabels'>): Labels {
  return Object.keys(operatorLabels).length === 0 ? state.labels : merge(state.labels, operatorLabels);
}

/** What the instance claims and an operator says otherwise. */
export function overriddenLabels({ state, operatorLabels }: Pick<Instance, 'state' | 'operatorLabels'>): Labels {
  const claimed = Object.entries(state.labels);
  return Object.fromEntries(
    claimed.filter(([key, value]) => Object.hasOwn(operatorLabels, key) && operatorLabels[key] !== value),
  );
}

/** Undefined: it is so already. */
export function changeLabels(before: Labels, { labels, removed }: LabelChange): Labels | undefined {
  const gone = new Set(removed);
  const after = merge(Object.fromEntries(Object.entries(before).filter(([key]) => !gone.has(key))), labels);
  const keys = Object.keys(after);
  const isSame =
    keys.length === Object.keys(before).length &&
    keys.every((key) => Object.hasOwn(before, key) && before[key] === after[key]);
  return isSame ? undefined : after;
}

/** By entries: a key such as `__proto__` is a label like another. */
function merge(under: Labels, over: Labels): Labels {
  return Object.fromEntries([...Object.entries(under), ...Object.entries(over)]);
}

function keyOf({ namespace, agentId }: Whose): string {
  return `${namespace}\0${agentId}`;
}
