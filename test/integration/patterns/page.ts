/** The workflows of docs/patterns.md, as they stand there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readBlocks } from '../../docs/read-blocks.ts';

const DOCUMENT = 'docs/patterns.md';
const file = fileURLToPath(new URL(`../../../${DOCUMENT}`, import.meta.url));
export const page = readFileSync(file, 'utf8');

const { blocks } = readBlocks(DOCUMENT, page);

/** The text of each by the name of its workflow, in the order of the page. */
export const workflows: ReadonlyMap<string, string> = new Map(
  blocks.filter(({ kind }) => kind === 'yaml lint').map(({ text }) => [/^name: (\w+)$/m.exec(text)?.[1] ?? '', text]),
);

export function workflowText(name: string): string {
  const text = workflows.get(name);
  if (text === undefined) throw new Error(`${DOCUMENT} has no workflow "${name}"`);
  return text;
}
