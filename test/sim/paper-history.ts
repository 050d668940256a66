/** Runs that nobody ran, for tests of the reference interpreter. */
import type { JsonValue } from '../../src/core/json.ts';
import type { StepDefinition } from '../../src/workflow/definition.ts';
import type { AttemptFacts, EndStatus, Moment, Registered, RunFacts, SeenEnd, StepFacts } from './reference/facts.ts';

export const work = (id: string, dependencies: readonly string[] = [], more: object = {}): StepDefinition => ({
  id,
  type: 'agent',
  action: 'work',
  dependencies,
  ...more,
});

/** A run that happened on paper: each word is one decision, a second after the one before. */
export function history(of: Partial<Pick<RunFacts, 'workflow' | 'depth' | 'params'>> = {}): History {
  return new History(of);
}

export class History {
  private position = 0;
  private at = 0;
  private readonly registered = new Map<string, Registered>();
  private readonly facts: RunFacts;

  constructor(of: Partial<RunFacts>) {
    this.facts = {
      runId: 'r',
      workflow: 'W',
      depth: 0,
      registered: this.registered,
      namespace: 'default',
      version: 1,
      params: {},
      startedAt: 0,
      steps: new Map(),
      signals: [],
      cancels: [],
      isPausedOnce: false,
      try: 1,
      isTriedAgain: false,
      cleanupFailures: [],
      ending: undefined,
      end: undefined,
      ...of,
    };
  }

  opened(path: string): this {
    this.step(path).started ??= this.next();
    return this;
  }

  ran(path: string, output: number | object): this {
    return this.attempt(path, 'COMPLETED', { kind: 'completed', output: JSON.parse(JSON.stringify(output)) });
  }

  failed(path: string, code: string): this {
    return this.attempt(path, 'FAILED', { kind: 'failed', code, retryable: true, retryAfterMs: 0 });
  }

  lost(path: string): this {
    return this.attempt(path, 'LOST', undefined);
  }

  ended(path: string, status: EndStatus, more: Partial<SeenEnd> = {}): this {
    this.step(path).end = { ...this.next(), status, ...more };
    return this;
  }

  /** A map opens with this list. */
  mapped(path: string, list: JsonValue): this {
    this.opened(path).step(path).list = list;
    return this;
  }

  /** An item of the map begins, in the decision that came last. */
  item(path: string, number: number): this {
    this.step(path).items.push({ number, started: this.next(0), output: undefined });
    return this;
  }

  /** An iteration of the loop begins. */
  iterated(path: string, number: number): this {
    this.step(path).iterations.push({ number, started: this.next(0), ended: undefined, output: undefined });
    return this;
  }

  /** It starts with this input. */
  given(path: string, input: JsonValue): this {
    this.opened(path).step(path).input = input;
    return this;
  }

  /** As far as it is told: it may be open. */
  left(): RunFacts {
    return this.facts;
  }

  /** This workflow can be run by its name. */
  knows(registered: Registered): this {
    this.registered.set(registered.definition.name, registered);
    return this;
  }

  /** The step waits for this run, which is over when its step ends. */
  child(path: string, run: RunFacts): this {
    this.opened(path);
    this.at = Math.max(this.at, run.end?.at ?? 0);
    this.step(path).child = { runId: run.runId, version: run.version, started: this.next(), run };
    return this;
  }

  cancelled(): this {
    this.facts.cancels.push(this.next());
    return this;
  }

  /** Its end is decided, and what is left of it runs. */
  ending(outcome: EndStatus): this {
    this.facts.ending = { ...this.next(), outcome };
    return this;
  }

  over(outcome: EndStatus, output?: JsonValue): RunFacts {
    const last = [...this.facts.steps.values()].map(({ end }) => end?.at ?? 0);
    this.facts.ending ??= { position: this.next().position, at: Math.max(...last), outcome };
    this.facts.end = { ...this.next(), status: outcome, output };
    return this.facts;
  }

  private attempt(path: string, outcome: string, answer: AttemptFacts['answer']): this {
    this.opened(path);
    const { attempts } = this.step(path);
    const number = attempts.length + 1;
    const started = this.next();
    const code = answer?.kind === 'failed' ? answer.code : undefined;
    attempts.push({
      number,
      agentId: 'ag',
      instanceId: `ag-${number}`,
      started,
      ended: this.next(),
      outcome,
      code,
      answer,
    });
    return this;
  }

  private next(later = 1_000): Moment {
    this.position += 1;
    this.at += later;
    return { position: this.position, at: this.at };
  }

  private step(path: string): StepFacts {
    const known = this.facts.steps.get(path);
    if (known !== undefined) return known;
    const step: StepFacts = {
      path,
      started: undefined,
      input: undefined,
      branch: undefined,
      attempts: [],
      iterations: [],
      list: undefined,
      items: [],
      child: undefined,
      key: undefined,
      signal: undefined,
      fellBack: undefined,
      isTakenOver: false,
      attemptsBefore: 0,
      agentBefore: undefined,
      end: undefined,
    };
    this.facts.steps.set(path, step);
    return step;
  }
}
