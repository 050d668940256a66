import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownCommand } from '../../../src/demo/own-command.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a checkout is called through the Node that it brings', () => {
  const root = join(folder, 'checkout');
  mkdirSync(join(root, 'src'), { recursive: true });
  expect(ownCommand(root, root)).toBe('npx node bin/yardmaster.cjs');
  expect(ownCommand(root, folder)).toBe('npx node checkout/bin/yardmaster.cjs');
});

test('below npx the same packages are named again, a tarball by its path', () => {
  const npx = join(folder, '_npx', 'a1');
  const root = join(npx, 'node_modules', 'yardmaster');
  mkdirSync(root, { recursive: true });
  const dependencies = { node: '26.10.0', yardmaster: 'file:../../y.tgz' };
  writeFileSync(join(npx, 'package.json'), JSON.stringify({ dependencies }));
  expect(ownCommand(`${root}/`)).toBe(`npx -y -p node@26.10.0 -p ${join(folder, 'y.tgz')} yardmaster`);
});

test('a dependency of a project is called by its name', () => {
  expect(ownCommand(join(folder, 'project', 'node_modules', 'yardmaster'))).toBe('npx yardmaster');
});
