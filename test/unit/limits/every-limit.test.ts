import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.ts';

/** They refuse nothing: where work is cut, what is compared, what is kept. */
const SIZES_OF_WORK: readonly (keyof typeof limits)[] = [
  'inlineEventBytesMax',
  'blobPartBytesMax',
  'blobFrameBytesMax',
  'preparedExpressionsMax',
  'instancesComparedMax',
  'avoidMax',
  'avoidLinesMax',
  'idleClassesMax',
  'pageSizeDefault',
  'mapConcurrencyDefault',
];

it('has a test by its name', async () => {
  const texts: string[] = [];
  for await (const file of glob('test/**/*.ts')) {
    if (!file.endsWith('every-limit.test.ts')) texts.push(readFileSync(file, 'utf8'));
  }
  const untested = Object.keys(limits).filter((key) => !texts.some((text) => text.includes(key)));
  expect(untested.filter((key) => !SIZES_OF_WORK.some((size) => size === key))).toEqual([]);
});
