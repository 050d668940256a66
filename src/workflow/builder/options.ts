/** What the author writes for a step or a block. One shape serves the typed form (callbacks) and the plain form. */
import type { z } from 'zod';
import type { Capability } from '../../core/capability.ts';
import type { JsonObject } from '../../core/json.ts';
import type {
  FailureMode,
  IterationsEnd,
  JsonScalar,
  ParallelPolicy,
  Priority,
  RunOn,
  ScheduleDefinition,
} from '../definition.ts';
import type { Cel, IsUntyped, Recorded, Resolved, Untyped, Value } from './recorded.ts';
import type { AssertScope, OutputScope, Scope } from './scope.ts';

/** A shared constant (typed) or a bare name (untyped). */
export type Action = Capability | string;

/** What the step sends; an action that is only a name takes anything. */
export type InputOf<A> = A extends Capability<infer Input, unknown, unknown, unknown> ? Input : Untyped;

/** What the step answers; an action that is only a name answers anything. */
export type OutputOf<A> = A extends Capability<unknown, infer Output, unknown, unknown> ? Output : Untyped;

/** Marks a step without an `output` of its own. */
export interface Unshaped {
  readonly unshaped: never;
}

/** The output that later steps see: shaped by `output` if the step has one. */
export type Shaped<Result, Out> = [Out] extends [Unshaped] ? Result : Resolved<Out>;

/** Milliseconds, or text: `500ms`, `30s`, `5m`, `1h`, `2d`. */
export type Duration = number | string;

/** When runs start, and with what; parameters are required when the workflow's cannot be `{}`. */
export type ScheduleOptions<Params> = Omit<ScheduleDefinition, 'parameters' | 'catchUpWindowMs'> & {
  /** Ticks that were missed longer ago are not made up for; default 1 day. */
  readonly catchUpWindow?: Duration;
} & (Record<never, never> extends Params ? { readonly parameters?: Params } : { readonly parameters: Params });

/** CEL as text, a `cel` expression, or a callback that answers one. */
export type Condition<S> = string | Cel<boolean> | ((scope: S) => string | Cel<boolean>);

export interface BlockOptions<Params, Steps> {
  readonly name?: string;
  readonly description?: string;
  /** Siblings that must have ended; without it the step follows the one above it. */
  readonly dependencies?: readonly string[];
  /** False skips it. */
  readonly when?: Condition<Scope<Params, Steps>>;
  /** Default success. */
  readonly runOn?: RunOn;
  /** Over all attempts; default: none. */
  readonly totalTimeout?: Duration;
  readonly metadata?: JsonObject;
}

/** What every block may have besides. An agent step says it in types of its own. */
export interface OwnerOptions<Params, Steps> extends BlockOptions<Params, Steps>, Belongings<Params, Steps> {
  /** CEL over `output` and `result`; false fails the block. */
  readonly assert?: Condition<AssertScope<Params, Steps, Untyped>>;
}

/** Steps that belong to a step. Of the step itself they see what it gave only as text: '${{ steps.a.output }}'. */
export interface Belongings<Params, Steps> {
  /** Runs when the step has failed or timed out; when it completes, its output is the step's. */
  readonly fallback?: PlainAttached<Params, Steps>;
  /** Undoes the step when it completed and the run does not. */
  readonly compensate?: PlainAttached<Params, Steps>;
}

export type PlainAttached<Params, Steps> = AttachedAgent<Params, Steps, Action> & {
  readonly parameters?: PlainParameters<Scope<Params, Steps>>;
  readonly output?: unknown;
};

/** An agent step without what its owner decides. */
type AttachedAgent<Params, Steps, A> = { readonly id: string } & Omit<
  AgentOptions<Params, Steps, A>,
  'dependencies' | 'runOn' | 'onFailure'
>;

/**
 * The same, with the types of their actions. `Own`: the step as they see it, whose output has no type there: an `output` beside
 * them, or the fallback, may have made it.
 */
export interface TypedBelongings<Params, Steps, Own, F, C> {
  /** Runs when the step has failed or timed out; when it completes, its output is the step's. */
  readonly fallback?: TypedAttached<Params, Steps & Own, F>;
  /** Undoes the step when it completed and the run does not; sees its output. */
  readonly compensate?: TypedAttached<Params, Steps & Own, C>;
}

type TypedAttached<Params, Steps, A> = AttachedAgent<Params, Steps, A> &
  ParametersOption<Params, Steps, A> & { readonly output?: A extends string ? unknown : never };

export interface AgentOptions<Params, Steps, A> extends BlockOptions<Params, Steps> {
  readonly type?: 'agent';
  readonly action: A;
  /** Only this agent; without it any agent that offers the action. */
  readonly agentId?: string;
  /** semver range; default: `^` the version of the capability constant, if it has one. */
  readonly version?: string;
  /** Labels that the agent must have. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly onFailure?: FailureMode;
  /** Per attempt; default 1 h; 0 is none. */
  readonly timeout?: Duration;
  readonly queueTimeout?: Duration;
  readonly heartbeatTimeout?: Duration;
  /** More tries after the first; default 0. */
  readonly retries?: number;
  readonly retry?: RetryOptions;
  readonly priority?: Priority;
  readonly idempotent?: boolean;
  readonly lossWindow?: Duration;
  /** Of the same key, over all runs, one attempt runs at a time, or as many as `limit` says. */
  readonly concurrencyKey?:
    | Given<Scope<Params, Steps>, string>
    | { readonly key: Given<Scope<Params, Steps>, string>; readonly limit?: number };
  /** CEL over `output` and `result`; false fails the step. */
  readonly assert?: Condition<AssertScope<Params, Steps, OutputOf<A>>>;
}

/** Instead of `retries`. Times are durations. */
export interface RetryOptions {
  /** In all, the first included. */
  readonly tries: number;
  readonly backoff?: Duration;
  readonly factor?: number;
  readonly maxBackoff?: Duration;
  readonly jitter?: boolean;
  readonly nonRetryable?: readonly string[];
  readonly onDifferentAgent?: boolean;
  readonly onAssert?: boolean;
}

/** Literals, or a callback whose recorders stand for values; required when the action's input cannot be `{}`. */
export type ParametersOption<Params, Steps, A> =
  Record<never, never> extends InputOf<A>
    ? { readonly parameters?: Parameters<Params, Steps, A> }
    : { readonly parameters: Parameters<Params, Steps, A> };

type Parameters<Params, Steps, A> =
  IsUntyped<InputOf<A>> extends true
    ? PlainParameters<Scope<Params, Steps>>
    : Value<InputOf<A>> | ((scope: Scope<Params, Steps>) => Value<InputOf<A>>);

/** JSON with `${{ }}` in its text, or a callback. Not `any`, or the callback would not know its scope. */
export type PlainParameters<S> =
  | string
  | readonly unknown[]
  | { readonly [key: string]: unknown }
  | ((scope: S) => unknown);

/** A template over `result`: text is CEL, anything else JSON with expressions in it. */
export interface OutputOption<Params, Steps, Result, Out> {
  readonly output?: Out | ((scope: OutputScope<Params, Steps, Result>) => Out);
}

export type StepOptions<Params, Steps, A, Out> = AgentOptions<Params, Steps, A> &
  ParametersOption<Params, Steps, A> &
  OutputOption<Params, Steps, OutputOf<A>, Out>;

/** A value, a recorder that stands for one, or a callback that answers either. */
export type Given<S, T> = T | Recorded<unknown> | ((scope: S) => T | Recorded<unknown>);

/** Until when: `for` or `until`, and not both. */
export type WaitEnd<Params, Steps> =
  | { readonly for: Given<Scope<Params, Steps>, Duration>; readonly until?: never }
  /** A time such as `2026-12-01T09:00:00Z`; other text is CEL. */
  | { readonly until: Given<Scope<Params, Steps>, string>; readonly for?: never };

export type WaitOptions<Params, Steps> = OwnerOptions<Params, Steps> &
  WaitEnd<Params, Steps> & { readonly onFailure?: FailureMode };

export interface SignalOptions<Params, Steps> extends OwnerOptions<Params, Steps> {
  /** Its name. */
  readonly signal: string;
  /** What somebody is asked; may have `${{ }}` in it. */
  readonly title?: Given<Scope<Params, Steps>, string>;
  /** Actors that may send it; default: anybody. */
  readonly answerers?: readonly string[];
  /** What is sent must fit it: a schema of zod, or a JSON Schema. Default: anything. */
  readonly form?: z.ZodType | JsonObject;
  /** Default: for ever. */
  readonly timeout?: Duration;
  /** The payload when the timeout is over; without it the step ends TIMED_OUT then. */
  readonly default?: unknown;
  readonly onFailure?: FailureMode;
}

/** What a `signal` step gives. */
export interface SignalOutput {
  readonly payload: Untyped;
  /** Who sent it; null: nobody in particular, or nobody at all. */
  readonly actor: string | null;
  /** True when nobody did, and the payload is the default. */
  readonly timedOut: boolean;
}

export interface ParallelOptions<Params, Steps, Children> extends OwnerOptions<Params, Steps> {
  readonly steps: Children;
  /** Children at once; default: all. */
  readonly concurrency?: number;
  /** Default waitAll. */
  readonly onFailure?: ParallelPolicy;
  /** Instead of `onFailure`: done when so many children completed; the rest is stopped. */
  readonly quorum?: number;
}

export interface SequentialOptions<Params, Steps, Children> extends OwnerOptions<Params, Steps> {
  readonly steps: Children;
  readonly onFailure?: FailureMode;
}

export interface ConditionOptions<Params, Steps, Then, Else> extends OwnerOptions<Params, Steps> {
  /** Read once, when the block starts. */
  readonly if: Condition<Scope<Params, Steps>>;
  /** Runs when it is true. */
  readonly then?: Then;
  /** Runs when it is false. */
  readonly else?: Else;
  readonly onFailure?: FailureMode;
}

export interface SwitchOptions<Params, Steps, Cases, Default> extends OwnerOptions<Params, Steps> {
  /** Read once, when the block starts. */
  readonly switch: Subject<Scope<Params, Steps>>;
  /** The steps of the first that equals it run. */
  readonly cases: Cases;
  /** Runs when no case does. */
  readonly default?: Default;
  readonly onFailure?: FailureMode;
}

/** CEL as text, a `cel` expression, or a callback that answers a recorder or an expression. */
export type Subject<S> = string | Cel<JsonScalar> | ((scope: S) => string | Recorded<JsonScalar>);

export interface SetOptions<Params, Steps, V> extends Omit<OwnerOptions<Params, Steps>, 'totalTimeout'> {
  /** The output: an expression, a callback, or JSON with `${{ }}` in its text (whose type is not known). */
  readonly set: Cel<V> | PlainValue | ((scope: Scope<Params, Steps>) => V);
  readonly onFailure?: FailureMode;
}

type PlainValue = string | number | boolean | null | readonly unknown[] | { readonly [key: string]: unknown };

/** One of `while` and `until`. */
export interface LoopOptions<Params, Steps, Children> extends OwnerOptions<Params, Steps> {
  /** Asked before each iteration; false ends the loop. */
  readonly while?: Condition<Scope<Params, Steps>>;
  /** Asked after each iteration; true ends the loop. */
  readonly until?: Condition<Scope<Params, Steps>>;
  /** The steps of one iteration, one after the other. */
  readonly body: Children;
  /** The most that it runs. */
  readonly maxIterations: number;
  /** When it would go on beyond them; default fail. */
  readonly onMaxIterations?: IterationsEnd;
  /** Between one iteration and the next; default: none. */
  readonly delay?: Duration;
  readonly onFailure?: FailureMode;
}

export interface MapOptions<Params, Steps, Child> extends OwnerOptions<Params, Steps> {
  /** Text is CEL, anything else a list with expressions in it. */
  readonly items: string | readonly unknown[] | Recorded<unknown> | ((scope: Scope<Params, Steps>) => unknown);
  /** What is done with each item; its callbacks see `item` and `index`. */
  readonly step: Child;
  /** Items at once; default 100. */
  readonly concurrency?: number;
  /** Default waitAll. */
  readonly onFailure?: ParallelPolicy;
  /** Instead of `onFailure`: done when so many items completed; the rest is stopped. */
  readonly quorum?: number;
}
