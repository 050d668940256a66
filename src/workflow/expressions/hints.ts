/** What was probably meant by something that CEL does not have. */

const FUNCTIONS: Readonly<Record<string, string>> = {
  len: 'size(x)',
  length: 'size(x)',
  count: 'size(x)',
  str: 'string(x)',
  lower: 'x.lowerAscii()',
  toLowerCase: 'x.lowerAscii()',
  upper: 'x.upperAscii()',
  toUpperCase: 'x.upperAscii()',
  includes: '"a" in x, or x.contains("a") of text',
  any: 'x.exists(item, ...)',
  some: 'x.exists(item, ...)',
  every: 'x.all(item, ...)',
  now: 'now, without brackets',
};
/** CEL's parser unfolds these; what it leaves behind was written with other arguments. */
const MACROS: Readonly<Record<string, string>> = {
  all: 'x.all(item, condition)',
  exists: 'x.exists(item, condition)',
  exists_one: 'x.exists_one(item, condition)',
  filter: 'x.filter(item, condition)',
  map: 'x.map(item, value) or x.map(item, condition, value)',
};

/** How a function of CEL's own loops is written; undefined for all others. */
export function macroUsage(name: string): string | undefined {
  return Object.hasOwn(MACROS, name) ? MACROS[name] : undefined;
}

export function functionHint(name: string): string | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? `write ${FUNCTIONS[name]}` : undefined;
}

const OPERATORS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/^[=!]==/, 'write == or !='],
  [/^=/, 'write =='],
  [/^<>/, 'write !='],
  [/^and\b/i, 'write &&'],
  [/^or\b/i, 'write ||'],
  [/^not\b/i, 'write !'],
  [/^\?\?/, 'write default(a.b, c)'],
  [/^\?\./, 'write default(a.b, c), or has(a.b)'],
];

/** `offset`: where the parser gave up, at an operator or behind it. */
export function syntaxHint(source: string, offset: number): string | undefined {
  for (const [pattern, hint] of OPERATORS) if (pattern.test(source.slice(offset))) return hint;
  const before = source.slice(0, offset);
  if (/\bnot\s+$/i.test(before)) return 'write !';
  return /[=!]=$/.test(before) && source[offset] === '=' ? 'write == or !=' : undefined;
}

/** `params.in`: a word that cannot stand behind a dot. */
export function reservedHint(word: string, source: string, offset: number): string | undefined {
  return source[offset - 1] === '.' ? `write ["${word}"] instead of .${word}` : undefined;
}
