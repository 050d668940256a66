import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongFirst } from './scripts/long-first.ts';

/** The package's own name leads to its sources, as the `source` condition does for tsc. */
const ENTRIES: Readonly<Record<string, string>> = {
  'yardmaster/agent-sdk': 'agent-sdk',
  'yardmaster/client': 'client',
  'yardmaster/control-plane': 'control-plane',
  'yardmaster/testing': 'testing',
  yardmaster: 'embedded',
};

const alias = Object.entries(ENTRIES).map(([name, folder]) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(`./src/${folder}/index.ts`, import.meta.url)),
}));

interface Pace {
  /** For a machine that is busy with other things; a test that hangs is found all the same. */
  readonly timeoutMs: number;
  /** Groups run one after the other. */
  readonly group: number;
  /** At the same time. */
  readonly workers?: number;
  /** Some tests do, so each file has modules of its own. Otherwise a worker loads each once: half of the time of unit tests was loading. */
  readonly replacesModules?: boolean;
  /** Files, where the project is not a folder of `test`. */
  readonly include?: string;
  readonly exclude?: string;
  /** What is built once, before its tests. */
  readonly build?: string;
}

function project(
  name: string,
  { timeoutMs, group, workers = 2, replacesModules = true, include, exclude, build }: Pace,
): TestProjectInlineConfiguration {
  return {
    resolve: { alias },
    test: {
      name,
      isolate: replacesModules,
      include: [include ?? `test/${name}/**/*.test.ts`],
      exclude: exclude === undefined ? [] : [exclude],
      globalSetup: build === undefined ? [] : [build],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      maxWorkers: workers,
      expect: { poll: { timeout: timeoutMs / 2 } },
      sequence: { groupOrder: group },
    },
  };
}

const LANGUAGES = 'test/ci/languages/*.test.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      project('unit', { timeoutMs: 60_000, group: 0, replacesModules: false }),
      project('contract', { timeoutMs: 60_000, group: 0, replacesModules: false }),
      project('sim', { timeoutMs: 300_000, group: 0, replacesModules: false }),
      // Processes and sockets: after the rest, so that nothing else takes their processor time.
      project('integration', { timeoutMs: 120_000, group: 1 }),
      // The examples of the document that this API comes from; some start a control plane.
      project('seed', { timeoutMs: 120_000, group: 1 }),
      project('e2e', { timeoutMs: 300_000, group: 2 }),
      // Slow suites and suites that need more than npm, only in .ci/run. Much of it waits for other processes.
      project('ci', { timeoutMs: 1_800_000, group: 3, workers: 3, exclude: LANGUAGES }),
      project('languages', {
        timeoutMs: 1_800_000,
        group: 3,
        workers: 3,
        include: LANGUAGES,
        build: 'test/ci/languages/build.ts',
      }),
    ],
  },
});
