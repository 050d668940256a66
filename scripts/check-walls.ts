/**
 * Proves that every wall between the folders bites: each fixture of test/walls/ must be refused by exactly the rule that it
 * names, and each folder of src/ must have a fixture. Runs Biome over a copy, because a fixture counts by its path.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type WallFixture, wallFixtures } from '../test/walls/fixtures.ts';
import { root, runCommand } from './run-command.ts';

/** Folders without a wall: gen is generated, control-plane is walled folder by folder. */
const UNWALLED = new Set(['gen', 'control-plane']);

const faults = [...findStrayFiles(), ...findMissing(), ...findToothless()];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

/** A file between the folders would stand outside of every wall. */
function findStrayFiles(): string[] {
  const entries = readdirSync(join(root, 'src'), { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => `src/${entry.name} belongs into a folder`);
}

function findMissing(): string[] {
  const folders = [...listFolders('src').filter((name) => !UNWALLED.has(name)), ...listFolders('src/control-plane')];
  const paths = wallFixtures.map((fixture) => fixture.path);
  const missing = folders.filter((name) => !paths.some((path) => path.includes(`/${name}/`)));
  return missing.map((name) => `no fixture shows the wall of "${name}": add one to test/walls/fixtures.ts`);
}

function listFolders(parent: string): string[] {
  return readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function findToothless(): string[] {
  const work = mkdtempSync(join(tmpdir(), 'yardmaster-walls-'));
  try {
    writeFixtures(work);
    const lint = ['lint', '--colors=off', '--max-diagnostics=none', '--reporter=json'];
    const found = readDiagnostics(runCommand(join(root, 'node_modules', '.bin', 'biome'), lint, { cwd: work }).stdout);
    return wallFixtures.filter((fixture) => !isRefused(fixture, found)).map(describeFault);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function writeFixtures(work: string): void {
  for (const name of ['biome.json', 'lint']) cpSync(join(root, name), join(work, name), { recursive: true });
  for (const { path, code } of wallFixtures) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), code);
  }
}

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string };
}

function readDiagnostics(stdout: Buffer): readonly Diagnostic[] {
  const report: { readonly diagnostics: readonly Diagnostic[] } = JSON.parse(stdout.toString());
  return report.diagnostics;
}

function isRefused(fixture: WallFixture, found: readonly Diagnostic[]): boolean {
  return found.some(({ category, location }) => location.path === fixture.path && category === fixture.rule);
}

function describeFault({ path, rule, code }: WallFixture): string {
  return `${rule} lets this pass in ${path}: ${code.trim()}`;
}
