/**
 * Takes the values of secrets out of what comes back from agents: as they are, in base64 (at any place of a longer text) and
 * as a URL and JSON write them. A value shorter than 8 characters is left alone, since it would be found where it is not meant.
 */
import { isJsonObject, type JsonValue } from './json.ts';
import { decodeValue, encodeValue } from './value.ts';

/** Shorter values are not looked for (design: workflows.md section 3). */
export const REDACTED_CHARS_MIN = 8;
/** What a text ends with that was cut. */
const ELLIPSIS = '…';

interface Needle {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly label: string;
}

export class Redactor {
  readonly #values = new Map<string, Set<string>>();
  /** Longest first, so that a value that contains another one is replaced whole. */
  #needles: readonly Needle[] = [];
  /** Values that may come back as a number, which has no text to find. */
  readonly #numbers = new Map<number, string>();

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Older values of the same name stay: agents may still hold them. */
  add(name: string, value: string): void {
    const known = this.#values.get(name);
    if (known?.has(value) === true) return;
    if (known === undefined) this.#values.set(name, new Set([value]));
    else known.add(value);
    if (value.length < REDACTED_CHARS_MIN) return;
    const label = labelOf(name);
    const added = formsOf(value).map((text) => ({ text, bytes: Buffer.from(text), label }));
    this.#needles = [...this.#needles, ...added].sort((a, b) => b.text.length - a.text.length);
    if (value.trim() !== '' && Number.isFinite(Number(value))) this.#numbers.set(Number(value), label);
  }

  /** A message, which may have been cut. */
  text(text: string): string {
    return this.#withoutTail(this.#whole(text));
  }

  /** Keys, too. */
  json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.#whole(value);
    if (typeof value === 'number') return this.#numbers.get(value) ?? value;
    if (Array.isArray(value)) return value.map((item) => this.json(item));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.#whole(key), this.json(item)]));
  }

  /** The bytes of a Value; the same bytes when nothing is in them, which is seen without decoding. */
  bytes(bytes: Uint8Array): Uint8Array {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isFound = this.#numbers.size > 0 || this.#needles.some((needle) => view.includes(needle.bytes));
    return isFound ? encodeValue(this.json(decodeValue(bytes))) : bytes;
  }

  /**
   * Pieces of one stream, cleared as one; a value that goes over several is replaced in the first of them. `open`: the first piece
   * that must not be let go of before the next one is known, since a value may begin in it and go on.
   */
  pieces(pieces: readonly Uint8Array[]): { readonly pieces: readonly Uint8Array[]; readonly open: number } {
    // Bytes as a text of as many characters: values are found wherever they stand, and pieces may be of any kind.
    const all = Buffer.concat(pieces).toString('latin1');
    const cuts = this.#find(all);
    const from = this.#openFrom(all, cuts.at(-1)?.end ?? 0);
    const starts: number[] = [];
    let end = 0;
    for (const { length } of pieces) {
      starts.push(end);
      end += length;
    }
    const pieceAt = (at: number): number => starts.findLastIndex((start) => start <= at);
    let open = from === all.length ? pieces.length : pieceAt(from);
    // A piece that ends with the rest of a value stays with the one in which it begins.
    for (const cut of cuts.toReversed()) if (pieceAt(cut.end - 1) >= open) open = Math.min(open, pieceAt(cut.at));
    if (cuts.length === 0) return { pieces, open };
    return { pieces: pieces.map((piece, i) => withoutCuts(piece, starts[i] ?? 0, cuts)), open };
  }

  /** Where values stand, in order, none over another. */
  #find(all: string): readonly Cut[] {
    const cuts: Cut[] = [];
    for (const { bytes, label } of this.#needles) {
      const needle = Buffer.from(bytes).toString('latin1');
      for (let at = all.indexOf(needle); at !== -1; at = all.indexOf(needle, at + 1)) {
        const end = at + needle.length;
        if (!cuts.some((cut) => cut.at < end && at < cut.end)) cuts.push({ at, end, label: Buffer.from(label) });
      }
    }
    return cuts.sort((left, right) => left.at - right.at);
  }

  /** The first place from which on everything is the beginning of a value; the length of the text: there is none. */
  #openFrom(all: string, from: number): number {
    let first = all.length;
    for (const { bytes } of this.#needles) {
      const needle = Buffer.from(bytes).toString('latin1');
      const head = needle.charAt(0);
      let at = all.indexOf(head, Math.max(from, all.length - needle.length + 1));
      while (at !== -1 && at < first && !needle.startsWith(all.slice(at))) at = all.indexOf(head, at + 1);
      if (at !== -1) first = Math.min(first, at);
    }
    return first;
  }

  #whole(text: string): string {
    let clean = text;
    for (const needle of this.#needles)
      if (clean.includes(needle.text)) clean = clean.replaceAll(needle.text, () => needle.label);
    return clean;
  }

  /** Agents cut long messages: a text can end with the beginning of a value. */
  #withoutTail(text: string): string {
    const end = text.endsWith(ELLIPSIS) ? text.length - ELLIPSIS.length : text.length;
    for (const needle of this.#needles) {
      const at = findBeginning(text.slice(0, end), needle.text);
      if (at !== -1) return text.slice(0, at) + needle.label + text.slice(end);
    }
    return text;
  }
}

/** A value in a text, and what stands in its place. */
interface Cut {
  readonly at: number;
  readonly end: number;
  readonly label: Uint8Array;
}

/** The label stands where a value begins; what of it is in later pieces is gone. */
function withoutCuts(piece: Uint8Array, start: number, cuts: readonly Cut[]): Uint8Array {
  const kept: Uint8Array[] = [];
  let from = 0;
  for (const { at, end, label } of cuts) {
    if (end <= start || at >= start + piece.length) continue;
    if (at >= start) kept.push(piece.subarray(from, at - start), label);
    from = Math.min(piece.length, end - start);
  }
  return from === 0 && kept.length === 0 ? piece : Buffer.concat([...kept, piece.subarray(from)]);
}

/** Where the end of `text` that begins `needle` stands; -1 when there is none, or too little of it to tell. */
function findBeginning(text: string, needle: string): number {
  const head = needle.slice(0, REDACTED_CHARS_MIN);
  let at = text.indexOf(head, Math.max(0, text.length - needle.length + 1));
  while (at !== -1 && !needle.startsWith(text.slice(at))) at = text.indexOf(head, at + 1);
  return at;
}

function labelOf(name: string): string {
  return `[secret ${name}]`;
}

/** The texts that carry a value, each once. */
function formsOf(value: string): readonly string[] {
  const url = wellFormed(value);
  const form = new URLSearchParams([['', value]]).toString().slice(1);
  const json = JSON.stringify(value).slice(1, -1);
  const base64 = [0, 1, 2].flatMap((shift) => {
    const core = base64Core(Buffer.from(value), shift);
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const forms = [value, url, lowerEscapes(url), form, lowerEscapes(form), json, ...base64];
  return [...new Set(forms)].filter((text) => text.length >= REDACTED_CHARS_MIN);
}

function wellFormed(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function lowerEscapes(text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
}

/** What base64 makes of the bytes alone when `shift` bytes of a group stand before them, whatever stands around. */
function base64Core(bytes: Uint8Array, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  const first = Math.ceil((shift * 8) / 6);
  const last = Math.floor(((shift + bytes.length) * 8) / 6);
  return text.slice(first, last);
}
