/** Finding `${{ }}` in text. The braces of CEL's own literals, its strings and comments do not end an expression. */
import { YardmasterError } from '../../core/errors.ts';

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** `offset`: where the expression's own text begins in the whole string. */
  | { readonly kind: 'expression'; readonly source: string; readonly offset: number };

export const OPENING = '${{';

/** Cuts a string into text and expressions; throws BAD_EXPRESSION when one is never closed. */
export function splitTemplate(text: string): readonly Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (let open = text.indexOf(OPENING); open !== -1; open = text.indexOf(OPENING, at)) {
    if (open > at) parts.push({ kind: 'text', text: text.slice(at, open) });
    const from = open + OPENING.length;
    const close = findClosing(text, from);
    if (close === -1) throw unclosed(open);
    parts.push(trimmed(text, from, close));
    at = close + 2;
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}

/** A condition with or without braces: the expression alone and where it begins. */
export function stripBraces(text: string): { readonly source: string; readonly offset: number } {
  const start = text.length - text.trimStart().length;
  if (!text.startsWith(OPENING, start)) return trimmed(text, 0, text.length);
  const from = start + OPENING.length;
  const close = findClosing(text, from);
  if (close === -1) throw unclosed(start);
  if (text.slice(close + 2).trim() === '') return trimmed(text, from, close);
  throw new YardmasterError('BAD_EXPRESSION', 'text after "}}": a condition is one expression', {
    meta: { offset: String(close + 2), length: '1' },
    next: 'put all of it between the braces, or leave them out',
  });
}

function trimmed(text: string, from: number, to: number): Part & { readonly kind: 'expression' } {
  const raw = text.slice(from, to);
  return { kind: 'expression', source: raw.trim(), offset: from + raw.length - raw.trimStart().length };
}

function unclosed(open: number): YardmasterError {
  return new YardmasterError('BAD_EXPRESSION', '"${{" is never closed', {
    meta: { offset: String(open), length: String(OPENING.length) },
    next: 'close it with }}',
  });
}

/** The index of the `}}` that ends the expression beginning at `from`; -1 when there is none. */
function findClosing(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === '"' || char === "'") {
      i = skipString(text, i);
    } else if (char === '/' && text[i + 1] === '/') {
      const end = text.indexOf('\n', i);
      i = end === -1 ? text.length : end;
    } else if (char === '{') {
      depth++;
    } else if (char === '}') {
      if (depth === 0) return text[i + 1] === '}' ? i : -1;
      depth--;
    }
  }
  return -1;
}

/** The index of the closing quote (the last of three); the end of the text when there is none. */
export function skipString(text: string, open: number): number {
  const quote = text[open] ?? '';
  const mark = text.startsWith(quote.repeat(3), open) ? quote.repeat(3) : quote;
  const isRaw = /[rR]/.test(text[open - 1] ?? '');
  for (let i = open + mark.length; i < text.length; i++) {
    if (text[i] === '\\' && !isRaw) i++;
    else if (text.startsWith(mark, i)) return i + mark.length - 1;
  }
  return text.length;
}
