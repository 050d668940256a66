/** Runs that nobody ran, for tests of the reference interpreter. */
import type { JsonValue } from '../../src/core/json.ts';
import type { AgentStepDefinition } from '../../src/workflow/definition.ts';
import {
  type AttemptFacts,
  blankStep,
  type EndStatus,
  type Moment,
  type Registered,
  type RunFacts,
  type SeenEnd,
  type StepFacts,
} from './reference/facts.ts';

export const work = (id: string, dependencies: readonly string[] = [], more: object = {}): AgentStepDefinition => ({
  id,
  type: 'agent',
  action: 'work',
  dependencies,
  ...more,
});

/** A run that happened on paper: each word is one decision, a second after the one before. A try comes after those before it. */
export function history(of: Partial<Pick<RunFacts, 'workflow' | 'depth' | 'params' | 'try'>> = {}): History {
  return new History(of);
}

export class History {
  private position: number;
  private at: number;
  private readonly registered = new Map<string, Registered>();
  private readonly facts: RunFacts;

  constructor(of: Partial<RunFacts>) {
    this.position = ((of.try ?? 1) - 1) * 1_000;
    this.at = this.position * 1_000;
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

  /** It fails and calls for its fallback. */
  fellBack(path: string, code: string): this {
    this.step(path).fellBack = { ...this.next(), status: 'FAILED', code };
    return this;
  }

  ended(path: string, status: EndStatus, more: Partial<SeenEnd> = {}): this {
    const end = { ...this.next(), status, ...more };
    this.step(path).end = end;
    const [, owner = '', number] = /^(.*)\/(\d+)\/[^/]*$/.exec(path) ?? [];
    const item = this.facts.steps.get(owner)?.items.find((one) => one.number === Number(number));
    if (item !== undefined) item.ended = end;
    return this;
  }

  /** A map opens with this list. */
  mapped(path: string, list: JsonValue): this {
    this.opened(path).step(path).list = list;
    return this;
  }

  /** An item of the map begins, in the decision that came last. */
  item(path: string, number: number): this {
    this.step(path).items.push({ number, started: this.next(0), ended: undefined, output: undefined });
    return this;
  }

  /** The item ends in a decision after the one that ended its step. */
  itemEnded(path: string, number: number): this {
    const item = this.step(path).items.find((one) => one.number === number);
    if (item !== undefined) item.ended = this.next();
    return this;
  }

  /** An iteration of the loop begins, in the decision that came last. */
  iterates(path: string, number: number): this {
    this.step(path).iterations.push({ number, started: this.next(0), ended: undefined, output: undefined });
    return this;
  }

  /** And ends. */
  iterated(path: string): this {
    const iteration = this.step(path).iterations.at(-1);
    if (iteration !== undefined) iteration.ended = this.next();
    return this;
  }

  /** It was over when the run began. */
  takenOver(path: string, output: JsonValue): this {
    Object.assign(this.step(path), { isTakenOver: true, end: { ...this.next(0), status: 'COMPLETED', output } });
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

  /** Its end is decided, and what is left of it runs: in the decision of the last end of a step, unless somebody else ends it. */
  ending(outcome: EndStatus): this {
    const { position, at } = this.next();
    const isOwn = outcome === 'COMPLETED' || outcome === 'FAILED';
    const last = [...this.facts.steps.values()].map(({ end }) => end?.at ?? 0);
    this.facts.ending ??= { position, at: isOwn ? Math.max(0, ...last) : at, outcome };
    return this;
  }

  over(outcome: EndStatus, output?: JsonValue): RunFacts {
    this.ending(outcome);
    this.facts.end = { ...this.next(), status: outcome, output };
    return this.facts;
  }

  /** It failed, and another try comes after it. */
  triedAgain(): RunFacts {
    this.facts.isTriedAgain = true;
    return this.over('FAILED');
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
    const step = blankStep(path);
    this.facts.steps.set(path, step);
    return step;
  }
}
