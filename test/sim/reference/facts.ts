/**
 * What is known of a run that ended: the facts that no rule of the language decides (what handlers answered, who cancelled, what
 * was sent and when), and what the engine made of them. The interpreter goes by the first kind and by times; the second is there to
 * be compared, and to choose where the documents leave a choice.
 */
import type { JsonObject, JsonValue } from '../../../src/core/json.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';

/** A place in the history of a run, and the wall time of its decision in ms. */
export interface Moment {
  readonly position: number;
  readonly at: number;
}

export type EndStatus = 'COMPLETED' | 'FAILED' | 'TIMED_OUT' | 'CANCELLED' | 'SKIPPED';

/** How a step or a run ends. What is undefined is not said. */
export interface End {
  readonly status: EndStatus;
  /** Of a skip. */
  readonly reason?: string | undefined;
  /** Of a failure. */
  readonly code?: string | undefined;
  readonly output?: JsonValue | undefined;
}

export interface SeenEnd extends End, Moment {
  readonly message?: string | undefined;
  readonly details?: JsonObject | undefined;
}

/** What a handler did with an attempt, told by the handler and not by the journal. */
export type Answer =
  | { readonly kind: 'completed'; readonly output: JsonValue }
  | { readonly kind: 'failed'; readonly code: string; readonly retryable: boolean; readonly retryAfterMs: number }
  | { readonly kind: 'handedBack' }
  | { readonly kind: 'stopped' };

export interface AttemptFacts {
  readonly number: number;
  readonly agentId: string;
  readonly instanceId: string;
  readonly started: Moment;
  ended: Moment | undefined;
  /** COMPLETED, FAILED: a result was accepted; TIMED_OUT; anything else is no try. */
  outcome: string | undefined;
  /** Of its failure, as it was recorded. */
  code: string | undefined;
  readonly answer: Answer | undefined;
}

export interface SignalFacts extends Moment {
  readonly number: number;
  readonly name: string;
  readonly payload: JsonValue;
  readonly actor: string | undefined;
}

export interface IterationFacts {
  readonly number: number;
  readonly started: Moment;
  ended: Moment | undefined;
  output: JsonValue | undefined;
}

export interface ItemFacts {
  /** Where it stands in the list, from 0. */
  readonly number: number;
  readonly started: Moment;
  /** With its step, or once what that gives was made of values that had to be read first. */
  ended: Moment | undefined;
  /** What is recorded of it, when that is not what its step gave. */
  output: JsonValue | undefined;
}

/** The run of another workflow that a step waits for; what is known of it, it says itself. */
export interface ChildFacts {
  readonly runId: string;
  readonly version: number;
  /** In the history of the parent. */
  readonly started: Moment;
  /** Undefined: it never began. */
  readonly run: RunFacts | undefined;
}

export interface StepFacts {
  readonly path: string;
  /** It became READY, its block opened, or it began to wait. */
  started: Moment | undefined;
  input: JsonValue | undefined;
  /** Of concurrency. */
  key: string | undefined;
  branch: number | undefined;
  readonly attempts: AttemptFacts[];
  readonly iterations: IterationFacts[];
  /** The list of a map, as it was recorded. */
  list: JsonValue | undefined;
  /** Items of it that began, in the order in which they did. */
  readonly items: ItemFacts[];
  child: ChildFacts | undefined;
  /** Number of the signal that it took. */
  signal: number | undefined;
  /** It failed and called for its fallback, and with which failure. */
  fellBack: SeenEnd | undefined;
  isTakenOver: boolean;
  /** Of an earlier try of the run: it is done, and must not do anything again. */
  readonly isKept?: boolean;
  readonly startsAgain?: boolean;
  /** Of the run that this one is another try of: nothing undoes it any more. */
  readonly isPast?: boolean;
  /** Of a loop or a map that goes on with what ended in it before. */
  readonly goesOn?: GoesOn;
  /** What expressions see of attempts before this try. */
  attemptsBefore: number;
  agentBefore: string | undefined;
  end: SeenEnd | undefined;
}

/** What is kept stands in front of what began in this try. */
export interface GoesOn {
  /** How many of a loop. */
  readonly iterations: number;
  /** The iteration that was cut short, if it goes on: it has steps before it begins again. */
  readonly cut: number | undefined;
  /** Numbers of items. */
  readonly items: ReadonlySet<number>;
  readonly list: readonly JsonValue[] | undefined;
}

/** In this try, or in one before whose iterations or items are kept: the iteration or item of this number. */
export function hasBegun(facts: StepFacts | undefined, number: number): boolean {
  const { iterations = [], items = [] } = facts ?? {};
  return [...iterations, ...items].some((body) => body.number === number);
}

/** Nothing is known of it. */
export function blankStep(path: string): StepFacts {
  return {
    path,
    started: undefined,
    input: undefined,
    key: undefined,
    branch: undefined,
    attempts: [],
    iterations: [],
    list: undefined,
    items: [],
    child: undefined,
    signal: undefined,
    fellBack: undefined,
    isTakenOver: false,
    attemptsBefore: 0,
    agentBefore: undefined,
    end: undefined,
  };
}

/** A workflow that can be run by its name. */
export interface Registered {
  readonly definition: WorkflowDefinition;
  /** Wall time. */
  readonly since: number;
  /** Its clock was set: it may be known so much earlier or later. */
  readonly vagueMs?: number;
}

export interface RunFacts {
  /** Its clock was set meanwhile: its times may be wrong by as much. */
  readonly vagueMs?: number;
  readonly runId: string;
  readonly workflow: string;
  /** In how many child runs it stands, itself included. */
  readonly depth: number;
  readonly namespace: string;
  readonly version: number;
  readonly params: JsonValue;
  /** All workflows, by name. */
  readonly registered: ReadonlyMap<string, Registered>;
  /** Undefined: it never left the queue. */
  startedAt: number | undefined;
  readonly steps: Map<string, StepFacts>;
  readonly signals: SignalFacts[];
  readonly cancels: Moment[];
  isPausedOnce: boolean;
  /** Which try of the run this is, from 1; those before it have facts of their own. */
  readonly try: number;
  /** Another try comes after it. */
  isTriedAgain: boolean;
  /** When its end was decided. */
  ending: (Moment & { readonly outcome: EndStatus; readonly code?: string | undefined }) | undefined;
  /** Codes of what is reported beside the outcome. */
  cleanupFailures: readonly string[];
  end: SeenEnd | undefined;
}
