/**
 * The steps that a workflow and a row inside a block can have. Types flow by accumulation: every step adds a member to `Steps`,
 * which the callbacks after it see. At run time it only collects.
 */
import type { Called, ChildOptions, GivenBy } from './child.ts';
import type {
  BranchOutput,
  CaseOutputs,
  Cases,
  MapChild,
  MapOutput,
  OutputsOf,
  ParallelChildren,
  ParallelOutput,
  SequentialChildren,
  SequentialOutput,
  SwitchOutput,
  Zip,
} from './children.ts';
import type {
  Action,
  ConditionOptions,
  LoopOptions,
  MapOptions,
  OutputOf,
  OutputOption,
  ParallelOptions,
  SequentialOptions,
  SetOptions,
  Shaped,
  SignalOptions,
  SignalOutput,
  StepOptions,
  SwitchOptions,
  TypedBelongings,
  Unshaped,
  WaitOptions,
} from './options.ts';
import type { Resolved, Untyped } from './recorded.ts';
import type { BuiltRow, RowBuilder, RowOutput, Unbuilt } from './row-builder.ts';
import type { WrittenStep } from './source.ts';
import type { WorkflowBuilder } from './workflow-builder.ts';

type OneStep<Id extends string, Output> = { readonly [K in Id]: Output };
export type NoSteps = Record<never, never>;

/** A builder of a workflow whose output is of this type. */
export interface OfWorkflow<Output> {
  readonly workflow: Output;
}

/** A builder of a row inside a block. */
export interface OfRow {
  readonly row: true;
}

/** The builder after one more step, which gives `Gives`; `Inside`: the steps within it that are seen from now on. */
export type Next<Kind, Params, Steps, Id extends string, Gives, Inside = NoSteps> =
  Kind extends OfWorkflow<infer Output>
    ? WorkflowBuilder<Params, Steps & OneStep<Id, Gives> & Inside, Output>
    : RowBuilder<Params, Steps & OneStep<Id, Gives> & Inside, Gives>;

export abstract class StepMethods<Params, Steps, Kind> {
  readonly #steps: WrittenStep[] = [];

  /** A step on an agent. What it gives is what its fallback gives when that ran. */
  step<const Id extends string, A extends Action, Out = Unshaped, F extends Action = never, C extends Action = never>(
    id: Id,
    options: StepOptions<Params, Steps, A, Out> & TypedBelongings<Params, Steps, OneStep<Id, Untyped>, F, C>,
  ): Next<Kind, Params, Steps, Id, Shaped<OutputOf<A>, Out> | OutputOf<F>> {
    this.add({ id, type: 'agent', ...options });
    return this.typed();
  }

  /** A block whose children start together. */
  parallel<
    const Id extends string,
    const Ids extends readonly string[],
    const Actions extends readonly unknown[],
    const Nested extends readonly unknown[],
    Out = Unshaped,
  >(
    id: Id,
    options: ParallelOptions<Params, Steps, ParallelChildren<Params, Steps, Ids, Actions, Nested>> &
      OutputOption<Params, Steps, Untyped, Out>,
  ): Next<
    Kind,
    Params,
    Steps,
    Id,
    Shaped<ParallelOutput<Zip<Ids, Actions, Nested>>, Out>,
    OutputsOf<Zip<Ids, Actions, Nested>>
  > {
    this.add({ id, type: 'parallel', ...options });
    return this.typed();
  }

  /** A block whose children run in a row. */
  sequential<
    const Id extends string,
    const Ids extends readonly string[] = readonly [],
    const Actions extends readonly unknown[] = readonly [],
    const Nested extends readonly unknown[] = readonly [],
    Out = Unshaped,
    Inner = NoSteps,
    Last = Unbuilt,
  >(
    id: Id,
    options: SequentialOptions<
      Params,
      Steps,
      SequentialChildren<Params, Steps, Ids, Actions, Nested> | BuiltRow<Params, Steps, Inner, Last>
    > &
      OutputOption<Params, Steps, Untyped, Out>,
  ): Next<
    Kind,
    Params,
    Steps,
    Id,
    Shaped<RowOutput<Last, SequentialOutput<Zip<Ids, Actions, Nested>>>, Out>,
    OutputsOf<Zip<Ids, Actions, Nested>> & Inner
  > {
    this.add({ id, type: 'sequential', ...options });
    return this.typed();
  }

  /** One of two rows of steps. The output is that of the last step of the row that ran, null when it is not there. */
  condition<
    const Id extends string,
    const ThenIds extends readonly string[] = readonly [],
    const ThenActions extends readonly unknown[] = readonly [],
    const ThenNested extends readonly unknown[] = readonly [],
    const ElseIds extends readonly string[] = readonly [],
    const ElseActions extends readonly unknown[] = readonly [],
    const ElseNested extends readonly unknown[] = readonly [],
    Out = Unshaped,
    ThenInner = NoSteps,
    ThenLast = Unbuilt,
    ElseInner = NoSteps,
    ElseLast = Unbuilt,
  >(
    id: Id,
    options: ConditionOptions<
      Params,
      Steps,
      | SequentialChildren<Params, Steps, ThenIds, ThenActions, ThenNested>
      | BuiltRow<Params, Steps, ThenInner, ThenLast>,
      SequentialChildren<Params, Steps, ElseIds, ElseActions, ElseNested> | BuiltRow<Params, Steps, ElseInner, ElseLast>
    > &
      OutputOption<Params, Steps, Untyped, Out>,
  ): Next<
    Kind,
    Params,
    Steps,
    Id,
    Shaped<
      | RowOutput<ThenLast, BranchOutput<Zip<ThenIds, ThenActions, ThenNested>>>
      | RowOutput<ElseLast, BranchOutput<Zip<ElseIds, ElseActions, ElseNested>>>,
      Out
    >,
    OutputsOf<Zip<ThenIds, ThenActions, ThenNested>> &
      OutputsOf<Zip<ElseIds, ElseActions, ElseNested>> &
      ThenInner &
      ElseInner
  > {
    this.add({ id, type: 'condition', ...options });
    return this.typed();
  }

  /** The row of steps whose case equals a value, else the default's. */
  switch<
    const Id extends string,
    const Nested extends readonly unknown[],
    const Ids extends readonly string[] = readonly [],
    const Actions extends readonly unknown[] = readonly [],
    const Deeper extends readonly unknown[] = readonly [],
    Out = Unshaped,
  >(
    id: Id,
    options: SwitchOptions<
      Params,
      Steps,
      Cases<Params, Steps, Nested>,
      SequentialChildren<Params, Steps, Ids, Actions, Deeper>
    > &
      OutputOption<Params, Steps, Untyped, Out>,
  ): Next<
    Kind,
    Params,
    Steps,
    Id,
    Shaped<SwitchOutput<Nested> | BranchOutput<Zip<Ids, Actions, Deeper>>, Out>,
    CaseOutputs<Nested> & OutputsOf<Zip<Ids, Actions, Deeper>>
  > {
    this.add({ id, type: 'switch', ...options });
    return this.typed();
  }

  /** A value that the control plane computes; it is the step's output. */
  set<const Id extends string, V = Untyped>(
    id: Id,
    options: SetOptions<Params, Steps, V>,
  ): Next<Kind, Params, Steps, Id, Resolved<V>> {
    this.add({ id, type: 'set', ...options });
    return this.typed();
  }

  /** Nothing until a time. Its output is null. */
  wait<const Id extends string, Out = Unshaped>(
    id: Id,
    options: WaitOptions<Params, Steps> & OutputOption<Params, Steps, null, Out>,
  ): Next<Kind, Params, Steps, Id, Shaped<null, Out>> {
    this.add({ id, type: 'wait', ...options });
    return this.typed();
  }

  /** Nothing until somebody sends the signal, such as an approval. */
  signal<const Id extends string, Out = Unshaped>(
    id: Id,
    options: SignalOptions<Params, Steps> & OutputOption<Params, Steps, SignalOutput, Out>,
  ): Next<Kind, Params, Steps, Id, Shaped<SignalOutput, Out>> {
    this.add({ id, type: 'signal', ...options });
    return this.typed();
  }

  /** A run of another workflow: one that was built, whose types are known, or one of that name. */
  workflow<const Id extends string, W extends Called, Out = Unshaped>(
    id: Id,
    options: ChildOptions<Params, Steps, W, Out>,
  ): Next<Kind, Params, Steps, Id, Shaped<GivenBy<W>, Out>> {
    this.add({ id, type: 'workflow', ...options });
    return this.typed();
  }

  /** A body that runs again and again. The steps after it see its output, that of the last body's last step. */
  loop<
    const Id extends string,
    const Ids extends readonly string[] = readonly [],
    const Actions extends readonly unknown[] = readonly [],
    const Nested extends readonly unknown[] = readonly [],
    Out = Unshaped,
    Inner = NoSteps,
    Last = Unbuilt,
  >(
    id: Id,
    options: LoopOptions<
      Params,
      Steps,
      SequentialChildren<Params, Steps, Ids, Actions, Nested> | BuiltRow<Params, Steps, Inner, Last>
    > &
      OutputOption<Params, Steps, Untyped, Out>,
  ): Next<Kind, Params, Steps, Id, Shaped<RowOutput<Last, SequentialOutput<Zip<Ids, Actions, Nested>>>, Out>> {
    this.add({ id, type: 'loop', ...options });
    return this.typed();
  }

  /** One step for each item of a list, many at a time. The steps after it see the list of what they gave. */
  map<
    const Id extends string,
    const ChildId extends string = never,
    const A = unknown,
    const Nested extends readonly unknown[] = readonly [],
    Inner = NoSteps,
    Last = Unbuilt,
  >(
    id: Id,
    options: MapOptions<
      Params,
      Steps,
      MapChild<Params, Steps, ChildId, A, Nested> | BuiltRow<Params, Steps, Inner, Last>
    >,
  ): Next<Kind, Params, Steps, Id, [Last] extends [Unbuilt] ? MapOutput<ChildId, A, Nested> : readonly Last[]> {
    this.add({ id, type: 'map', ...options });
    return this.typed();
  }

  /** The steps so far. */
  protected get written(): readonly WrittenStep[] {
    return this.#steps;
  }

  protected add(step: WrittenStep): void {
    this.#steps.push(step);
  }

  /** The same builder under the type it has now. Nothing at run time depends on these types. */
  protected typed<Typed>(): Typed {
    return this as unknown as Typed;
  }
}
