/** Each limit of what a call may say: the last that is taken, and the first that is refused or cut. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { readAuditQuery } from '../../../src/control-plane/api/convert/audit.ts';
import type { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readPage } from '../../../src/control-plane/api/convert/paging.ts';
import { readOutput } from '../../../src/control-plane/api/convert/payload.ts';
import { readFrame } from '../../../src/control-plane/api/convert/read-frame.ts';
import { readRunFilter } from '../../../src/control-plane/api/convert/run-filter.ts';
import { readSchedule } from '../../../src/control-plane/api/convert/schedule.ts';
import { readAttemptId, readLabels, readName, readRequestId } from '../../../src/control-plane/api/convert/text.ts';
import { readDuration, readTime } from '../../../src/control-plane/api/convert/times.ts';
import { readRequest } from '../../../src/control-plane/api/requests.ts';
import { DURATION_MS_MAX } from '../../../src/core/duration.ts';
import { isYardmasterError } from '../../../src/core/errors.ts';
import { limits } from '../../../src/core/limits.ts';
import { PayloadSchema } from '../../../src/gen/opaque/session_pb.ts';
import { ListAuditEntriesRequestSchema } from '../../../src/gen/yardmaster/v1/audit_service_pb.ts';
import { RunFilterSchema } from '../../../src/gen/yardmaster/v1/run_filter_pb.ts';
import { ScheduleSchema } from '../../../src/gen/yardmaster/v1/schedule_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { findCronFault } from '../../../src/workflow/cron.ts';

const text = (length: number): string => 'x'.repeat(length);

/** Places of what a request is refused for. */
function faultsOf(read: (faults: Faults) => unknown): readonly (string | undefined)[] {
  try {
    readRequest('ask', read);
    return [];
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    return error.problems.map(({ place }) => place?.pointer);
  }
}

const texts: readonly (readonly [string, number, (faults: Faults, value: string) => unknown])[] = [
  ['a name', 128, (faults, value) => readName(faults, 'it', value)],
  ['a request id', limits.requestIdCharsMax, (faults, value) => readRequestId(faults, 'it', value)],
  ['an attempt id', limits.attemptIdCharsMax, (faults, value) => readAttemptId(faults, () => 'it', value)],
  ['the name of a label', limits.labelCharsMax, (faults, value) => readLabels(faults, 'it', { [value]: '' })],
  ['the value of a label', limits.labelCharsMax, (faults, value) => readLabels(faults, 'it', { key: value })],
  [
    'a failure code that runs are looked for by',
    limits.failureCodeCharsMax,
    (faults, failureCode) => readRunFilter(faults, create(RunFilterSchema, { failureCode })),
  ],
  ...(['subject', 'actor'] as const).map(
    (field) =>
      [
        `the ${field} that audit entries are looked for by`,
        limits.auditNameCharsMax,
        (faults: Faults, value: string) =>
          readAuditQuery(faults, 'default', create(ListAuditEntriesRequestSchema, { [field]: value })),
      ] as const,
  ),
  [
    'the id of a blob',
    limits.blobIdCharsMax,
    (faults, blobId) =>
      readOutput(faults, () => 'it', create(PayloadSchema, { kind: { case: 'blob', value: { blobId, size: 1 } } })),
  ],
];

test.each(texts)('%s has at most %i characters', (_, most, read) => {
  expect(faultsOf((faults) => read(faults, text(most)))).toEqual([]);
  expect(faultsOf((faults) => read(faults, text(most + 1)))).toHaveLength(1);
});

test('labels are at most so many', () => {
  const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, '']));
  expect(faultsOf((faults) => readLabels(faults, 'labels', labels(limits.labelsMax)))).toEqual([]);
  expect(faultsOf((faults) => readLabels(faults, 'labels', labels(limits.labelsMax + 1)))).toEqual(['labels']);
});

describe('a page', () => {
  test('has at most so many items, however many are asked for', () => {
    const sizeOf = (pageSize: number) =>
      readRequest('list', (faults) => readPage(faults, { pageSize, pageToken: '' })).limit;
    expect([0, 1, limits.pageSizeMax, limits.pageSizeMax + 1].map(sizeOf)).toEqual([
      limits.pageSizeDefault,
      1,
      limits.pageSizeMax,
      limits.pageSizeMax,
    ]);
  });
});

describe('a time', () => {
  test('is at most a hundred years long', () => {
    const read = (ms: number) => faultsOf((faults) => readDuration(faults, 'it', durationFromMs(ms)));
    expect(read(DURATION_MS_MAX)).toEqual([]);
    expect(read(DURATION_MS_MAX + 1_000)).toEqual(['it']);
    expect(read(-1)).toEqual(['it']);
  });

  test('is in a year of four digits', () => {
    const read = (ms: number) => faultsOf((faults) => readTime(faults, 'it', timestampFromMs(ms)));
    const last = Date.UTC(9_999, 11, 31, 23, 59, 59, 999);
    expect(read(last)).toEqual([]);
    expect(read(last + 1)).toEqual(['it']);
  });
});

describe('a schedule', () => {
  test('makes up for ticks of at most a year', () => {
    const read = (ms: number) => {
      const schedule = { workflow: 'W', cron: '@daily', catchUpWindow: durationFromMs(ms) };
      return faultsOf((faults) => readSchedule(faults, create(ScheduleSchema, schedule)));
    };
    expect(read(limits.catchUpWindowMsMax)).toEqual([]);
    expect(read(limits.catchUpWindowMsMax + 1)).toEqual(['catch_up_window']);
    expect(read(0)).toEqual(['catch_up_window']);
  });

  test('has a cron of at most so many characters', () => {
    const padded = (length: number) => `0 2 * * *${' '.repeat(length - '0 2 * * *'.length)}`;
    expect(findCronFault(padded(limits.cronCharsMax))).toBeUndefined();
    expect(findCronFault(padded(limits.cronCharsMax + 1))).toMatch(/at most 256$/);
  });
});

test('a report has at most so many entries', () => {
  const reporting = (count: number): string => {
    const results = Array.from(
      { length: count },
      (_, i): MessageInitShape<typeof SessionRequestSchema> => ({
        frame: {
          case: 'report',
          value: { results: [{ attemptId: `${i}`, result: { case: 'completed', value: {} } }] },
        },
      }),
    );
    // Reports of one entry each, one behind the other on the wire, are one report of them all.
    const parts = results.map((part) => toBinary(SessionRequestSchema, create(SessionRequestSchema, part)));
    try {
      readFrame(Buffer.concat(parts), () => {});
      return 'taken';
    } catch (error) {
      if (isYardmasterError(error)) return error.message;
      throw error;
    }
  };
  expect(reporting(limits.reportEntriesMax)).toBe('taken');
  expect(reporting(limits.reportEntriesMax + 1)).toContain('has more than 100000 entries');
});
