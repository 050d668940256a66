import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { toRpcStatus } from '../../../src/control-plane/api/errors.ts';
import { YardmasterError } from '../../../src/core/errors.ts';

function sizeOf(error: unknown): number {
  return toRpcStatus(error).details.reduce(
    (sum, { desc, value }) => sum + toBinary(desc, create(desc, value)).length,
    0,
  );
}

describe('errors on the wire', () => {
  it('have the status of their code, and its facts as ErrorInfo', () => {
    const error = new YardmasterError('RUN_NOT_FOUND', 'Cannot find run "x"', { meta: { runId: 'x' }, next: 'list' });
    const status = toRpcStatus(error);
    expect(status).toMatchObject({ code: 5, message: 'Cannot find run "x"' });
    expect(status.details[0]?.value).toMatchObject({ reason: 'RUN_NOT_FOUND', metadata: { runId: 'x', next: 'list' } });
  });

  it('say nothing of what went wrong inside', () => {
    const { code, message, details } = toRpcStatus(new Error('secret'));
    expect(code).toBe(13);
    expect(JSON.stringify([message, details.map(({ value }) => value)])).not.toContain('secret');
  });

  it('carry as many problems as a trailer can, and their number', () => {
    const problems = Array.from({ length: 500 }, (_, i) => ({
      code: 'BAD_FIELD',
      message: `problem ${i} ${'x'.repeat(100)}`,
      place: { line: i, pointer: `steps[${i}]` },
    }));
    const error = new YardmasterError('WORKFLOW_INVALID', 'x'.repeat(100_000), {
      problems,
      meta: { long: 'y'.repeat(9_000) },
    });
    expect(sizeOf(error)).toBeLessThan(5_500);
    const { details, message } = toRpcStatus(error);
    expect(message.length).toBeLessThanOrEqual(1_024);
    expect(details[0]?.value).toMatchObject({ metadata: { problems: '500' } });
    expect(details[1]?.value).toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ line: 1 })]),
    });
  });

  it('mark a caller that left as CANCELLED', () => {
    expect(toRpcStatus(new DOMException('gone', 'AbortError')).code).toBe(1);
  });
});
