/** The suites of test/ci, which take long or need more than Node and npm. Run by `.ci/run`, which installs what they need. */
import { runVitest } from './run-vitest.ts';

const { passed, failed } = runVitest(['ci', 'languages'], process.argv.slice(2));
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
