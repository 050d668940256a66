/** What a waiting step asks of the scheduler: its class, its concurrency key; and what an attempt of it takes of an instance. */
import type { CompiledAgentNode } from '../../workflow/compiled.ts';
import type { AgentStep, RunState } from '../engine/state.ts';
import type { HeldAttempt } from '../registry/instance.ts';
import { classKeyOf } from '../scheduler/class-key.ts';
import type { SlotUse, StepClass, StepKey } from '../scheduler/types.ts';

/** What a node asks for does not change during a run: one entry per node of a loaded definition. */
export interface NodeClass {
  readonly stepClass: StepClass;
  readonly key: string;
}

export class StepClasses {
  private readonly classes = new WeakMap<CompiledAgentNode, Map<string, NodeClass>>();

  of(state: RunState, node: CompiledAgentNode): NodeClass {
    let byNamespace = this.classes.get(node);
    if (byNamespace === undefined) {
      byNamespace = new Map();
      this.classes.set(node, byNamespace);
    }
    const known = byNamespace.get(state.namespace);
    if (known !== undefined) return known;
    const stepClass: StepClass = {
      namespace: state.namespace,
      capability: node.action,
      versionRange: node.version ?? '',
      agentId: node.agentId ?? '',
      labels: node.agentLabels,
    };
    const made = { stepClass, key: classKeyOf(stepClass) };
    byNamespace.set(state.namespace, made);
    return made;
  }
}

/** The concurrency key of a step; undefined: none. */
export function keyOf({ node, detail }: AgentStep): StepKey | undefined {
  if (detail?.key === undefined || node.concurrencyKey === undefined) return undefined;
  return { name: detail.key, limit: node.concurrencyKey.limit };
}

/** What an attempt takes of its instance. */
export function slotOf(instanceId: string, { capability, key }: Pick<HeldAttempt, 'capability' | 'key'>): SlotUse {
  return { instanceId, capability, ...(key === undefined ? {} : { key }) };
}
