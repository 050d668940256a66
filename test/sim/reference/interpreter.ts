/**
 * A second opinion on what a workflow means: it reads the written definition, the parameters and what happened to a run from
 * outside, and says how every step and the run must have ended. Written from docs/workflows.md alone; it shares the expressions
 * and the form of definitions with the product, and nothing of the engine.
 *
 * It goes by positions: whatever a step depends on, or is stopped by, stands before its own end. So the end of one step is
 * made from the ends of earlier ones only, and those it has made itself. Where the documents leave open what happens (a result
 * in the grace time, two timers at once) it says every end that fits, and goes on from the one that was seen.
 */

import type { JsonValue } from '../../../src/core/json.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { blockEnds, lastOf, naturalOutput } from './blocks.ts';
import { childEnds } from './children.ts';
import { fits, show } from './compare.ts';
import { checkCompensations, isCompensationCalled } from './compensation.ts';
import { anySkip, type Context, isFailed } from './context.ts';
import { Expressions, type Reading, Unknown } from './expressions.ts';
import { type End, hasBegun, type Moment, type RunFacts, type SeenEnd, type StepFacts } from './facts.ts';
import { endsWithFallback } from './fallback.ts';
import { itemAt } from './items.ts';
import { agentEnds, setEnds, signalEnds, waitEnds } from './leaves.ts';
import { mapEnds } from './maps.ts';
import { gateOf, stopOf } from './order.ts';
import { Frame, innermost, type Outline, outlineOf, type Place } from './outline.ts';
import { runEnds } from './run-ends.ts';
import { deal } from './signals.ts';
import type { TakeOver } from './take-over.ts';

/** Undefined: the documents do not say. */
export type Ends = readonly End[] | undefined;

export interface Interpretation {
  /** By path, in the order of the definition. */
  readonly steps: ReadonlyMap<string, Ends>;
  readonly run: Ends;
  /** What happened and must not have, whatever the ends are. */
  readonly faults: readonly string[];
}

export function interpret(definition: WorkflowDefinition, facts: RunFacts, taken?: TakeOver): Interpretation {
  return new Interpreter(definition, facts, taken).interpret();
}

class Interpreter implements Context {
  readonly facts: RunFacts;
  readonly cleanupTimeoutMs: number;
  private readonly definition: WorkflowDefinition;
  private readonly outline: Outline;
  private readonly taken: TakeOver | undefined;
  private readonly root: Frame;
  private readonly expressions: Expressions;
  private readonly frames = new Map<string, Frame>();
  private readonly made = new Map<string, Ends>();
  private readonly faults = new Set<string>();
  private readonly allPlaces: readonly Place[];
  private readonly signals: ReadonlyMap<string, number> | undefined;

  constructor(definition: WorkflowDefinition, facts: RunFacts, taken: TakeOver | undefined) {
    this.definition = definition;
    this.facts = facts;
    this.taken = taken;
    this.cleanupTimeoutMs = definition.cleanupTimeoutMs ?? 300_000;
    this.outline = outlineOf(definition);
    this.root = new Frame([...this.outline.body, ...this.outline.cleanup]);
    const { params, runId, namespace, startedAt, version } = facts;
    this.expressions = new Expressions(this.outline.ids, {
      params,
      run: { id: runId, namespace, startedAt: startedAt ?? 0, try: facts.try },
      workflow: { name: definition.name, version },
      view: (place, fallback) => this.view(place, fallback),
    });
    this.allPlaces = this.places(this.root);
    this.signals = deal(facts, this.allPlaces);
  }

  interpret(): Interpretation {
    const steps = new Map<string, Ends>();
    const places = this.allPlaces;
    // Of a run that never left the queue nothing has an end.
    const isQueued = this.facts.startedAt === undefined;
    for (const place of places) if (!isQueued && this.isOpened(place)) steps.set(place.path, this.endsOf(place));
    const known = new Set(places.map(({ path }) => path));
    for (const path of this.facts.steps.keys()) if (!known.has(path)) this.faults.add(`${path}: there is no such step`);
    if (!isQueued) checkCompensations(this, this.definition, this.outline, this.root);
    const run = runEnds(this, this.definition, this.outline, this.root);
    return { steps, run, faults: [...this.faults] };
  }

  // ---- what the rules ask for

  of({ path }: Place): StepFacts | undefined {
    return this.facts.steps.get(path);
  }

  fault({ path }: Place, text: string): void {
    this.faults.add(`${path}: ${text}`);
  }

  faultOfRun(text: string): void {
    this.faults.add(`: ${text}`);
  }

  hasCome(at: number, due: number): boolean {
    return at + (this.facts.vagueMs ?? 0) >= due;
  }

  endBefore(place: Place, position: number): (End & Moment) | undefined {
    const seen = this.of(place)?.end;
    if (seen === undefined || seen.position >= position) return undefined;
    const end = this.resolve(place, seen);
    return {
      ...seen,
      ...end,
      code: end.code ?? seen.code,
      reason: end.reason ?? seen.reason,
      output: end.output ?? seen.output,
      // That of a step which was taken over stands in another run.
      position: seen.position,
      at: seen.at,
    };
  }

  output(place: Place): JsonValue {
    const { step } = place.node;
    const facts = this.of(place);
    const end = this.endBefore(place, Number.POSITIVE_INFINITY);
    if (end?.output !== undefined) return end.output;
    if (facts === undefined || place.node.lists.length === 0 || step.output !== undefined) throw new Unknown();
    return naturalOutput(this, place, facts);
  }

  read(
    kind: 'cel' | 'template',
    text: JsonValue,
    place: Place,
    spot: Reading['spot'],
    now: number,
    more: Partial<Reading> = {},
  ) {
    const { frame, belongs } = place;
    const iteration = innermost(frame, 'loop');
    const item = innermost(frame, 'map');
    const loop = iteration && { iteration: iteration.number, last: () => this.lastBefore(iteration) };
    const map = item && { index: item.number, item: () => itemAt(this, item.place, item.number) };
    const fallback = belongs?.as === 'fallback' ? place : undefined;
    return this.expressions[kind](text, { spot, frame, now, loop, map, fallback, ...more });
  }

  readOfRun(output: JsonValue, frame: Frame, now: number) {
    return this.expressions.cel(output, { spot: 'runOutput', frame, now });
  }

  all(): readonly Place[] {
    return this.allPlaces;
  }

  body(block: Place, number: number): readonly Place[] {
    return this.bodyFrame(block, number).placesOf(block.node.lists.flat());
  }

  // ---- places

  private bodyFrame(block: Place, number: number): Frame {
    const prefix = `${block.path}/${number}/`;
    const frame = this.frames.get(prefix) ?? new Frame(block.node.lists.flat(), prefix, { place: block, number });
    this.frames.set(prefix, frame);
    return frame;
  }

  /** Everything that exists in the run, iterations and items included. */
  private places(frame: Frame): Place[] {
    return [...frame.places.values()].flatMap((place) => {
      const { iterations = [], items = [], goesOn } = this.of(place) ?? {};
      const numbers = new Set([...iterations, ...items].map(({ number }) => number));
      if (goesOn?.cut !== undefined) numbers.add(goesOn.cut);
      return [place, ...[...numbers].flatMap((number) => this.places(this.bodyFrame(place, number)))];
    });
  }

  private lastBefore({ place, number: iteration }: NonNullable<Frame['body']>): JsonValue {
    const before = this.of(place)?.iterations.find(({ number }) => number === iteration - 1);
    return lastOf(this, place, before);
  }

  private view(place: Place, fallback: Place | undefined) {
    const facts = this.of(place);
    const fellBack = facts?.fellBack;
    const end = fallback?.belongs?.to === place ? fellBack : this.endBefore(place, Number.POSITIVE_INFINITY);
    const attempt = facts?.attempts.at(-1);
    // Of a step that was taken over the failure came with it, also when its fallback completed it.
    const failed = isFailed(end) ? { ...end, message: facts?.end?.message } : undefined;
    const failure = fellBack ?? (facts?.isTakenOver === true ? facts.end : failed);
    const code = failure?.code;
    return {
      status: end?.status ?? 'PENDING',
      // In all tries of the run; in a loop or a map since its iteration or item began.
      attempt: (facts?.attemptsBefore ?? 0) + (facts?.attempts.length ?? 0),
      agent: attempt?.agentId ?? facts?.agentBefore,
      error: code === undefined ? undefined : { code, message: failure?.message ?? '' },
      output: () => (end?.status === 'COMPLETED' ? this.output(place) : undefined),
    };
  }

  /** What is in a block that never opened has no end of its own. */
  private isOpened(place: Place): boolean {
    const { around, frame, belongs } = place;
    if (belongs?.as === 'compensation') return isCompensationCalled(this, place);
    if (belongs !== undefined) return this.of(place) !== undefined || this.of(belongs.to)?.fellBack !== undefined;
    if (around === undefined) return true;
    // An iteration that goes on has steps before it begins again.
    if (frame.body?.place === around)
      return hasBegun(this.of(around), frame.body.number) || this.of(place) !== undefined;
    const block = this.of(around);
    return block?.isTakenOver === true || block?.started !== undefined;
  }

  // ---- steps

  private resolve(place: Place, seen: SeenEnd): End {
    const ends = this.endsOf(place);
    return ends?.find((end) => fits(seen, end)) ?? ends?.[0] ?? seen;
  }

  private endsOf(place: Place): Ends {
    if (this.made.has(place.path)) return this.made.get(place.path);
    // Until it is made: whoever asks in a circle goes by what was seen.
    this.made.set(place.path, undefined);
    let ends: Ends;
    try {
      ends = this.makeEnds(place);
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
    }
    this.made.set(place.path, ends);
    return ends;
  }

  private makeEnds(place: Place): Ends {
    const before = this.taken?.ends.get(place.path);
    const facts = this.of(place);
    if (facts?.startsAgain === true) this.fault(place, 'it starts again, and is done');
    if (facts?.isKept === true) return facts.end && [facts.end];
    if (this.taken?.open.has(place.path) === true) return undefined;
    if ((before !== undefined) !== (facts?.isTakenOver === true))
      this.fault(place, before === undefined ? 'it is taken over' : 'it is not taken over');
    if (before !== undefined) return [before];
    const end = facts?.end;
    if (facts === undefined || end === undefined) return [];
    const own = (seen: SeenEnd): readonly End[] => this.ownEnds(place, { ...facts, end: seen }, seen);
    const { fallback } = place.node;
    return fallback === undefined ? own(end) : endsWithFallback(this, place, fallback, facts, own);
  }

  private ownEnds(place: Place, facts: StepFacts, end: SeenEnd): readonly End[] {
    const started = facts.started ?? end;
    const gate = gateOf(this, place, started);
    if (facts.started === undefined) return this.endsUnstarted(place, facts, end, gate);
    if (gate !== undefined)
      this.fault(place, gate === 'blocked' ? 'it starts too early' : `it starts, and must be ${show(gate)}`);
    for (const moment of [started, ...facts.attempts.map((attempt) => attempt.started)])
      if (stopOf(this, place, moment) === 'yes')
        this.fault(place, `something of it starts at ${moment.position}, when it was stopped`);
    return this.endsStarted(place, facts, end);
  }

  private endsUnstarted(place: Place, facts: StepFacts, end: SeenEnd, gate: ReturnType<typeof gateOf>): readonly End[] {
    const stopped = stopOf(this, place, end) === 'no' ? [] : [anySkip];
    if (gate === 'blocked') return stopped;
    if (gate !== undefined) return [...gate, ...stopped];
    // It had to start, or to fail before it could.
    return [...this.endsStarted(place, facts, end).filter(({ status }) => status === 'FAILED'), ...stopped];
  }

  private endsStarted(place: Place, facts: StepFacts, end: SeenEnd): readonly End[] {
    const { step } = place.node;
    switch (step.type) {
      case 'agent':
        return agentEnds(this, place, step, facts);
      case 'set':
        return setEnds(this, place, step, facts.started?.at ?? end.at);
      case 'wait':
        return waitEnds(this, place, step, facts);
      case 'signal':
        return signalEnds(
          this,
          place,
          step,
          facts,
          this.signals === undefined ? facts.signal : this.signals.get(place.path),
        );
      case 'workflow':
        return childEnds(this, place, step, facts);
      case 'map':
        return mapEnds(this, place, step, facts, end);
      default:
        return blockEnds(this, place, facts, end);
    }
  }
}
