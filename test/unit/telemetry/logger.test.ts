import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../../src/control-plane/telemetry/logger.ts';
import { YardmasterError } from '../../../src/core/errors.ts';

function record(options: LoggerOptions = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ ...options, destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  return { logger, lines };
}

describe('the log', () => {
  it('writes one object per line, with the facts of its parents', () => {
    const { logger, lines } = record({ node: 'n-1' });
    logger.child({ run: 'r1' }).child({ step: 'a', attempt: 2 }).info('settled', { agent: 'loader' });
    expect(lines).toMatchObject([
      { level: 'info', node: 'n-1', run: 'r1', step: 'a', attempt: 2, agent: 'loader', message: 'settled' },
    ]);
  });

  it('masks secrets wherever they stand', () => {
    const { logger, lines } = record();
    logger.warn('refused', {
      authorization: 'Bearer abc',
      headers: { Authorization: 'Bearer abc', accept: '*/*' },
      list: [{ apiKey: 'abc', password: 'abc', clientSecret: 'abc', sessionToken: 'abc' }],
    });
    logger.child({ token: 'abc' }).error('again');
    expect(JSON.stringify(lines)).not.toContain('abc');
    expect(lines[0]).toMatchObject({ headers: { accept: '*/*' } });
  });

  it('tells an error with its code and cause, and bytes only by their number', () => {
    const { logger, lines } = record();
    const error = new YardmasterError('LIMIT', 'too large', { cause: new Error('inner') });
    logger.error('failed', { error, payload: new Uint8Array(10) });
    expect(lines[0]).toMatchObject({
      error: { code: 'LIMIT', message: 'too large', cause: { message: 'inner' } },
      payload: '10 bytes',
    });
  });

  it('survives facts that contain themselves', () => {
    const { logger, lines } = record();
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    logger.info('loop', { loop });
    expect(lines).toHaveLength(1);
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = record({ level: 'warn' });
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    expect(lines.map(({ message }) => message)).toEqual(['c']);
  });
});
