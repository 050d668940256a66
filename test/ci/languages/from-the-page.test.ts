/** A Python agent that was written with docs/protocol.md and docs/agents/python.md open and nothing else, examined by the kit. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launchProcess, playAll, situations } from '../../../src/conformance/index.ts';
import { root } from '../../docs/shell.ts';
import { folderOf } from './languages.ts';

const MINUTES = 60_000;
const FOLDER = join(root, '.tmp', 'languages', 'from-the-page');

test('an agent that follows the pages breaks no clause', { timeout: 20 * MINUTES }, async () => {
  const python = join(folderOf('python'), '.venv/bin/python');
  mkdirSync(FOLDER, { recursive: true });
  cpSync(join(import.meta.dirname, 'from-the-page', 'agent.py'), join(FOLDER, 'agent.py'));
  // As the page does, and one folder more: the details of a refusal (E-4).
  const protos = '"$PROTO"/yardmaster/v1/*.proto "$PROTO"/google/rpc/*.proto';
  const generate = `'${python}' -m grpc_tools.protoc -I "$PROTO" --python_out=. --grpc_python_out=. ${protos}`;
  const env = { ...process.env, PROTO: join(root, 'proto') };
  const generated = spawnSync('sh', ['-c', generate], { cwd: FOLDER, encoding: 'utf8', env });
  expect(generated.status, generated.stderr).toBe(0);
  const launch = launchProcess([python, join(FOLDER, 'agent.py')]);
  const outcomes = await playAll(situations, { launch, jobs: 2, patience: 4 });
  expect(outcomes.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  // It writes no output, and nothing says that it must.
  const unsupported = outcomes.filter(({ verdict }) => verdict === 'unsupported').map(({ name }) => name);
  expect(unsupported).toEqual(situations.map(({ name }) => name).filter((name) => name.startsWith('chunks')));
  expect(outcomes.length).toBe(situations.length);
});
