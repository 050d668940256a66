import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const page = readFileSync('docs/dependencies.md', 'utf8');
const [runTime = '', development = ''] = page.split('## For development');

function listRows(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? '').sort();
}

test('docs/dependencies.md says why for each dependency, and for no other', () => {
  expect(listRows(runTime)).toEqual(Object.keys(manifest.dependencies).sort());
  expect(listRows(development)).toEqual(Object.keys(manifest.devDependencies).sort());
});

test('every version is exact', () => {
  const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});
