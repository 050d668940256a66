/** Every run that ended is interpreted once more, by the reference, and compared. */
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { Answers } from '../answers.ts';
import type { Verdict } from '../failure.ts';
import { fits } from '../reference/compare.ts';
import type { Registered, RunFacts, SeenEnd } from '../reference/facts.ts';
import { type Ends, type Interpretation, interpret } from '../reference/interpreter.ts';
import { outlineOf } from '../reference/outline.ts';
import { completeTries, faultsOfTries, takeUp } from '../reference/run-tries.ts';
import { type TakeOver, takeOverOf } from '../reference/take-over.ts';
import { type Recording, readRun } from './run-facts.ts';

const INVARIANT = 'a run ends as the reference interpreter says';

interface Told {
  readonly tries: readonly RunFacts[];
  readonly taken: TakeOver | undefined;
}

export class ReferenceChecks {
  private readonly definitions = new Map<string, WorkflowDefinition>();
  private readonly data: () => MemoryData;
  private readonly answers: Answers;
  private readonly clockOffMs: () => number;
  private readonly verdict: Verdict;
  /** Ends that were compared, and those of them that had to be just so. */
  readonly count = { ends: 0, exact: 0, open: 0 };

  /** `clockOffMs`: how far the wall clock was off at most. */
  constructor(data: () => MemoryData, answers: Answers, verdict: Verdict, clockOffMs: () => number) {
    this.data = data;
    this.clockOffMs = clockOffMs;
    this.answers = answers;
    this.verdict = verdict;
  }

  know(definition: WorkflowDefinition): void {
    this.definitions.set(definition.name, definition);
  }

  check(runId: string): void {
    const recorded = readRun(runId, this.world());
    const definition = recorded && this.definitions.get(recorded.workflow);
    if (recorded === undefined || definition === undefined) return;
    const { tries, taken } = this.factsOf(runId, definition);
    for (const facts of tries)
      this.checkTry(runId, facts, interpret(definition, facts, facts.try === 1 ? taken : undefined));
    for (const fault of faultsOfTries(definition, tries)) this.verdict.fail(INVARIANT, `${runId}: ${fault}`);
  }

  /** Each try with what it kept, also of the run that this one is another try of; `taken`: what that is. */
  private factsOf(runId: string, definition: WorkflowDefinition): Told {
    const { tries: [first, ...more] = [], retryOf } = readRun(runId, this.world()) ?? {};
    if (first === undefined) return { tries: [], taken: undefined };
    const before = retryOf === undefined ? undefined : this.factsOf(retryOf, definition).tries.at(-1);
    const outline = outlineOf(definition);
    const taken = before && takeOverOf(outline, before);
    const begun = before && taken ? takeUp(outline, taken, before, first) : first;
    return { tries: completeTries(definition, [begun, ...more]), taken };
  }

  private checkTry(runId: string, facts: RunFacts, { steps, run, faults }: Interpretation): void {
    const which = facts.try === 1 ? runId : `${runId} try ${facts.try}`;
    for (const [path, ends] of steps) this.compare(`${which}/${path}`, facts.steps.get(path)?.end, ends);
    this.compare(`run ${which}`, facts.end, run);
    // The ends first: they say more of what is wrong.
    for (const fault of faults) this.verdict.fail(INVARIANT, `${which}/${fault}`);
  }

  private world(): Recording {
    return { data: this.data(), answers: this.answers, registered: this.registered(), clockOffMs: this.clockOffMs() };
  }

  /** Those that a run may find by their names, from when on. */
  private registered(): ReadonlyMap<string, Registered> {
    const rows = [...this.data().workflows.values()].flatMap(([first]) => first ?? []);
    const known = rows.flatMap(({ name, createdAt }): readonly [string, Registered][] => {
      const definition = this.definitions.get(name);
      return definition === undefined ? [] : [[name, { definition, since: createdAt, vagueMs: this.clockOffMs() }]];
    });
    return new Map(known);
  }

  private compare(name: string, seen: SeenEnd | undefined, ends: Ends): void {
    this.count.ends += 1;
    if (ends === undefined) {
      this.count.open += 1;
      return;
    }
    if (ends.length === 1) this.count.exact += 1;
    const isRight = seen !== undefined && ends.some((end) => fits(seen, end));
    this.verdict.check(
      isRight,
      INVARIANT,
      () => `${name} is ${show(seen)}, and must be ${ends.map(show).join(' or ')}`,
    );
  }
}

function show(end: object | undefined): string {
  return JSON.stringify(end)?.slice(0, 300) ?? 'not over';
}
