/** The order of test files: those that are known to take minutes first, so that none of them runs alone at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Ends of paths, the longest first. A file that is not here, or no longer is, costs time and nothing else. */
const LONG = [
  'test/ci/sim.test.ts',
  'test/ci/docs.test.ts',
  'test/ci/agent-conformance.test.ts',
  'test/ci/languages/java.test.ts',
  'test/ci/planted.test.ts',
  'test/ci/kill-control-plane.test.ts',
  'test/ci/chaos/windows.test.ts',
  'test/ci/languages/python.test.ts',
  'test/ci/languages/rust.test.ts',
  'test/ci/languages/go.test.ts',
];

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG.findIndex((end) => moduleId.endsWith(end));
  return rank === -1 ? LONG.length : rank;
}
