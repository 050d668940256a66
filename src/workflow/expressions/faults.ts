/**
 * Errors on their way through CEL. The library keeps only the message of an error that `&&` and `||` merge, so ours
 * travel as text and are read again at the end.
 */
import { isYardmasterError, YardmasterError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { inOurWords } from './library-words.ts';

type CelFault = Error & { readonly exprId: bigint | undefined };

/** What explaining needs to know of an expression. */
export interface Explained {
  readonly source: string;
  offsetOf(id: bigint): number;
}

const PREFIX = 'yardmaster:';
/** Longer expressions are shown by their beginning. */
const SHOWN_CHARS = 120;

/** `fn` whose YardmasterErrors survive CEL. */
export function coded<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    try {
      return fn(...args);
    } catch (error) {
      throw isYardmasterError(error) ? new Error(PREFIX + JSON.stringify(toRecord(error))) : error;
    }
  };
}

function toRecord(error: YardmasterError): JsonObject {
  return { code: error.code, message: error.message, meta: error.meta, next: error.next ?? null };
}

/** The typed error for what went wrong inside CEL. */
export function explainFault(expression: Explained, fault: CelFault): YardmasterError {
  const offset = fault.exprId === undefined ? 0 : expression.offsetOf(fault.exprId);
  const error = isYardmasterError(fault.cause) ? fault.cause : decode(fault.message);
  return withExpression(expression, error, offset);
}

/** The same for a result that is no JSON value. */
export function explainResult(expression: Explained, error: unknown): unknown {
  return isYardmasterError(error) ? withExpression(expression, error, 0) : error;
}

function decode(message: string): YardmasterError {
  if (!message.startsWith(PREFIX)) return new YardmasterError('BAD_EXPRESSION', inOurWords(message));
  const record: unknown = JSON.parse(message.slice(PREFIX.length));
  if (!isJsonObject(record)) return new YardmasterError('BAD_EXPRESSION', message);
  const next = record.next;
  const path = isJsonObject(record.meta) ? record.meta.path : undefined;
  return new YardmasterError(String(record.code), String(record.message), {
    ...(typeof path === 'string' ? { meta: { path } } : {}),
    ...(typeof next === 'string' ? { next } : {}),
  });
}

function withExpression(expression: Explained, error: YardmasterError, offset: number): YardmasterError {
  const { source } = expression;
  const shown = source.length > SHOWN_CHARS ? `${source.slice(0, SHOWN_CHARS)}...` : source;
  const isMissing = error.code === 'MISSING_DATA';
  const message = isMissing ? error.message : `cannot evaluate \`${shown}\` at column ${offset + 1}: ${error.message}`;
  const meta = { ...error.meta, expression: shown, offset: String(offset) };
  return new YardmasterError(error.code, message, { meta, ...(error.next === undefined ? {} : { next: error.next }) });
}
