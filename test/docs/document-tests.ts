/** One vitest test per block, in the order of each document. */
import { afterAll, describe, test } from 'vitest';
import type { Block } from './read-blocks.ts';
import { DocumentRunner } from './run-document.ts';

export function testDocuments(blocks: readonly Block[]): void {
  for (const [document, own] of Map.groupBy(blocks, (block) => block.document)) {
    describe(document, () => {
      const runner = new DocumentRunner(document);
      afterAll(() => runner[Symbol.asyncDispose]());
      for (const block of own) test(`line ${block.line}, ${block.kind}`, () => runner.run(block));
    });
  }
}

/** Its blocks are in `npm test`; those of all other pages take longer. */
export const FRONT_PAGE = 'README.md';

/** What `npm test` can run: Node and npm are enough. */
export function needsOnlyNpm(block: Block): boolean {
  return block.needs.every((need) => need === 'serve');
}
