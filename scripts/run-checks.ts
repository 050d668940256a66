/** The checks of `npm run check`, in order. Each is one line when it passes, and its tool's own words when it fails. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, root, runCommand } from './run-command.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface Check {
  readonly name: string;
  run(): CommandResult;
}

const checks: readonly Check[] = [
  {
    name: 'format and lint',
    run: () => runCommand('biome', ['ci', '--error-on-warnings', '--diagnostic-level=warn', '--colors=off']),
  },
  { name: 'walls between folders', run: () => runCommand(process.execPath, ['scripts/check-walls.ts']) },
  { name: 'types', run: () => runCommand('tsc', ['-p', '.', '--noEmit']) },
  { name: 'protos: lint', run: () => runCommand('buf', ['lint']) },
  { name: 'protos: compatible', run: () => runCommand('buf', ['breaking', '--against', 'proto/released.binpb']) },
  { name: 'generated files', run: () => runCommand(process.execPath, ['scripts/gen.ts', '--check']) },
  { name: 'build', run: () => runCommand(process.execPath, ['scripts/build.ts']) },
  { name: 'package', run: checkPackage },
];

export function runChecks(): Counts {
  const results = checks.map((check) => reportCheck(check.name, check.run()));
  return { passed: results.filter((isGood) => isGood).length, failed: results.filter((isGood) => !isGood).length };
}

function reportCheck(name: string, { status, output }: CommandResult): boolean {
  console.log(status === 0 ? `ok  ${name}` : `x   ${name}\n${output}`);
  return status === 0;
}

/** Packs as `npm publish` would, but without building again, and looks at what users would get. */
function checkPackage(): CommandResult {
  const parent = join(root, '.tmp');
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, 'pack-'));
  try {
    const packed = runCommand('npm', ['pack', '--ignore-scripts', '--pack-destination', work]);
    const [tarball] = readdirSync(work);
    if (packed.status !== 0 || tarball === undefined) return packed;
    return runCommand('publint', ['run', join(work, tarball), '--strict']);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
