/** The workflows of a page of the documentation, as they stand there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readBlocks } from '../../docs/read-blocks.ts';

export interface Page {
  readonly text: string;
  /** The text of each by the name of its workflow, in the order of the page; those that are shown because they are wrong are not here. */
  readonly workflows: ReadonlyMap<string, string>;
}

export function readPage(document: string): Page {
  const text = readFileSync(fileURLToPath(new URL(`../../../${document}`, import.meta.url)), 'utf8');
  const { blocks } = readBlocks(document, text);
  const workflows = new Map<string, string>();
  for (const block of blocks.filter(({ kind, exitCode }) => kind === 'yaml lint' && exitCode === 0)) {
    const name = /^name: (\w+)$/m.exec(block.text)?.[1] ?? '';
    if (workflows.has(name)) throw new Error(`${document}:${block.line}: there are two workflows "${name}"`);
    workflows.set(name, block.text);
  }
  return { text, workflows };
}
