/** Every limit is in one place, and no limit goes without a test. */
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
  'frameBytesSoft',
  'pageSizeDefault',
  'mapConcurrencyDefault',
  'outputWaitingBytesMax',
  'chunksReadMax',
  'chunksHeldBackMax',
];

/** Where what comes from outside is read: workflows, requests, frames, settings, secrets. */
const READERS = 'src/{workflow,control-plane/{api,config,security}}/**/*.ts';

/** Maxima there that refuse nothing that a limit would: how much is shown, waited or kept; what a number or a date can hold. */
const NO_LIMITS: readonly string[] = [
  'api/convert/explanation.ts CANDIDATES_MAX',
  'api/convert/faults.ts PROBLEMS_MAX',
  'api/convert/offer.ts CLASHING_MAX',
  'api/convert/offer.ts DIFFERENCES_MAX',
  'api/convert/paging.ts TOKEN_CHARS_MAX',
  'api/convert/read-report.ts ATTEMPT_ID_BYTES_MAX',
  'api/convert/read-report.ts ENTRIES_MAX',
  'api/convert/text.ts FIELDS_MAX',
  'api/convert/times.ts SECONDS_MAX',
  'api/convert/times.ts TIME_SECONDS_MAX',
  'api/convert/values.ts BLOB_BYTES_MAX',
  'api/errors.ts DETAILS_BYTES_MAX',
  'api/errors.ts MESSAGE_CHARS_MAX',
  'api/errors.ts META_CHARS_MAX',
  'api/run-service.ts WAIT_MS_MAX',
  'config/settings.ts STOP_GRACE_MS_MAX',
  'config/settings.ts STREAMS_SETTING_MAX',
  'workflow/check-graph.ts CYCLES_MAX',
  'workflow/expressions/operators.ts INT_MAX',
  'workflow/suggestions.ts SUGGESTIONS_MAX',
];

const MAXIMUM = /^(?:export )?const (\w*_MAX\w*) =/gm;

async function textsOf(pattern: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for await (const file of glob(pattern)) texts.set(file.replaceAll('\\', '/'), readFileSync(file, 'utf8'));
  return texts;
}

it('has a test by its name', async () => {
  // The simulator and helpers use limits without showing one.
  const texts = [...(await textsOf('test/**/*.test.ts'))].filter(([file]) => !file.endsWith('every-limit.test.ts'));
  const isTested = (key: string): boolean => texts.some(([, text]) => new RegExp(`\\b${key}\\b`).test(text));
  const untested = Object.keys(limits).filter((key) => !isTested(key));
  expect(untested.filter((key) => !SIZES_OF_WORK.some((size) => size === key))).toEqual([]);
});

it('stands with all others in core/limits.ts, unless it is none', async () => {
  const found = [...(await textsOf(READERS))].flatMap(([file, text]) =>
    [...text.matchAll(MAXIMUM)].map(([, name]) => `${file.replace(/^src\/(?:control-plane\/)?/, '')} ${name}`),
  );
  expect(found.toSorted()).toEqual(NO_LIMITS);
});
