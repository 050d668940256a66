/**
 * `npm run docs:update -- docs/PAGE.md`: runs the blocks of a page and writes what they print into its `text out` blocks, with
 * placeholders for what differs from run to run. A block that fits already stays as it is, so that what was cut with `...`
 * stays cut. A page with a block that fails is not written: what is printed then is no output of the product.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareOutput } from './compare-output.ts';
import { maskOutput } from './mask-output.ts';
import { type Block, readBlocks } from './read-blocks.ts';
import { DocumentRunner } from './run-document.ts';
import { root } from './shell.ts';

for (const document of process.argv.slice(2)) await update(document);

async function update(document: string): Promise<void> {
  const file = join(root, document);
  const markdown = readFileSync(file, 'utf8');
  const { blocks, problems } = readBlocks(document, markdown);
  const { outputs, failures } = await printAll(blocks, new DocumentRunner(document));
  const faults = [...problems, ...failures];
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) {
    console.error(`${document}: nothing was written, since ${faults.length} of its blocks do not do what they say`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(file, insert(markdown.split('\n'), outputs).join('\n'));
  const lines = [...outputs.keys()].map(({ line }) => line);
  console.log(lines.length === 0 ? `${document}: nothing to change` : `${document}: wrote lines ${lines.join(', ')}`);
}

/** The blocks whose output is another one now, with that output; and the blocks that do not do what they say. */
async function printAll(
  blocks: readonly Block[],
  runner: DocumentRunner,
): Promise<{ readonly outputs: ReadonlyMap<Block, string>; readonly failures: readonly string[] }> {
  await using running = runner;
  const outputs = new Map<Block, string>();
  const failures: string[] = [];
  for (const block of blocks) {
    const { printed = '' } = running;
    if (block.kind !== 'text out') {
      await running.run(block).catch((error: unknown) => failures.push(`${block.document}:${block.line}: ${error}`));
    } else if (compareOutput(block.text, printed) !== undefined)
      outputs.set(block, maskOutput(printed).replace(/^\n+|\s+$/g, ''));
  }
  return { outputs, failures };
}

/** From the last block to the first, so that the lines before stay where they are. */
function insert(lines: readonly string[], outputs: ReadonlyMap<Block, string>): readonly string[] {
  const written = [...lines];
  for (const [{ line, text }, output] of [...outputs].reverse()) {
    const shown = text === '\n' ? 0 : text.split('\n').length - 1;
    written.splice(line, shown, ...output.split('\n'));
  }
  return written;
}
