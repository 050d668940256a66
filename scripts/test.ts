/**
 * `npm test`: the checks, then every test that needs nothing but Node and npm. The last line is `N passed, N failed`; each
 * check counts as one. Words after `npm test --` go to vitest.
 */
import { type Counts, runChecks } from './run-checks.ts';
import { runVitest } from './run-vitest.ts';

const PROJECTS = ['unit', 'contract', 'sim', 'integration', 'seed', 'e2e'];

const counts: readonly Counts[] = [runChecks(), runVitest(PROJECTS, process.argv.slice(2))];
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
