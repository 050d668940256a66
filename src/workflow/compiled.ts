/**
 * A definition made ready to run: nodes in one array (pre-order, the body first, then `finally`), edges as slots,
 * expressions parsed once. A slot counts the nodes outside of every body, or those of one body: edges never cross it. Immutable and shared by every run of that version.
 */
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { SecretMark } from '../core/secret-mark.ts';
import type {
  AttachedKind,
  ConcurrencyOverflow,
  FailureMode,
  IterationsEnd,
  ParallelPolicy,
  Priority,
  RunOn,
} from './definition.ts';

export interface CompiledWorkflow {
  readonly name: string;
  readonly version: number;
  /** JSON Schema of the parameters; undefined: anything. */
  readonly parameters: JsonObject | undefined;
  readonly timeoutMs: number | undefined;
  /** Of the run, the first included. */
  readonly tries: number;
  /** Undefined: any number of its runs at once. */
  readonly concurrency: WorkflowConcurrency | undefined;
  readonly cleanupTimeoutMs: number;
  readonly priority: Priority;
  readonly labels: Readonly<Record<string, string>>;
  readonly secrets: SecretScope;
  readonly output: Template | undefined;
  readonly nodes: readonly CompiledNode[];
  /** Slots of the top-level nodes of the body, and of `finally`. */
  readonly roots: readonly number[];
  readonly finallyRoots: readonly number[];
  readonly indexById: ReadonlyMap<string, number>;
  /** Who may send each signal that a step waits for, by its name; empty: anybody. */
  readonly signals: ReadonlyMap<string, readonly string[]>;
  /** What is sent with a signal must fit it; of those that have a form, by name. */
  readonly forms: ReadonlyMap<string, JsonObject>;
  /** The nodes outside of every body: what a run begins with. */
  readonly rootNodes: readonly CompiledNode[];
}

/** How many runs may be active at once, and what becomes of one more. */
export interface WorkflowConcurrency {
  readonly limit: number;
  readonly overflow: ConcurrencyOverflow;
}

/** Which references to secrets a workflow may resolve, and where runs may bring their own. */
export interface SecretScope {
  readonly names: ReadonlySet<string>;
  /** Run parameters whose schema says `secret: true`, each by its keys. */
  readonly parameters: readonly (readonly string[])[];
}

export type CompiledNode =
  | CompiledAgentNode
  | CompiledSetNode
  | CompiledWaitNode
  | CompiledSignalNode
  | CompiledChildNode
  | CompiledBlockNode;

/** Nodes with nodes inside. */
export type CompiledBlockNode =
  | CompiledParallelNode
  | CompiledSequentialNode
  | CompiledConditionNode
  | CompiledLoopNode
  | CompiledMapNode;

export interface CompiledNodeCommon {
  /** Among all nodes: what expressions read by. */
  readonly index: number;
  /** Index of the loop or the map in whose body it stands; -1 outside. */
  readonly owner: number;
  /** Among the nodes of that body, or outside: what edges count by. */
  readonly slot: number;
  readonly id: string;
  /** Slot of the enclosing block; -1 at the top of the workflow, of `finally` and of a body. */
  readonly parent: number;
  /** True for `finally` steps and everything inside them, and for compensations. */
  readonly isCleanup: boolean;
  readonly dependencies: readonly number[];
  /** The nodes that name this one in their dependencies. */
  readonly dependents: readonly number[];
  readonly when: Expression | undefined;
  readonly runOn: RunOn;
  readonly totalTimeoutMs: number | undefined;
  readonly output: Template | undefined;
  readonly assert: Expression | undefined;
  /** Slots, beside this node, of the steps that belong to it. */
  readonly fallback: number | undefined;
  readonly compensate: number | undefined;
  /** Of such a step: what it is, and the slot of the step that it belongs to. It is nobody's child, and no edge names it. */
  readonly attached: Attached | undefined;
}

export interface Attached {
  readonly kind: AttachedKind;
  readonly owner: number;
}

export interface CompiledAgentNode extends CompiledNodeCommon {
  readonly kind: 'agent';
  readonly action: string;
  readonly agentId: string | undefined;
  readonly version: string | undefined;
  readonly agentLabels: Readonly<Record<string, string>>;
  readonly parameters: Template | undefined;
  readonly onFailure: FailureMode;
  /** 0 means none; undefined leaves it to the capability of the instance, and then to `times.stepTimeoutMs`. */
  readonly timeoutMs: number | undefined;
  readonly queueTimeoutMs: number | undefined;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly retry: CompiledRetry;
  readonly priority: Priority | undefined;
  /** The step's own word; undefined leaves it to the capability of the instance that gets it. */
  readonly idempotent: boolean | undefined;
  readonly lossWindowMs: number | undefined;
  readonly concurrencyKey: { readonly template: Template; readonly limit: number } | undefined;
  readonly metadata: JsonObject | undefined;
}

export interface CompiledRetry {
  readonly tries: number;
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxBackoffMs: number;
  readonly jitter: boolean;
  readonly nonRetryable: readonly string[];
  readonly onDifferentAgent: boolean;
  readonly onAssert: boolean;
}

/** How many children run at once, and what their failures mean. */
export interface CompiledPolicy {
  readonly concurrency: number;
  readonly onFailure: ParallelPolicy;
  /** Children that must complete; the failures of others do not count then. */
  readonly quorum: number | undefined;
}

export interface CompiledParallelNode extends CompiledNodeCommon, CompiledPolicy {
  readonly kind: 'parallel';
  readonly children: readonly number[];
}

export interface CompiledSequentialNode extends CompiledNodeCommon {
  readonly kind: 'sequential';
  readonly children: readonly number[];
  readonly onFailure: FailureMode;
}

/** What `condition` and `switch` become: one of the branches runs. */
export interface CompiledConditionNode extends CompiledNodeCommon {
  readonly kind: 'condition';
  /** Of all branches. */
  readonly children: readonly number[];
  /** At least two. The last one is what runs otherwise, and may be empty. */
  readonly branches: readonly (readonly number[])[];
  readonly choice: Choice;
  readonly onFailure: FailureMode;
}

export interface Choice {
  readonly reads: Reads;
  /** The index of the branch. Throws what an expression throws. */
  choose(scope: Scope): number;
}

/** A value that the control plane computes itself. */
export interface CompiledSetNode extends CompiledNodeCommon {
  readonly kind: 'set';
  readonly value: Template;
  readonly onFailure: FailureMode;
}

/** Ends when so much time has gone by, or at a time. */
export interface CompiledWaitNode extends CompiledNodeCommon {
  readonly kind: 'wait';
  readonly end: { readonly kind: 'for' | 'until'; readonly template: Template };
  readonly onFailure: FailureMode;
}

/** Ends with the next signal of its name. */
export interface CompiledSignalNode extends CompiledNodeCommon {
  readonly kind: 'signal';
  readonly signal: string;
  readonly title: Template | undefined;
  readonly answerers: readonly string[];
  readonly form: JsonObject | undefined;
  readonly timeoutMs: number | undefined;
  /** The payload when the timeout is over; undefined: the step ends TIMED_OUT then. */
  readonly default: Template | undefined;
  readonly onFailure: FailureMode;
}

/** Ends when its child run does: a run of another workflow. */
export interface CompiledChildNode extends CompiledNodeCommon {
  readonly kind: 'workflow';
  readonly workflow: string;
  /** 0: the latest when the step starts. */
  readonly version: number;
  readonly parameters: Template | undefined;
  readonly onFailure: FailureMode;
}

export interface CompiledLoopNode extends CompiledNodeCommon {
  readonly kind: 'loop';
  readonly while: Expression | undefined;
  readonly until: Expression | undefined;
  /** The nodes of one iteration, without those of bodies inside it. */
  readonly body: readonly CompiledNode[];
  /** Slots in the body of its top-level nodes. */
  readonly children: readonly number[];
  readonly maxIterations: number;
  readonly onMaxIterations: IterationsEnd;
  /** 0: none. */
  readonly delayMs: number;
  readonly onFailure: FailureMode;
}

/** The children that its policy speaks of are the items. */
export interface CompiledMapNode extends CompiledNodeCommon, CompiledPolicy {
  readonly kind: 'map';
  readonly items: Template;
  /** The nodes of one item, without those of bodies inside it. */
  readonly body: readonly CompiledNode[];
  /** Slot in the body of its one top-level node. */
  readonly children: readonly number[];
}

/**
 * What an expression may look at, named before it is evaluated so that stored values can be loaded first. Over-approximated.
 */
export interface Reads {
  /** Indices of the nodes whose `output` may be read. */
  readonly outputs: readonly number[];
  readonly params: boolean;
  /** The output of a loop's last body. */
  readonly last: boolean;
  /** The item of a map. */
  readonly item: boolean;
  /** What the step gave before its own `output` shaped it; absent: not read. */
  readonly result?: true;
}

/** A CEL expression, planned once. */
export interface Expression {
  readonly source: string;
  readonly reads: Reads;
  /** Throws YardmasterError BAD_EXPRESSION, MISSING_DATA or LIMIT. */
  evaluate(scope: Scope): JsonValue;
}

/** A JSON value with expressions in it. */
export interface Template {
  readonly reads: Reads;
  /**
   * Set when the whole template is exactly one stored value (`${{ steps.a.output }}`, `${{ params }}`): its reference is passed on
   * without being decoded.
   */
  readonly passThrough:
    | { readonly kind: 'output'; readonly node: number }
    | { readonly kind: 'params' }
    | { readonly kind: 'last' }
    | { readonly kind: 'item' }
    | undefined;
  /** The value when there is no expression in it at all. */
  readonly constant: JsonValue | undefined;
  evaluate(scope: Scope): JsonValue;
  /** Only where references to secrets can stand: the value shows them, the marks say which of them are meant. */
  readonly evaluateMarked?: (scope: Scope) => { readonly value: JsonValue; readonly marks: readonly SecretMark[] };
}

/** What the engine lends an expression. The functions decode on demand; they may be called more than once. */
export interface Scope {
  params(): JsonValue;
  step(node: number): StepView;
  /** Milliseconds since the epoch; one value per decision. */
  readonly now: number;
  readonly run: { readonly id: string; readonly namespace: string; readonly startedAt: number; readonly try: number };
  readonly workflow: { readonly name: string; readonly version: number };
  /** Only in a loop. `last()` is null in the first iteration. */
  readonly loop?: { readonly iteration: number; last(): JsonValue };
  /** Only in a map. */
  readonly map?: { readonly index: number; item(): JsonValue };
  /** Only in a step's `output` and `assert`. */
  readonly result?: JsonValue;
  /** Only in `assert`. */
  readonly output?: JsonValue;
}

export interface StepView {
  readonly status: string;
  readonly attempt: number;
  readonly agent: string | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** Undefined when the step has no output (it did not complete, or was skipped). */
  output(): JsonValue | undefined;
}
