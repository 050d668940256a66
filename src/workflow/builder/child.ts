/** What the author writes for a step that is a run of another workflow. Types only. */
import type { FailureMode } from '../definition.ts';
import type { OutputOption, OwnerOptions, PlainParameters } from './options.ts';
import type { IsUntyped, Untyped, Value } from './recorded.ts';
import type { Scope } from './scope.ts';
import type { Workflow } from './workflow.ts';

/** A built workflow (typed) or a bare name (untyped). */
export type Called = Workflow | string;

/** What the run takes; a name takes anything. */
type TakenBy<W> = W extends Workflow<infer Params, unknown, unknown> ? Params : Untyped;

/** What the run gives; a name gives anything. */
export type GivenBy<W> = W extends Workflow<unknown, infer Output, unknown> ? Output : Untyped;

type ChildParameters<Params, Steps, W> =
  IsUntyped<TakenBy<W>> extends true
    ? PlainParameters<Scope<Params, Steps>>
    : Value<TakenBy<W>> | ((scope: Scope<Params, Steps>) => Value<TakenBy<W>>);

type ChildParametersOption<Params, Steps, W> =
  Record<never, never> extends TakenBy<W>
    ? { readonly parameters?: ChildParameters<Params, Steps, W> }
    : { readonly parameters: ChildParameters<Params, Steps, W> };

interface ChildFields<Params, Steps, W> extends OwnerOptions<Params, Steps> {
  readonly workflow: W;
  /** Default: the latest when the step starts. */
  readonly version?: number;
  readonly onFailure?: FailureMode;
}

export type ChildOptions<Params, Steps, W, Out> = ChildFields<Params, Steps, W> &
  ChildParametersOption<Params, Steps, W> &
  OutputOption<Params, Steps, GivenBy<W>, Out>;

/** Inside a block; what it takes is not known to the types there. */
export interface NestedChild<Params, Steps> extends ChildFields<Params, Steps, Called> {
  readonly id: string;
  readonly type: 'workflow';
  readonly parameters?: PlainParameters<Scope<Params, Steps>>;
  readonly output?: unknown;
}
