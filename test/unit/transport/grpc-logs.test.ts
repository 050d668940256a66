import { setLogger as setGrpcLogger } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js/build/src/metadata.js';
import { afterEach, expect, test, vi } from 'vitest';
import { takeGrpcLogs } from '../../../src/control-plane/transport/grpc-logs.ts';
import { type LogFields, type Logger, silentLogger } from '../../../src/core/logger.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function record(): { readonly logger: Logger; readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (message: string, fields?: LogFields): void =>
      void lines.push({ level, message, fields });
  return {
    logger: { ...silentLogger, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    lines,
  };
}

/** What grpc-js does with the headers of every call; it has an opinion on a value that is not ASCII. */
function sendHeader(value: string): void {
  Metadata.fromHttp2Headers({ 'x-odd': value });
}

// The logger of grpc-js is the whole process's, and other tests share it.
afterEach(() => {
  setGrpcLogger(console);
  vi.restoreAllMocks();
});

test('a header that grpc-js complains about is a short line for debugging, and nothing on standard error', () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { logger, lines } = record();
  takeGrpcLogs(logger);
  sendHeader(`\u{fc}${'x'.repeat(100_000)}`);
  expect(written).not.toHaveBeenCalled();
  expect(lines).toEqual([
    {
      level: 'debug',
      message: 'grpc',
      fields: { line: expect.stringMatching(/^.*Failed to add metadata entry x-odd/) },
    },
  ]);
  expect(String(lines[0]?.fields?.line)).toHaveLength(256);
});

test('a line that is cut within a character stays text that can be stored as JSON and read again', () => {
  const { logger, lines } = record();
  takeGrpcLogs(logger);
  for (let before = 0; before < 2; before++) sendHeader('a'.repeat(before) + '\u{1f989}'.repeat(400));
  expect(lines).toHaveLength(2);
  for (const { fields } of lines) expect(String(fields?.line).isWellFormed()).toBe(true);
  // One of the two was cut in the middle of its last character.
  expect(lines.some(({ fields }) => String(fields?.line).endsWith('\u{fffd}'))).toBe(true);
});
