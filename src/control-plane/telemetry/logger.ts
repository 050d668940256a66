/** Lines of JSON by pino. Secrets are masked wherever they stand; values of steps are never logged at all. */
import { type DestinationStream, pino } from 'pino';
import type { LogFields, Logger } from '../../core/logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  /** Default info. */
  readonly level?: LogLevel;
  readonly node?: string;
  /** Default: standard error. */
  readonly destination?: DestinationStream;
}

const SECRET = /^(authorization|cookie|set-cookie|.*(token|secret|password|passwd|api[-_]?key|credential))$/i;
/** Facts are flat or nearly so; deeper ones are not looked into and not written. */
const DEPTH_MAX = 4;
const MASK = '[secret]';

export function createLogger({ level = 'info', node, destination }: LoggerOptions = {}): Logger {
  const options = {
    level,
    base: node === undefined ? {} : { node },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return new PinoLogger(pino(options, destination ?? pino.destination({ dest: 2, sync: true })));
}

type Line = (fields: object, message: string) => void;
type Sink = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Line>> & {
  child(fields: object): Sink;
  isLevelEnabled(level: string): boolean;
};

class PinoLogger implements Logger {
  private readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  debug(message: string, fields: LogFields = {}): void {
    if (this.sink.isLevelEnabled('debug')) this.sink.debug(maskFields(fields), message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.sink.info(maskFields(fields), message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.sink.warn(maskFields(fields), message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.sink.error(maskFields(fields), message);
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.sink.child(maskFields(fields)));
  }
}

function maskFields(fields: LogFields): object {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, mask(key, value, 1)]));
}

function mask(key: string, value: unknown, depth: number): unknown {
  if (SECRET.test(key)) return MASK;
  if (value instanceof Error) return describeError(value, depth);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth >= DEPTH_MAX) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => mask('', item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mask(name, member, depth + 1)]));
}

function describeError(error: Error, depth: number): object {
  const { name, message, stack, cause } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    stack,
    ...(cause !== undefined && depth < DEPTH_MAX && { cause: mask('cause', cause, depth + 1) }),
  };
}
