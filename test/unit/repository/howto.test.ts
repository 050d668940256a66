/** The how-to pages for contributors show the code as it is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readBlocks } from '../../docs/read-blocks.ts';
import { findLinks } from '../../docs/read-links.ts';

const FOLDER = 'docs/howto';
const pages = readdirSync(FOLDER).filter((name) => name.startsWith('add-'));

/** Paths in backticks, such as `src/workflow/schema.ts`. */
const PATH = /`((?:src|test|proto|scripts|docs)\/[\w./-]+)`/g;

interface Excerpt {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Blocks whose fence says where they are from. */
function findExcerpts(page: string, markdown: string): readonly Excerpt[] {
  const lines = markdown.split('\n');
  return readBlocks(page, markdown).skipped.flatMap(({ line, why }) => {
    const file = /^from (\S+)$/.exec(why)?.[1];
    if (file === undefined) return [];
    const end = lines.findIndex((text, i) => i >= line && text.trim() === '```');
    return [{ file, line, text: lines.slice(line, end).join('\n') }];
  });
}

/** Without indentation: an excerpt stands further left than its code. */
function flatten(text: string): string {
  return text.replace(/^ +/gm, '');
}

describe.each(pages)('docs/howto/%s', (page) => {
  const markdown = readFileSync(join(FOLDER, page), 'utf8');

  test('names files that exist', () => {
    const links = findLinks(markdown).map(({ path }) => join(FOLDER, path));
    const named = [...markdown.matchAll(PATH)].map(([, path = '']) => path);
    expect([...links, ...named].filter((path) => !existsSync(path))).toEqual([]);
    expect(links.length + named.length).toBeGreaterThan(5);
  });

  test('shows code that stands in them', () => {
    const excerpts = findExcerpts(page, markdown);
    const wrong = excerpts.filter(
      ({ file, text }) => !existsSync(file) || !flatten(readFileSync(file, 'utf8')).includes(flatten(text)),
    );
    expect(wrong.map(({ file, line }) => `line ${line}: not in ${file}`)).toEqual([]);
  });
});
