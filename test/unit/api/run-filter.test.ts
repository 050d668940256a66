import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { readPage } from '../../../src/control-plane/api/convert/paging.ts';
import {
  type ReadFilter,
  readBulkFilter,
  readRunFilter,
  readRunsToken,
  writeRunsToken,
} from '../../../src/control-plane/api/convert/run-filter.ts';
import { readRequest } from '../../../src/control-plane/api/requests.ts';
import { createUlid } from '../../../src/core/ids.ts';
import { limits } from '../../../src/core/limits.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { RunFilterSchema } from '../../../src/gen/yardmaster/v1/run_filter_pb.ts';
import { RunStatus } from '../../../src/gen/yardmaster/v1/run_pb.ts';
import { failureOf } from './failure.ts';

type Wire = MessageInitShape<typeof RunFilterSchema>;

function read(wire: Wire): ReadFilter {
  return readRequest('list runs', (faults) => readRunFilter(faults, create(RunFilterSchema, wire)));
}

function readBulk(wire: Wire): ReadFilter {
  const allowed = ['QUEUED', 'RUNNING'] as const;
  return readRequest('cancel runs', (faults) => readBulkFilter(faults, create(RunFilterSchema, wire), { allowed }));
}

describe('a filter of runs', () => {
  it('is empty when nothing is given', () => {
    expect(read({})).toEqual({ before: '' });
  });

  it('takes each status once, whatever their order', () => {
    const { RUNNING, FAILED } = RunStatus;
    expect(read({ statuses: [FAILED, RUNNING, FAILED] })).toMatchObject({ statuses: ['FAILED', 'RUNNING'] });
  });

  it('turns times into the first ids that can have been made then', () => {
    const idAt = (ms: number): string => createUlid(ms, seededRandom(1));
    const { from = '', before } = read({ createdAfter: timestampFromMs(1_000), createdBefore: timestampFromMs(2_000) });
    const isIn = (ms: number): boolean => idAt(ms) >= from && idAt(ms) < before;
    expect([999, 1_000, 1_999, 2_000].map(isIn)).toEqual([false, true, true, false]);
    const half = read({ createdAfter: { seconds: 1n, nanos: 500_001 } });
    expect(half.from).toBe(read({ createdAfter: timestampFromMs(1_001) }).from);
  });

  it('has at most so many labels', () => {
    const labelled = (length: number) =>
      read({ labels: Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, ''])) });
    expect(Object.keys(labelled(limits.filterLabelsMax).labels ?? {})).toHaveLength(limits.filterLabelsMax);
    expect(failureOf(() => labelled(limits.filterLabelsMax + 1)).problems.map(({ place }) => place?.pointer)).toEqual([
      'filter.labels',
    ]);
  });

  it('says everything that is wrong with it, and lets no unknown status through', () => {
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, '']));
    const wire = {
      workflow: 'a b',
      statuses: [99],
      labels,
      createdAfter: { seconds: -1n },
      failureCode: 'X'.repeat(300),
    };
    const { problems } = failureOf(() => read(wire as Wire));
    expect(problems.map(({ place }) => place?.pointer)).toEqual([
      'filter.statuses',
      'filter.labels',
      'filter.created_after',
      'filter.failure_code',
      'filter.workflow',
    ]);
  });
});

describe('the filter of a bulk action', () => {
  it('needs a condition, so that nobody means every run by leaving all out', () => {
    expect(failureOf(() => readBulk({})).message).toContain('has no condition');
    expect(readBulk({ statuses: [RunStatus.RUNNING] }).statuses).toEqual(['RUNNING']);
    expect(readBulk({ createdBefore: timestampFromMs(1_000) }).statuses).toEqual(['QUEUED', 'RUNNING']);
  });

  it('refuses statuses that the action is not for', () => {
    const { message } = failureOf(() => readBulk({ statuses: [RunStatus.RUNNING, RunStatus.FAILED] }));
    expect(message).toContain('FAILED is none of QUEUED, RUNNING');
  });
});

describe('the token of a page', () => {
  const RUN_ID = '01k0000000000000009c41e7b2';
  const keyOf = (pageToken: string): string =>
    readRequest('list runs', (faults) => readPage(faults, { pageSize: 0, pageToken })).after;

  it('says where the next page begins, to its own filter, however that is written', () => {
    const token = writeRunsToken(RUN_ID, read({ labels: { a: '1', b: '2' }, statuses: [2, 5] }));
    expect(readRunsToken(keyOf(token), read({ labels: { b: '2', a: '1' }, statuses: [5, 2] }))).toBe(RUN_ID);
    expect(writeRunsToken('', read({}))).toBe('');
    expect(readRunsToken('', read({}))).toBe('');
  });

  it('is refused with any other filter', () => {
    const token = writeRunsToken(RUN_ID, read({ workflow: 'etl' }));
    for (const other of [{}, { workflow: 'etl2' }, { workflow: 'etl', failureCode: 'X' }, { failureCode: 'etl' }]) {
      expect(failureOf(() => readRunsToken(keyOf(token), read(other))).code).toBe('PAGE_TOKEN_MISMATCH');
    }
  });
});
