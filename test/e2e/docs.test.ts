/** The documentation says what its blocks are, and the front page does what it says; the other pages: test/ci/docs.test.ts. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { mustRun } from '../../scripts/run-command.ts';
import { FRONT_PAGE, needsOnlyNpm, testDocuments } from '../docs/document-tests.ts';
import { findDocuments, readDocumentation } from '../docs/read-blocks.ts';
import { findLinks, headingIds } from '../docs/read-links.ts';
import { folderOf, writeScript } from '../docs/run-document.ts';
import { root, workFolder } from '../docs/shell.ts';

const { blocks, skipped, problems } = readDocumentation(root);

test('every block says what it is', () => {
  expect(problems).toEqual([]);
});

test('blocks that are not run say why', () => {
  const list = skipped.map(({ document, line, why }) => `${document}:${line}: ${why}`);
  console.log(`${blocks.length} blocks of the documentation are run, ${list.length} are not:\n${list.join('\n')}`);
  expect(list.length).toBeLessThan(blocks.length);
});

test('links lead to files and headings that exist', () => {
  const dead = findDocuments(root).flatMap((document) =>
    findLinks(readFileSync(join(root, document), 'utf8')).flatMap(({ path, heading, line }) => {
      const target = path === '' ? join(root, document) : join(root, dirname(document), path);
      const isThere = existsSync(target) && (heading === '' || headingIds(readFileSync(target, 'utf8')).has(heading));
      return isThere ? [] : [`${document}:${line}: ${path}${heading === '' ? '' : `#${heading}`}`];
    }),
  );
  expect(dead).toEqual([]);
});

test('TypeScript in the documentation has the types that it seems to have', () => {
  const folder = join(workFolder, 'types');
  rmSync(folder, { recursive: true, force: true });
  for (const block of blocks.filter(({ kind }) => kind === 'ts run')) {
    const own = folderOf(block.document).replace(workFolder, folder);
    mkdirSync(own, { recursive: true });
    writeScript(own, block);
  }
  // Against the declarations that users get, which also cost less than the sources.
  const compilerOptions = { customConditions: [] };
  const config = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['.'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  mustRun('tsc', ['-p', folder]);
});

testDocuments(blocks.filter((block) => block.document === FRONT_PAGE && needsOnlyNpm(block)));
