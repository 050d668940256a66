/**
 * `pattern` in linear time: RE2 instead of the regular expressions of JavaScript, which can take for ever.
 *
 * RE2 writes counted repeats out, so the size of a pattern is known before it is compiled.
 */
import { RE2JS } from '@bufbuild/re2';

/** Tables of Unicode are made on first use and cost a moment each; a process makes these few, and no others. */
const UNICODE_CLASSES: ReadonlySet<string> = new Set(['L', 'Lu', 'Ll', 'N', 'Nd', 'P']);
/** Such a class has hundreds of ranges. */
const UNICODE_CLASS_SIZE = 50;
/** In JavaScript's form: an escape, a class name behind it, or one code point. */
const ESCAPES = /\\(?:u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|.)/gis;
const CLASS_NAMES = /\\[pP](?:\{\^?([^}]*)\}|([^{]))/g;

export interface Pattern {
  test(text: string): boolean;
}

/** Throws an Error that says why it is no pattern. */
export function compilePattern(source: string): Pattern {
  const unknown = Array.from(source.matchAll(CLASS_NAMES), ([, long, short]) => long ?? short ?? '').find(
    (name) => !UNICODE_CLASSES.has(name),
  );
  if (unknown !== undefined)
    throw new Error(`of the classes only \\p{${[...UNICODE_CLASSES].join('}, \\p{')}} are known`);
  return new RE2JS(toRe2(source));
}

/** `\u00e9` is `\x{00e9}` there. */
function toRe2(source: string): string {
  return source.replace(ESCAPES, (whole: string, long?: string, short?: string) => {
    const digits = long ?? short;
    return digits === undefined ? whole : `\\x{${digits}}`;
  });
}

function sizeOfToken(token: string): number {
  return 1 + UNICODE_CLASS_SIZE * (token.match(CLASS_NAMES)?.length ?? 0);
}

/** How many instructions it has when its repeats are written out: `[a-z]{3}` has three. Never too few. */
export function sizeOfPattern(source: string): number {
  const groups: number[] = [];
  let size = 0;
  let last = 0;
  const tokens = /\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|./gs;
  for (const [token, from, to] of source.matchAll(tokens)) {
    if (token === '(') {
      groups.push(size);
      size = 0;
      last = 0;
    } else if (token === ')') {
      last = size + 2;
      size = (groups.pop() ?? 0) + last;
    } else if (from !== undefined) {
      const times = Math.max(1, Number(from), to === undefined ? 0 : to === '' ? Number(from) + 1 : Number(to) * 2);
      size += last * (times - 1);
      last *= times;
    } else {
      last = sizeOfToken(token);
      size += last;
    }
  }
  return groups.reduce((sum, before) => sum + before, size);
}
