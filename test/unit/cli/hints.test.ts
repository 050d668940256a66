/** Hints name commands that exist: every text of the sources that looks like a command line is compared with the help. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand } from './capture.ts';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
/** After a quote, or after the word that begins a hint. */
const COMMAND = /(?:next: |; |\$\{command\} |['`(])(?:npx )?(?:yardmaster )(?<group>[a-z]+)(?: (?<command>[a-z]+))?/g;

function listHints(): readonly string[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const texts = files.filter((name) => !name.startsWith('gen')).map((name) => readFileSync(join(SRC, name), 'utf8'));
  const found = texts.flatMap((text) =>
    [...text.matchAll(COMMAND)].map(({ groups }) => [groups?.group, groups?.command].filter(Boolean).join(' ')),
  );
  return [...new Set(found)].sort();
}

/** Of the help: `yardmaster runs get [options] <run>`. */
async function usageOf(hint: string): Promise<string> {
  const { out } = await runCommand([...hint.split(' '), '--help']);
  return /^Usage: (.*)$/m.exec(out)?.[1] ?? '';
}

test('the sources name commands', () => {
  expect(listHints()).toEqual(expect.arrayContaining(['runs get', 'agents list', 'doctor']));
});

test.each(listHints())('yardmaster %s', async (hint) => {
  const [group = ''] = hint.split(' ');
  const usage = await usageOf(hint);
  expect(usage).toMatch(new RegExp(`^yardmaster ${group}\\b`));
  // Where there are commands below, one of them is named; elsewhere the second word is an argument or prose.
  if (hint !== group && (await usageOf(group)).includes('[command]')) {
    expect(usage).toMatch(new RegExp(`^yardmaster ${hint}\\b`));
  }
});
