/** Agents are small: what the SDK loads is looked up in its sources, file by file. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { VERSION } from '../../../src/core/version.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const STATEMENT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?from\s+)?['"]([^'"]+)['"]/g;

/** Packages and `node:` modules that a file and all that it loads need at run time. */
function packagesOf(entry: string): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    expect(existsSync(file), file).toBe(true);
    for (const [, type, name = ''] of readFileSync(file, 'utf8').matchAll(STATEMENT)) {
      if (type !== undefined) continue;
      if (name.startsWith('.')) waiting.push(join(dirname(file), name));
      else packages.add(name);
    }
  }
  return packages;
}

test.each(['index.ts', 'socket-worker.ts'])(
  '%s loads no database, expressions, schemas compiler, HTTP/1 server or logger',
  (name) => {
    const packages = packagesOf(join(ROOT, 'src/agent-sdk', name));
    expect(
      [...packages].filter((each) => /sqlite|cel|re2|ajv|connect|pino|yaml|prom-client|commander/.test(each)),
    ).toEqual([]);
    expect([...packages]).toContain('@grpc/grpc-js');
  },
);

test('the version that Hello states is the one of the package', () => {
  expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))).toMatchObject({ version: VERSION });
});
