import type { WorkflowDefinition } from '../definition.ts';

declare const types: unique symbol;

/** A built workflow: its definition, and the types of what it takes and answers. Immutable. */
export interface Workflow<out Params = unknown, out Output = unknown, out Steps = unknown> {
  /** The name: how a registered workflow is found. */
  readonly id: string;
  readonly name: string;
  readonly definition: WorkflowDefinition;
  /** Never there at run time. */
  readonly [types]?: { readonly params: Params; readonly output: Output; readonly steps: Steps };
}

export type ParamsOf<W> = W extends Workflow<infer Params> ? Params : never;
export type WorkflowOutputOf<W> = W extends Workflow<unknown, infer Output> ? Output : never;
/** Outputs by step id. */
export type StepsOf<W> = W extends Workflow<unknown, unknown, infer Steps> ? Steps : never;
