import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../../src/core/error-catalogue.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CATALOGUE = 'src/core/error-catalogue.ts';

/** Where a code is given: an error is made, a failure or a problem is written, a function that does so is called. */
const GIVEN =
  /(?:YardmasterError\(|Faults\(|\brefuse\(|\bcode:|\bproblem\(|\bfault\(|\breport\()\s*'([A-Z][A-Z0-9_]{2,})'/g;

function readSources(): ReadonlyMap<string, string> {
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((path) => `src/${path}`);
  // What the agents that the kit plays with fail with is theirs.
  const others = ['src/gen/', 'src/conformance/situations/'];
  const isOurs = (path: string): boolean => path !== CATALOGUE && !others.some((folder) => path.startsWith(folder));
  const sources = paths.filter((path) => path.endsWith('.ts') && isOurs(path));
  return new Map(sources.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

describe('the catalogue of errors', () => {
  const sources = readSources();

  it('lists every code that the sources use', () => {
    const missing: string[] = [];
    for (const [path, text] of sources) {
      for (const [, code = ''] of text.matchAll(GIVEN)) {
        if (!Object.hasOwn(errorCatalogue, code)) missing.push(`${code} (${path})`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('lists no code that nothing uses', () => {
    const all = [...sources.values()].join('\n');
    const unused = Object.keys(errorCatalogue).filter((code) => !all.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });

  it('is what docs/errors.md says', () => {
    const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
    const rows = [...text.matchAll(/^\| ([A-Z][A-Z0-9_]+) \| ([A-Z_]+) \| (.+) \|$/gm)];
    const documented = Object.fromEntries(
      rows.map(([, code = '', status, explanation]) => [code, { status, explanation }]),
    );
    expect(rows).toHaveLength(Object.keys(errorCatalogue).length);
    expect(documented).toEqual(errorCatalogue);
  });
});
