/** Every run that ended is interpreted once more, by the reference, and compared. */
import type { MemoryData } from '../../../src/control-plane/store/memory/memory-data.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { Answers } from '../answers.ts';
import type { Verdict } from '../failure.ts';
import { fits } from '../reference/compare.ts';
import type { Registered, SeenEnd } from '../reference/facts.ts';
import { type Ends, interpret } from '../reference/interpreter.ts';
import { isJudged } from '../reference/judged.ts';
import { outlineOf } from '../reference/outline.ts';
import { takeOverOf } from '../reference/take-over.ts';
import { readRun } from './run-facts.ts';

const INVARIANT = 'a run ends as the reference interpreter says';

export class ReferenceChecks {
  private readonly definitions = new Map<string, WorkflowDefinition>();
  private readonly data: () => MemoryData;
  private readonly answers: Answers;
  private readonly verdict: Verdict;
  /** Ends that were compared, and those of them that had to be just so. */
  readonly count = { ends: 0, exact: 0, open: 0 };

  constructor(data: () => MemoryData, answers: Answers, verdict: Verdict) {
    this.data = data;
    this.answers = answers;
    this.verdict = verdict;
  }

  know(definition: WorkflowDefinition): void {
    this.definitions.set(definition.name, definition);
  }

  check(runId: string): void {
    const world = { data: this.data(), answers: this.answers, registered: this.registered() };
    const recorded = readRun(runId, world);
    const definition = recorded && this.definitions.get(recorded.workflow);
    if (recorded === undefined || definition === undefined || !isJudged(definition)) return;
    const { facts, retryOf } = recorded;
    const before = retryOf === undefined ? undefined : readRun(retryOf, world)?.facts;
    const { steps, run, faults } = interpret(definition, facts, before && takeOverOf(outlineOf(definition), before));
    for (const [path, ends] of steps) this.compare(`${runId}/${path}`, facts.steps.get(path)?.end, ends);
    this.compare(`run ${runId}`, facts.end, run);
    // The ends first: they say more of what is wrong.
    for (const fault of faults) this.verdict.fail(INVARIANT, `${runId}/${fault}`);
  }

  /** Those that a run may find by their names, from when on. */
  private registered(): ReadonlyMap<string, Registered> {
    const rows = [...this.data().workflows.values()].flatMap(([first]) => first ?? []);
    const known = rows.flatMap(({ name, createdAt }): readonly [string, Registered][] => {
      const definition = this.definitions.get(name);
      return definition === undefined ? [] : [[name, { definition, since: createdAt }]];
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
