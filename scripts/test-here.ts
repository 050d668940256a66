/** Unit and integration tests on the Node that runs this file, whatever the repository brings. */
import { runVitest } from './run-vitest.ts';

console.log(`Node ${process.version}`);
const { passed, failed } = runVitest(['unit', 'integration'], process.argv.slice(2));
process.exitCode = failed === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
