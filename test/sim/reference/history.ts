/** Runs on paper, for tests of the reference interpreter by itself. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { AgentStepDefinition } from '../../../src/workflow/definition.ts';
import type { AttemptFacts, End, EndStatus, RunFacts, StepFacts } from './facts.ts';

export const work = (id: string, dependencies: readonly string[] = [], more: object = {}): AgentStepDefinition => ({
  id,
  type: 'agent',
  action: 'work',
  dependencies,
  ...more,
});

/** A run that happened on paper: each word is one decision, a second after the one before. */
export function history(number = 1): History {
  return new History(number);
}

class History {
  private position: number;
  private readonly facts: RunFacts;

  /** Of a try; each comes after the one before. */
  constructor(number: number) {
    this.position = (number - 1) * 1_000;
    this.facts = {
      runId: 'r',
      namespace: 'default',
      version: 1,
      params: {},
      startedAt: 0,
      steps: new Map(),
      signals: [],
      cancels: [],
      isPausedOnce: false,
      workflow: 'W',
      depth: 0,
      registered: new Map(),
      try: number,
      isTriedAgain: false,
      ending: undefined,
      cleanupFailures: [],
      end: undefined,
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

  fellBack(path: string, code: string): this {
    this.step(path).fellBack = { ...this.next(), status: 'FAILED', code };
    return this;
  }

  /** It becomes READY with this input. */
  got(path: string, input: JsonValue): this {
    this.opened(path).step(path).input = input;
    return this;
  }

  iterates(path: string, number: number): this {
    this.step(path).iterations.push({ number, started: this.next(), ended: undefined, output: undefined });
    return this;
  }

  iterated(path: string): this {
    const iteration = this.step(path).iterations.at(-1);
    if (iteration !== undefined) iteration.ended = this.next();
    return this;
  }

  ended(path: string, status: EndStatus): this {
    this.step(path).end = { ...this.next(), status };
    return this;
  }

  /** The end of the run is decided, in the decision of the last end of a step. */
  ending(outcome: EndStatus): this {
    const last = [...this.facts.steps.values()].map(({ end }) => end?.at ?? 0);
    this.facts.ending ??= { position: this.next().position, at: Math.max(...last), outcome };
    return this;
  }

  over(outcome: EndStatus): RunFacts {
    const end: End = { status: outcome };
    this.ending(outcome).facts.end = { ...this.next(), ...end };
    return this.facts;
  }

  triedAgain(): RunFacts {
    const facts = this.over('FAILED');
    facts.isTriedAgain = true;
    return facts;
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

  private next() {
    this.position += 1;
    return { position: this.position, at: this.position * 1_000 };
  }

  private step(path: string): StepFacts {
    const known = this.facts.steps.get(path);
    if (known !== undefined) return known;
    const step: StepFacts = {
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
    this.facts.steps.set(path, step);
    return step;
  }
}
