/**
 * How the literals in a block's `steps` get their types. Types only.
 *
 * TypeScript can infer a tuple's parts one by one from a mapped type (ids, actions, nested steps), but not whole literals that hold
 * callbacks. So `steps` is a union: the members that nothing can satisfy (`InferOnly`) only infer, the last one checks.
 * `Nested` must not occur in what a child's callback sees: it is inferred from those very callbacks.
 */
import type { FailureMode, JsonScalar, ParallelPolicy } from '../definition.ts';
import type { NestedChild } from './child.ts';
import type {
  Action,
  AgentOptions,
  Belongings,
  ConditionOptions,
  LoopOptions,
  MapOptions,
  OutputOf,
  OwnerOptions,
  ParametersOption,
  PlainParameters,
  SetOptions,
  SignalOptions,
  SwitchOptions,
  WaitOptions,
} from './options.ts';
import type { Untyped } from './recorded.ts';
import type { Scope } from './scope.ts';

declare const inferOnly: unique symbol;
interface InferOnly {
  readonly [inferOnly]: never;
}

type InferChildren<Ids extends readonly string[], Nested extends readonly unknown[]> =
  | { readonly [I in keyof Ids]: { readonly id: Ids[I] } & InferOnly }
  | { readonly [I in keyof Nested]: { readonly steps: Nested[I] } & InferOnly };

/** Children that start together: they see what stands before the block, not each other. */
export type ParallelChildren<
  Params,
  Steps,
  Ids extends readonly string[],
  Actions extends readonly unknown[],
  Nested extends readonly unknown[],
> = InferChildren<Ids, Nested> | { readonly [I in keyof Actions]: Child<Params, Steps, Actions[I]> };

/** Children in a row: each sees those before it. */
export type SequentialChildren<
  Params,
  Steps,
  Ids extends readonly string[],
  Actions extends readonly unknown[],
  Nested extends readonly unknown[],
> =
  | InferChildren<Ids, Nested>
  | { readonly [I in keyof Actions]: Child<Params, Steps & OutputsBefore<Zip<Ids, Actions, []>, I>, Actions[I]> };

/** Cases of a switch: their steps see what stands before the block, and as in blocks in blocks not each other. */
export type Cases<Params, Steps, Nested extends readonly unknown[]> =
  | { readonly [I in keyof Nested]: { readonly steps: Nested[I] } & InferOnly }
  | readonly Case<Params, Steps>[];

interface Case<Params, Steps> {
  readonly equals: JsonScalar;
  readonly steps: readonly NestedStep<Params, Steps>[];
}

/** The one step of a map: it sees what stands before the block. */
export type MapChild<Params, Steps, ChildId extends string, A, Nested extends readonly unknown[]> =
  | ({ readonly id: ChildId } & InferOnly)
  | ({ readonly steps: Nested } & InferOnly)
  | Child<Params, Steps, A>;

/** A map's own output: a list of its step's. */
export type MapOutput<ChildId extends string, A, Nested> = readonly EntryOutput<
  OwnEntry<{ readonly id: ChildId; readonly action: A; readonly steps: Nested }>
>[];

/** An agent step, or (without an action) a block whose own children see what it sees. */
type Child<Params, Steps, A> = A extends Action
  ? { readonly id: string } & AgentOptions<Params, Steps, A> &
      Belongings<Params, Steps> &
      ParametersOption<Params, Steps, A> &
      ChildOutput<A>
  :
      | NestedBlock<Params, Steps>
      | NestedLoop<Params, Steps>
      | NestedMap<Params, Steps>
      | NestedOther<Params, Steps>
      | NestedWait<Params, Steps>
      | NestedChild<Params, Steps>;

/** A named action's output may be shaped here; a capability's is fixed by its type (shape it in a step of the top level). */
type ChildOutput<A> = A extends string ? { readonly output?: unknown } : Record<never, never>;

type NestedStep<Params, Steps> =
  | NestedBlock<Params, Steps>
  | NestedLoop<Params, Steps>
  | NestedMap<Params, Steps>
  | NestedAgentStep<Params, Steps>
  | NestedOther<Params, Steps>
  | NestedWait<Params, Steps>
  | NestedChild<Params, Steps>;

/** Steps inside these are known by id only as text, '${{ steps.a.output }}': whoever wants types has a callback build the row. */
type NestedOther<Params, Steps> = { readonly id: string } & (
  | ({ readonly type: 'condition'; readonly output?: unknown } & ConditionOptions<
      Params,
      Steps,
      Row<Params, Steps>,
      Row<Params, Steps>
    >)
  | ({ readonly type: 'switch'; readonly output?: unknown } & SwitchOptions<
      Params,
      Steps,
      readonly Case<Params, Steps>[],
      Row<Params, Steps>
    >)
  | ({ readonly type: 'set' } & SetOptions<Params, Steps, unknown>)
);

type Row<Params, Steps> = readonly NestedStep<Params, Steps>[];

type NestedWait<Params, Steps> = { readonly id: string; readonly output?: unknown } & (
  | ({ readonly type: 'wait' } & WaitOptions<Params, Steps>)
  | ({ readonly type: 'signal' } & SignalOptions<Params, Steps>)
);
/** What it gives is not known to the types; nothing outside can see its steps. */
interface NestedLoop<Params, Steps> extends LoopOptions<Params, Steps, readonly NestedStep<Params, Steps>[]> {
  readonly id: string;
  readonly output?: unknown;
  readonly type: 'loop';
}

interface NestedMap<Params, Steps> extends MapOptions<Params, Steps, NestedStep<Params, Steps>> {
  readonly id: string;
  readonly type: 'map';
}

interface NestedBlock<Params, Steps> extends OwnerOptions<Params, Steps> {
  readonly id: string;
  readonly output?: unknown;
  readonly type: 'parallel' | 'sequential';
  readonly steps: readonly NestedStep<Params, Steps>[];
  readonly concurrency?: number;
  readonly quorum?: number;
  readonly onFailure?: FailureMode | ParallelPolicy;
}

interface NestedAgentStep<Params, Steps> extends AgentOptions<Params, Steps, Action>, Belongings<Params, Steps> {
  readonly id: string;
  readonly output?: unknown;
  readonly parameters?: PlainParameters<Scope<Params, Steps>>;
}

/** The parts put together again: one description of each child. */
export type Zip<Ids extends readonly string[], Actions, Nested> = {
  readonly [I in keyof Ids]: { readonly id: Ids[I]; readonly action: At<Actions, I>; readonly steps: At<Nested, I> };
};

type At<List, I> = I extends keyof List ? List[I] : unknown;

/** Every child and grandchild by id: what the steps after the block see. */
export type OutputsOf<List extends readonly unknown[]> = ById<Entries<List>>;

/** A parallel's own output: an object by child id. */
export type ParallelOutput<List extends readonly unknown[]> = ById<{ [I in keyof List]: OwnEntry<List[I]> }[number]>;

/** A sequential's own output: its last child's. */
export type SequentialOutput<List extends readonly unknown[]> = List extends readonly [...unknown[], infer Last]
  ? EntryOutput<OwnEntry<Last>>
  : Untyped;

/** A branch's own output: its last step's; of one that is not there null. */
export type BranchOutput<List extends readonly unknown[]> = List extends readonly [] ? null : SequentialOutput<List>;

/** A switch's own output: that of whichever branch ran. */
export type SwitchOutput<Lists extends readonly unknown[]> = {
  [I in keyof Lists]: Lists[I] extends readonly unknown[] ? BranchOutput<Lists[I]> : Untyped;
}[number];

/** Every step inside the cases by id. */
export type CaseOutputs<Lists extends readonly unknown[]> = ById<{ [I in keyof Lists]: Entries<Lists[I]> }[number]>;

type OutputsBefore<List extends readonly unknown[], I> = ById<EntriesBefore<List, I>>;

type EntriesBefore<List, I, Seen extends readonly unknown[] = []> = List extends readonly [infer Head, ...infer Rest]
  ? `${Seen['length']}` extends I
    ? never
    : OwnEntry<Head> | EntriesBefore<Rest, I, [...Seen, Head]>
  : never;

type Entry = readonly [id: string, output: unknown];
type ById<E> = { readonly [One in Extract<E, Entry> as One[0]]: One[1] };
type EntryOutput<E> = E extends readonly [string, infer Output] ? Output : Untyped;

type Entries<List> = List extends readonly unknown[] ? { [I in keyof List]: EntryAndBelow<List[I]> }[number] : never;
type EntryAndBelow<C> =
  | OwnEntry<C>
  | (C extends { readonly steps: readonly [unknown, ...unknown[]] } ? Entries<C['steps']> : never);

type OwnEntry<C> = C extends { readonly id: infer Id extends string } ? readonly [Id, OwnOutput<C>] : never;

type OwnOutput<C> = C extends { readonly steps: readonly [unknown, ...unknown[]] }
  ? C extends { readonly type: 'parallel' }
    ? ParallelOutput<C['steps']>
    : Untyped
  : C extends { readonly action: infer A }
    ? C extends { readonly output: unknown }
      ? Untyped
      : OutputOf<A>
    : Untyped;
