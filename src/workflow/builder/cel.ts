/** The `cel` tag: operators between recorders. References stay references, every other value becomes a quoted literal. */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Cel, Recorded } from './recorded.ts';
import { createExpression, recordingOf } from './recorder.ts';

export type CelOperand =
  | Recorded<unknown>
  | string
  | number
  | boolean
  | null
  | readonly CelOperand[]
  | { readonly [key: string]: CelOperand };

/**
 * An expression for `when`, `parameters`, `output` or `assert`: cel<boolean>`${steps.extract.output.bytes} > 0`. The
 * type is the author's word. Throws BAD_EXPRESSION for a value that CEL cannot write.
 */
export function cel<T>(strings: TemplateStringsArray, ...operands: readonly CelOperand[]): Cel<T> {
  // The raw text: a backslash belongs to CEL's own literals.
  const text = strings.raw.reduce((joined, part, i) => `${joined}${operandText(operands[i - 1])}${part}`);
  return createExpression<T>(text.trim());
}

function operandText(operand: unknown): string {
  const recording = recordingOf(operand);
  if (recording === undefined) return celLiteral(operand);
  return recording.isPath ? recording.text : `(${recording.text})`;
}

/** A value as CEL writes it. */
export function celLiteral(value: unknown, depth = 0): string {
  const recording = recordingOf(value);
  if (recording !== undefined) return recording.text;
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' && Number.isFinite(value)) return numberText(value);
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'object' && depth < limits.expressionDepthMax) {
    if (Array.isArray(value)) return `[${value.map((item) => celLiteral(item, depth + 1)).join(', ')}]`;
    const members = Object.entries(value).map(([key, item]) => `${quote(key)}: ${celLiteral(item, depth + 1)}`);
    return `{${members.join(', ')}}`;
  }
  throw new YardmasterError('BAD_EXPRESSION', `cannot write a ${typeof value} (${String(value)}) in an expression`, {
    next: 'use text, finite numbers, booleans, null, lists or plain objects',
  });
}

/** JSON's escapes are CEL's too, but CEL knows no lone surrogates. */
function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** Whole numbers are CEL integers, others doubles; a sign is kept from joining with an operator before it. */
function numberText(value: number): string {
  const digits = Math.abs(value).toString();
  const isDouble = /[.e]/.test(digits) || Number.isSafeInteger(value);
  const text = isDouble ? digits : `${digits}.0`;
  return value < 0 || Object.is(value, -0) ? `(-${text})` : text;
}
