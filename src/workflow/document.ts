/**
 * YAML and JSON text to plain values with places. Bounded: the size of the text, the number of aliases, and time that
 * grows with the text alone (the library's own check for duplicate keys is quadratic, ours is not).
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { Place } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { type Finding, formatPath, type Locator, type Path } from './finding.ts';

export type Format = 'yaml' | 'json';

export interface SourceText {
  readonly text: string;
  readonly format: Format;
  /** Named in problems. */
  readonly file?: string;
}

export type ReadDocument =
  | { readonly ok: true; readonly value: unknown; readonly locator: Locator }
  | { readonly ok: false; readonly findings: readonly MalformedFinding[]; readonly locator: Locator };

export function readDocument(source: SourceText): ReadDocument {
  const bare = new TextLocator(source);
  if (source.text.length > limits.definitionBytesMax) {
    const message = `the text has ${source.text.length} characters, limit ${limits.definitionBytesMax}`;
    return { ok: false, findings: [{ code: 'LIMIT', message, path: [] }], locator: bare };
  }
  try {
    const read = readYaml(source);
    const malformed = source.format === 'json' ? checkJsonText(source.text, read) : undefined;
    return malformed === undefined ? read : { ok: false, findings: [malformed], locator: bare };
  } catch (error) {
    // The library recurses; a text nested 10,000 deep ends there.
    const fact =
      error instanceof RangeError ? 'nested too deeply' : error instanceof Error ? error.message : String(error);
    return { ok: false, findings: [malformedAt(fact, undefined)], locator: bare };
  }
}

function readYaml(source: SourceText): ReadDocument {
  const lines = new LineCounter();
  const document = parseDocument(source.text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    stringKeys: true,
  });
  const locator = new TextLocator(source, { document, lines });
  const complaints = [...document.errors, ...document.warnings];
  const overflow = complaints.find((error) => error.message.startsWith('Maximum call stack'));
  const findings = [
    ...(overflow === undefined ? complaints : [overflow]).map((error) =>
      malformedAt(explain(error.code, error.message), error.pos),
    ),
    ...findDuplicateKeys(document),
  ];
  if (findings.length > 0) return { ok: false, findings, locator };
  return { ok: true, value: document.toJS({ maxAliasCount: limits.yamlAliasesMax }), locator };
}

/** Offsets of a problem that has no path yet, because the text never became a value. */
interface Offsets {
  readonly offsets: readonly [number, number];
}

type MalformedFinding = Finding & Partial<Offsets>;

function malformedAt(fact: string, offsets: readonly [number, number] | undefined): MalformedFinding {
  return {
    code: 'MALFORMED_TEXT',
    message: `cannot read the text: ${fact}`,
    path: [],
    ...(offsets === undefined ? {} : { offsets }),
  };
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'more than one document; a file holds one workflow';
    case 'TAB_AS_INDENT':
      return 'a tab in the indentation; YAML takes spaces';
    default:
      if (message.startsWith('Maximum call stack')) return 'nested too deeply';
      return message.replace(/\n[\s\S]*/, '');
  }
}

/** JSON is read as the part of YAML that it is, for the places; what only YAML allows is refused here. */
function checkJsonText(text: string, read: ReadDocument): MalformedFinding | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const offsets = read.ok ? undefined : read.findings[0]?.offsets;
    const fact = message.replace(/ in JSON at position.*/s, '').replace(/, (?:\.\.\.)?".*/s, '');
    return malformedAt(
      `not JSON: ${fact}`,
      position === undefined ? offsets : [Number(position), Number(position) + 1],
    );
  }
}

function findDuplicateKeys(document: Document): readonly MalformedFinding[] {
  const findings: MalformedFinding[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = String(isScalar(key) ? key.value : key);
        const range = isScalar(key) ? key.range : undefined;
        if (seen.has(name))
          findings.push(
            malformedAt(`the key ${JSON.stringify(name)} stands twice`, range ? [range[0], range[1]] : undefined),
          );
        seen.add(name);
      }
    },
  });
  return findings;
}

interface Parsed {
  readonly document: Document;
  readonly lines: LineCounter;
}

class TextLocator implements Locator {
  readonly #source: SourceText;
  readonly #parsed: Parsed | undefined;

  constructor(source: SourceText, parsed?: Parsed) {
    this.#source = source;
    this.#parsed = parsed;
  }

  placeOf(finding: MalformedFinding): Place {
    const { file } = this.#source;
    const pointer = finding.path.length === 0 ? {} : { pointer: formatPath(finding.path) };
    const [start, end] = finding.offsets ?? this.#rangeOf(finding) ?? [0, 0];
    const { line, column } = this.#lineColumn(start);
    const lineEnd = this.#source.text.indexOf('\n', start);
    const length = Math.max(1, Math.min(end, lineEnd === -1 ? end : lineEnd) - start);
    return { ...(file === undefined ? {} : { file }), line, column, length, ...pointer };
  }

  lineOf(path: Path): number | undefined {
    const node = this.#nodeAt(path);
    return node?.range ? this.#lineColumn(node.range[0]).line : undefined;
  }

  #lineColumn(offset: number): { line: number; column: number } {
    const before = this.#source.text.slice(0, offset);
    const position = this.#parsed?.lines.linePos(offset);
    if (position !== undefined && position.line > 0) return { line: position.line, column: position.col };
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  }

  #rangeOf(finding: Finding): readonly [number, number] | undefined {
    const node = finding.onKey ? (this.#keyAt(finding.path) ?? this.#nodeAt(finding.path)) : this.#nodeAt(finding.path);
    if (!node?.range) return undefined;
    const [start, end] = node.range;
    if (finding.part !== undefined && isScalar(node) && typeof node.value === 'string') {
      return this.#partOf(node.value, start, end, finding.part) ?? [start, end];
    }
    return isScalar(node) ? [start, end] : [start, start + 1];
  }

  /** Where a part of a string stands in the text; undefined when escapes or folding moved it. */
  #partOf(
    value: string,
    start: number,
    end: number,
    part: { readonly offset: number; readonly length: number },
  ): readonly [number, number] | undefined {
    const raw = this.#source.text.slice(start, end);
    const whole = raw.indexOf(value);
    if (whole !== -1) return [start + whole + part.offset, start + whole + part.offset + part.length];
    const line = lineAround(value, part.offset);
    const at = raw.indexOf(line.text);
    if (line.text !== '' && at !== -1) {
      return [start + at + part.offset - line.start, start + at + part.offset - line.start + part.length];
    }
    const only = onlyIndexOf(raw, value.slice(part.offset, part.offset + part.length));
    return only === undefined ? undefined : [start + only, start + only + part.length];
  }

  /** The deepest node on the path that the text has. */
  #nodeAt(path: Path): Node | undefined {
    let node = resolve(this.#parsed?.document.contents ?? undefined, this.#parsed?.document);
    for (const key of path) {
      const next = resolve(childOf(node, key), this.#parsed?.document);
      if (next === undefined) return node;
      node = next;
    }
    return node;
  }

  #keyAt(path: Path): Node | undefined {
    const parent = this.#nodeAt(path.slice(0, -1));
    const name = path.at(-1);
    if (!isMap(parent)) return undefined;
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name));
    return isPair(pair) && isScalar(pair.key) ? pair.key : undefined;
  }
}

function childOf(node: Node | undefined, key: string | number): unknown {
  if (isSeq(node)) return node.items[Number(key)];
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))?.value;
}

function resolve(node: unknown, document: Document | undefined): Node | undefined {
  const target = isAlias(node) && document !== undefined ? node.resolve(document) : node;
  return isScalar(target) || isMap(target) || isSeq(target) ? target : undefined;
}

function lineAround(text: string, offset: number): { readonly text: string; readonly start: number } {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return { text: text.slice(start, end === -1 ? text.length : end), start };
}

/** Where `part` stands in `text`, if it stands there once. */
function onlyIndexOf(text: string, part: string): number | undefined {
  const at = text.indexOf(part);
  return part === '' || at === -1 || text.includes(part, at + 1) ? undefined : at;
}
