/** Text to tree, within bounds, with every failure a BAD_EXPRESSION that carries offset and length. */
import { parse } from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { reservedHint, syntaxHint } from './hints.ts';
import { skipString } from './source.ts';
import { depthOf, type Tree } from './tree.ts';

export interface ParsedTree {
  readonly tree: Tree;
  /** Where the node of that id begins in the text. */
  offsetOf(id: bigint): number;
}

/** `offset` counts from the start of the expression's own text. */
export function badExpression(fact: string, offset: number, length: number, next?: string): YardmasterError {
  const meta = { offset: String(offset), length: String(Math.max(1, length)) };
  return new YardmasterError('BAD_EXPRESSION', fact, next === undefined ? { meta } : { meta, next });
}

export function parseTree(source: string): ParsedTree {
  if (source === '') throw badExpression('the expression is empty', 0, 1);
  if (source.length > limits.expressionCharsMax) {
    throw badExpression(`${source.length} characters, limit ${limits.expressionCharsMax}`, 0, 1);
  }
  refuseDeepBrackets(source);
  const { expr, sourceInfo } = parseOrExplain(source);
  if (depthOf(expr) > limits.expressionTreeDepthMax) {
    throw badExpression(`more than ${limits.expressionTreeDepthMax} operations within each other`, 0, 1);
  }
  return { tree: expr, offsetOf: (id) => sourceInfo?.positions[id.toString()] ?? 0 };
}

function refuseDeepBrackets(source: string): void {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const char = source.charAt(i);
    if (char === '"' || char === "'") i = skipString(source, i);
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    if (depth > limits.expressionDepthMax) {
      throw badExpression(`nested deeper than ${limits.expressionDepthMax}`, i, 1);
    }
  }
}

function parseOrExplain(source: string): ReturnType<typeof parse> {
  try {
    return parse(source);
  } catch (error) {
    const offset = offsetOfFailure(error) ?? 0;
    throw badExpression(describe(error, source, offset), offset, 1, hintFor(error, source, offset));
  }
}

function offsetOfFailure(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('location' in error)) return undefined;
  const offset: unknown = Object(Object(error.location).start).offset;
  return typeof offset === 'number' ? offset : undefined;
}

function hintFor(error: unknown, source: string, offset: number): string | undefined {
  const name = error instanceof Error ? error.name : '';
  if (name === 'parse error') return reservedHint(wordAt(source, offset), source, offset);
  return name === 'syntax error' ? syntaxHint(source, offset) : undefined;
}

function describe(error: unknown, source: string, offset: number): string {
  const name = error instanceof Error ? error.name : '';
  // The parser's stack is over; its other RangeErrors are about an escape in a text that is none.
  if (error instanceof RangeError)
    return error.message.includes('call stack')
      ? 'too deeply nested to read'
      : 'a text in it has a "\\" that is no escape';
  if (name === 'parse error') return `"${wordAt(source, offset)}" is a reserved word`;
  if (name !== 'syntax error') return error instanceof Error ? error.message : String(error);
  if (offset >= source.length) return 'the expression ends too early';
  const rest = source.slice(offset).trim();
  return OPERATOR.test(rest) ? `nothing stands after "${rest}"` : `unexpected "${wordAt(source, offset)}"`;
}

const OPERATOR = /^(?:[-+*/%<>!?:.]|&&|\|\||[=!<>]=)$/;

function wordAt(source: string, offset: number): string {
  return /^\w+/.exec(source.slice(offset))?.[0] ?? source.charAt(offset);
}
