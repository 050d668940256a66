/**
 * The fluent builder. Types flow by accumulation: every step adds a member to `Steps`, which the callbacks after it see.
 * At run time it only collects; `build()` calls each callback once, with recorders, and checks the whole.
 */
import type { z } from 'zod';
import type { Problem } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { WorkflowDefinitionError } from '../../core/orchestrator-errors.ts';
import type { ConcurrencyDefinition, Priority } from '../definition.ts';
import { readWorkflowValue } from '../read.ts';
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
  Belongings,
  ConditionOptions,
  Duration,
  LoopOptions,
  MapOptions,
  OutputOf,
  OutputOption,
  ParallelOptions,
  ScheduleOptions,
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
import type { Scope } from './scope.ts';
import { sourceOfOutput, sourceOfParams, sourceOfStep, type WrittenStep } from './source.ts';
import type { Workflow } from './workflow.ts';

type OneStep<Id extends string, Output> = { readonly [K in Id]: Output };

export class WorkflowBuilder<Params = Untyped, Steps = Record<never, never>, Output = null> {
  readonly #name: string;
  readonly #settings: Record<string, unknown> = {};
  readonly #steps: WrittenStep[] = [];
  readonly #finally: WrittenStep[] = [];
  #params: z.ZodType | undefined;
  #output: unknown;

  constructor(name: string) {
    this.#name = name;
  }

  /** What the workflow is for. */
  description(text: string): this {
    return this.#set('description', text);
  }

  /** A title for people; default: the name. */
  label(text: string): this {
    return this.#set('label', text);
  }

  /** For the whole run: milliseconds, or text such as `5m`. Default: none. */
  timeout(duration: Duration): this {
    return this.#set('timeout', duration);
  }

  /** More tries of a run that failed; what completed is kept. Default 0. */
  retries(count: number): this {
    return this.#set('retries', count);
  }

  /** How many runs may be active at once; one more waits, unless `overflow` says otherwise. Default: any number. */
  concurrency(concurrency: number | ConcurrencyDefinition): this {
    return this.#set('concurrency', concurrency);
  }

  /** For everything that runs after the outcome is decided. Default 5 min. */
  cleanupTimeout(duration: Duration): this {
    return this.#set('cleanupTimeout', duration);
  }

  /** Default of its runs; default normal. */
  priority(priority: Priority): this {
    return this.#set('priority', priority);
  }

  /** Starts runs of its newest version by the clock: a cron expression, or more. After `params`, whose types it has then. */
  schedule(schedule: string | ScheduleOptions<Params>): this {
    return this.#set('schedule', schedule);
  }

  /** Facts to find it by. */
  labels(labels: Readonly<Record<string, string>>): this {
    return this.#set('labels', labels);
  }

  /** Anything; not read by the control plane. */
  metadata(metadata: JsonObject): this {
    return this.#set('metadata', metadata);
  }

  /** Names of the secrets that its steps may get: `secret:NAME` in their parameters, or `secret: true` in the schema. */
  secrets(...names: readonly string[]): this {
    return this.#set('secrets', names);
  }

  /** What a run takes. Checked before a run is created; defaults of the schema are filled in. */
  params<Schema extends z.ZodType>(schema: Schema): WorkflowBuilder<z.input<Schema>, Steps, Output> {
    this.#params = schema;
    return this.#typed();
  }

  /** A step on an agent. What it gives is what its fallback gives when that ran. */
  step<const Id extends string, A extends Action, Out = Unshaped, F extends Action = never, C extends Action = never>(
    id: Id,
    options: StepOptions<Params, Steps, A, Out> & TypedBelongings<Params, Steps, OneStep<Id, Untyped>, F, C>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Shaped<OutputOf<A>, Out> | OutputOf<F>>, Output> {
    this.#steps.push({ id, type: 'agent', ...options });
    return this.#typed();
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
  ): WorkflowBuilder<
    Params,
    Steps & OneStep<Id, Shaped<ParallelOutput<Zip<Ids, Actions, Nested>>, Out>> & OutputsOf<Zip<Ids, Actions, Nested>>,
    Output
  > {
    this.#steps.push({ id, type: 'parallel', ...options });
    return this.#typed();
  }

  /** A block whose children run in a row. */
  sequential<
    const Id extends string,
    const Ids extends readonly string[],
    const Actions extends readonly unknown[],
    const Nested extends readonly unknown[],
    Out = Unshaped,
  >(
    id: Id,
    options: SequentialOptions<Params, Steps, SequentialChildren<Params, Steps, Ids, Actions, Nested>> &
      OutputOption<Params, Steps, Untyped, Out>,
  ): WorkflowBuilder<
    Params,
    Steps &
      OneStep<Id, Shaped<SequentialOutput<Zip<Ids, Actions, Nested>>, Out>> &
      OutputsOf<Zip<Ids, Actions, Nested>>,
    Output
  > {
    this.#steps.push({ id, type: 'sequential', ...options });
    return this.#typed();
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
  >(
    id: Id,
    options: ConditionOptions<
      Params,
      Steps,
      SequentialChildren<Params, Steps, ThenIds, ThenActions, ThenNested>,
      SequentialChildren<Params, Steps, ElseIds, ElseActions, ElseNested>
    > &
      OutputOption<Params, Steps, Untyped, Out>,
  ): WorkflowBuilder<
    Params,
    Steps &
      OneStep<
        Id,
        Shaped<
          BranchOutput<Zip<ThenIds, ThenActions, ThenNested>> | BranchOutput<Zip<ElseIds, ElseActions, ElseNested>>,
          Out
        >
      > &
      OutputsOf<Zip<ThenIds, ThenActions, ThenNested>> &
      OutputsOf<Zip<ElseIds, ElseActions, ElseNested>>,
    Output
  > {
    this.#steps.push({ id, type: 'condition', ...options });
    return this.#typed();
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
  ): WorkflowBuilder<
    Params,
    Steps &
      OneStep<Id, Shaped<SwitchOutput<Nested> | BranchOutput<Zip<Ids, Actions, Deeper>>, Out>> &
      CaseOutputs<Nested> &
      OutputsOf<Zip<Ids, Actions, Deeper>>,
    Output
  > {
    this.#steps.push({ id, type: 'switch', ...options });
    return this.#typed();
  }

  /** A value that the control plane computes; it is the step's output. */
  set<const Id extends string, V = Untyped>(
    id: Id,
    options: SetOptions<Params, Steps, V>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Resolved<V>>, Output> {
    this.#steps.push({ id, type: 'set', ...options });
    return this.#typed();
  }

  /** Nothing until a time. Its output is null. */
  wait<const Id extends string, Out = Unshaped>(
    id: Id,
    options: WaitOptions<Params, Steps> & OutputOption<Params, Steps, null, Out>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Shaped<null, Out>>, Output> {
    this.#steps.push({ id, type: 'wait', ...options });
    return this.#typed();
  }

  /** Nothing until somebody sends the signal, such as an approval. */
  signal<const Id extends string, Out = Unshaped>(
    id: Id,
    options: SignalOptions<Params, Steps> & OutputOption<Params, Steps, SignalOutput, Out>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Shaped<SignalOutput, Out>>, Output> {
    this.#steps.push({ id, type: 'signal', ...options });
    return this.#typed();
  }

  /** A run of another workflow: one that was built, whose types are known, or one of that name. */
  workflow<const Id extends string, W extends Called, Out = Unshaped>(
    id: Id,
    options: ChildOptions<Params, Steps, W, Out>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Shaped<GivenBy<W>, Out>>, Output> {
    this.#steps.push({ id, type: 'workflow', ...options });
    return this.#typed();
  }

  /** A body that runs again and again. The steps after it see its output, that of the last body's last step. */
  loop<
    const Id extends string,
    const Ids extends readonly string[],
    const Actions extends readonly unknown[],
    const Nested extends readonly unknown[],
    Out = Unshaped,
  >(
    id: Id,
    options: LoopOptions<Params, Steps, SequentialChildren<Params, Steps, Ids, Actions, Nested>> &
      OutputOption<Params, Steps, Untyped, Out>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, Shaped<SequentialOutput<Zip<Ids, Actions, Nested>>, Out>>, Output> {
    this.#steps.push({ id, type: 'loop', ...options });
    return this.#typed();
  }

  /** One step for each item of a list, many at a time. The steps after it see the list of what they gave. */
  map<
    const Id extends string,
    const ChildId extends string,
    const A,
    const Nested extends readonly unknown[] = readonly [],
  >(
    id: Id,
    options: MapOptions<Params, Steps, MapChild<Params, Steps, ChildId, A, Nested>>,
  ): WorkflowBuilder<Params, Steps & OneStep<Id, MapOutput<ChildId, A, Nested>>, Output> {
    this.#steps.push({ id, type: 'map', ...options });
    return this.#typed();
  }

  /** A step that runs after the body, however it ended. The steps of the body do not see it. */
  finally<A extends Action, Out = Unshaped>(
    id: string,
    options: StepOptions<Params, Steps, A, Out> & Pick<Belongings<Params, Steps>, 'fallback'>,
  ): this {
    this.#finally.push({ id, type: 'agent', ...options });
    return this;
  }

  /** The run's output; without it null. Text is CEL, anything else JSON with expressions in it. */
  output<Out>(output: Out | ((scope: Scope<Params, Steps>) => Out)): WorkflowBuilder<Params, Steps, Resolved<Out>> {
    this.#output = output;
    return this.#typed();
  }

  /** The JSON that the YAML form would give; not checked beyond what cannot be written. Throws WORKFLOW_INVALID. */
  toSource(): JsonObject {
    const problems: Problem[] = [];
    const steps = (written: readonly WrittenStep[], pointer: string): JsonValue =>
      written.map((step, i) => sourceOfStep(step, `${pointer}[${i}]`, problems));
    const source = {
      name: this.#name,
      ...sourceOfStep(this.#settings, 'workflow', problems),
      ...(this.#params === undefined ? {} : { parameters: sourceOfParams(this.#params, 'params', problems) }),
      ...(this.#output === undefined ? {} : { output: sourceOfOutput(this.#output, 'output', problems) }),
      steps: steps(this.#steps, 'steps'),
      ...(this.#finally.length === 0 ? {} : { finally: steps(this.#finally, 'finally') }),
    };
    refuse(this.#name, problems);
    return source;
  }

  /**
   * The finished workflow. Throws EXPRESSION_NOT_RECORDED when a callback does more than read, and WORKFLOW_INVALID
   * with every problem of the definition.
   */
  build(): Workflow<Params, Output, Steps> {
    const { definition } = readWorkflowValue(this.toSource());
    return freezeDeep({ id: this.#name, name: this.#name, definition });
  }

  #set(key: string, value: unknown): this {
    this.#settings[key] = value;
    return this;
  }

  /** The same builder under the type it has now. Nothing at run time depends on these types. */
  #typed<P, S, O>(): WorkflowBuilder<P, S, O> {
    return this as unknown as WorkflowBuilder<P, S, O>;
  }
}

function refuse(name: string, problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const code = problems.every((problem) => problem.code === 'EXPRESSION_NOT_RECORDED')
    ? first.code
    : 'WORKFLOW_INVALID';
  const facts = problems.map((problem) => `${problem.place?.pointer}: ${problem.message}`).join('; ');
  throw new WorkflowDefinitionError(`cannot build workflow "${name}": ${facts}`, {
    code,
    problems,
    ...(first.next === undefined ? {} : { next: first.next }),
  });
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(freezeDeep);
  return Object.freeze(value);
}
