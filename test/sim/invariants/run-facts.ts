/** From the journal of a run that ended to the facts that the reference interpreter goes by. */
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { decodeEvents } from '../../../src/control-plane/store/codec/decode.ts';
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import type { StoredValue } from '../../../src/core/stored-value.ts';
import { decodeValue } from '../../../src/core/value.ts';
import type { Answers } from '../answers.ts';
import { type AttemptFacts, blankStep, type Moment, type RunFacts, type StepFacts } from '../reference/facts.ts';

type Created = Extract<RunEvent, { type: 'RunCreated' }>;

/** Where it stands what happened. */
export interface Recording {
  readonly data: MemoryData;
  readonly answers: Answers;
  readonly registered: RunFacts['registered'];
  /** How far the wall clock was off at most. */
  readonly clockOffMs: number;
}

export interface Recorded {
  readonly workflow: string;
  readonly retryOf: string | undefined;
  /** The tries of the run, each with what happened in it alone. */
  readonly tries: readonly RunFacts[];
}

/** Undefined: there is no journal of this run. */
export function readRun(runId: string, world: Recording): Recorded | undefined {
  const { data } = world;
  const rows = [...(data.journals.get(runId) ?? [])].sort(([left], [right]) => left - right);
  const events = rows.flatMap(([, bytes]) => decodeEvents(bytes));
  const [created] = events;
  if (created?.type !== 'RunCreated') return undefined;
  const recorder = new Recorder(created, world);
  for (const [position, event] of events.entries()) recorder.take(position, event);
  return { workflow: created.workflow, retryOf: created.retryOf, tries: [...recorder.before, recorder.facts] };
}

class Recorder {
  /** Of the try that is read. */
  facts: RunFacts;
  readonly before: RunFacts[] = [];
  private readonly world: Recording;
  private readonly runId: string;

  constructor(created: Created, world: Recording) {
    this.world = world;
    const { runId, namespace, workflow, version, params, parent } = created;
    this.runId = runId;
    this.facts = {
      runId,
      workflow,
      depth: parent?.depth ?? 0,
      registered: world.registered,
      vagueMs: world.clockOffMs * 2,
      namespace,
      version,
      params: this.value(params) ?? null,
      startedAt: undefined,
      steps: new Map(),
      signals: [],
      cancels: [],
      isPausedOnce: false,
      try: 1,
      isTriedAgain: false,
      ending: undefined,
      cleanupFailures: [],
      end: undefined,
    };
  }

  take(position: number, event: RunEvent): void {
    const { facts } = this;
    const moment = { position, at: event.at };
    switch (event.type) {
      case 'RunCreated':
        return;
      case 'RunStarted':
        facts.startedAt = event.at;
        return;
      case 'CancelRequested':
        facts.cancels.push(moment);
        return;
      case 'RunPaused':
        facts.isPausedOnce = true;
        return;
      case 'RunResumed':
      case 'RunTryScheduled':
      case 'RunTryDropped':
        return;
      case 'RunTryStarted':
        this.nextTry(moment);
        return;
      case 'SignalReceived': {
        const { name, number, actor } = event;
        facts.signals.push({ ...moment, name, number, actor, payload: this.value(event.payload) ?? null });
        return;
      }
      case 'RunEnding':
        facts.ending = { ...moment, outcome: event.outcome, code: event.failure?.code };
        return;
      case 'RunEnded':
        facts.ending ??= { ...moment, outcome: event.status };
        facts.cleanupFailures = (event.cleanupFailures ?? []).map(({ code }) => code);
        facts.end ??= {
          ...moment,
          status: event.status,
          code: event.failure?.code,
          output: event.status === 'COMPLETED' ? (this.value(event.output) ?? null) : undefined,
        };
        return;
      // Of an attempt of a try before, perhaps.
      case 'StopConfirmed':
      case 'LateResult':
        return;
      default:
        this.takeStep(this.step(event.path), moment, event);
    }
  }

  private nextTry(moment: Moment): void {
    const { facts } = this;
    const taken = new Set([...facts.steps.values()].map(({ signal }) => signal));
    this.before.push(facts);
    this.facts = {
      ...facts,
      steps: new Map(),
      signals: facts.signals.filter(({ number }) => !taken.has(number)),
      cancels: [],
      ending: undefined,
      end: undefined,
      try: facts.try + 1,
    };
    facts.isTriedAgain = true;
    facts.end = { ...moment, status: facts.ending?.outcome ?? 'COMPLETED', code: facts.ending?.code };
  }

  private takeStep(step: StepFacts, moment: Moment, event: Extract<RunEvent, { readonly path: string }>): void {
    switch (event.type) {
      case 'StepTakenOver':
        Object.assign(step, {
          isTakenOver: true,
          attemptsBefore: event.number,
          agentBefore: event.agentId,
          end: { ...moment, ...endOf(event), output: this.value(event.output) },
        });
        return;
      case 'StepReady':
        step.started = moment;
        step.input = this.value(event.input);
        step.key = event.key;
        return;
      case 'BlockStarted':
        step.started = moment;
        step.branch = event.branch;
        step.list = this.value(event.items?.list);
        return;
      case 'StepWaiting':
        step.started = moment;
        step.input = this.value(event.input);
        return;
      case 'ChildStarted':
        step.child = { ...event, started: moment, run: readRun(event.runId, this.world)?.tries.at(-1) };
        return;
      case 'BodyStarted':
        if (step.list !== undefined)
          step.items.push({ number: event.number, started: moment, ended: undefined, output: undefined });
        else step.iterations.push({ number: event.number, started: moment, ended: undefined, output: undefined });
        return;
      case 'BodyEnded': {
        const item = step.items.find(({ number }) => number === event.number);
        if (item !== undefined) Object.assign(item, { ended: moment, output: this.value(event.output) });
        const iteration = step.iterations.at(-1);
        if (iteration !== undefined) Object.assign(iteration, { ended: moment, output: this.value(event.output) });
        return;
      }
      case 'SignalTaken':
        step.signal = event.number;
        return;
      case 'AttemptStarted':
        step.attempts.push(this.attempt(step.path, moment, event));
        return;
      case 'AttemptEnded': {
        const attempt = step.attempts.find(({ number }) => number === event.number);
        const { outcome, failure } = event;
        if (attempt !== undefined) Object.assign(attempt, { ended: moment, outcome, code: failure?.code });
        return;
      }
      case 'StepCompleted':
        step.end ??= { ...moment, status: 'COMPLETED', output: this.value(event.output) };
        return;
      case 'StepFellBack':
        step.fellBack = { ...moment, ...endOf(event) };
        return;
      case 'StepFailed':
      case 'StepSkipped':
        step.end ??= { ...moment, ...endOf(event) };
        return;
      case 'StepCancelled':
        step.end ??= { ...moment, status: 'CANCELLED' };
        return;
      case 'StepQueued':
      case 'StepStopping':
      case 'AttemptUnreachable':
      case 'AttemptReturned':
      case 'RetryScheduled':
      case 'BodiesTakenOver':
      case 'LateResult':
        return;
    }
  }

  private attempt(
    path: string,
    started: Moment,
    { number, agentId, instanceId }: Extract<RunEvent, { type: 'AttemptStarted' }>,
  ): AttemptFacts {
    const answer = this.world.answers.of(`${this.facts.runId}/${path}#${number}`);
    return { number, agentId, instanceId, started, answer, ended: undefined, outcome: undefined, code: undefined };
  }

  private step(path: string): StepFacts {
    const known = this.facts.steps.get(path);
    if (known !== undefined) return known;
    const step = blankStep(path);
    this.facts.steps.set(path, step);
    return step;
  }

  private value(stored: StoredValue | undefined): JsonValue | undefined {
    if (stored === undefined) return undefined;
    if (stored.kind === 'inline') return decodeValue(stored.bytes);
    return decodeValue(Buffer.concat(this.world.data.blobs.get(this.runId)?.get(stored.blobId) ?? []));
  }
}

function endOf(event: Extract<RunEvent, { type: 'StepTakenOver' | 'StepFailed' | 'StepFellBack' | 'StepSkipped' }>) {
  const status = event.type === 'StepSkipped' ? ('SKIPPED' as const) : event.status;
  const reason = event.type === 'StepFailed' || event.type === 'StepFellBack' ? undefined : event.reason;
  const failure = event.type === 'StepSkipped' ? undefined : event.failure;
  return { status, reason, code: failure?.code, message: failure?.message, details: failure?.details };
}
