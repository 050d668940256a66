/**
 * The usual Report straight from its bytes: attempts that were accepted, and results that completed with a value. One comes in
 * for every step, and reading it by its descriptor costs several times as much.
 */
import type { AttemptUpdate, ReportedResult, ReportFrame } from '../../registry/frames.ts';
import { readInlineOutput, unfit } from './payload.ts';

/** Field numbers of SessionRequest, Report, AttemptUpdate, AttemptResult, AttemptCompleted and Payload, all of wire type 2. */
const field = (number: number): number => (number << 3) | 2;
const REPORT = field(4);
const UPDATES = field(1);
const RESULTS = field(2);
const ATTEMPT_ID = field(1);
const ACCEPTED = field(2);
const COMPLETED = field(2);
const OUTPUT = field(1);
const VALUE = field(1);
/** Longer ones are left to the general reader, which says what is wrong with them. */
const ATTEMPT_ID_BYTES_MAX = 512;
const ENTRIES_MAX = 10_000;

/** Undefined for every other frame, and for a report with anything else in it: `readFrame` reads those. */
export function readReport(bytes: Uint8Array): ReportFrame | undefined {
  const report = new Cursor(bytes, 0, bytes.length).enter(REPORT);
  if (report === undefined || report.end !== bytes.length) return undefined;
  const updates: AttemptUpdate[] = [];
  const results: ReportedResult[] = [];
  while (!report.isAtEnd) {
    if (updates.length + results.length >= ENTRIES_MAX) return undefined;
    const update = report.enter(UPDATES);
    if (update !== undefined) {
      const attemptId = readAccepted(update);
      if (attemptId === undefined) return undefined;
      updates.push({ type: 'accepted', attemptId });
      continue;
    }
    const result = readCompleted(report.enter(RESULTS));
    if (result === undefined) return undefined;
    results.push(result);
  }
  return { type: 'report', updates, results };
}

function readAccepted(update: Cursor): string | undefined {
  const attemptId = readAttemptId(update);
  const accepted = update.enter(ACCEPTED);
  return accepted?.isAtEnd === true && update.isAtEnd ? attemptId : undefined;
}

function readCompleted(result: Cursor | undefined): ReportedResult | undefined {
  const attemptId = result === undefined ? undefined : readAttemptId(result);
  const completed = result?.enter(COMPLETED);
  const output = completed?.enter(OUTPUT);
  const value = output?.enter(VALUE);
  if (attemptId === undefined || value === undefined) return undefined;
  if (value.end !== output?.end || output.end !== completed?.end || completed.end !== result?.end) return undefined;
  const read = readInlineOutput(value.rest());
  return { attemptId, result: 'code' in read ? unfit(read) : { kind: 'completed', output: read } };
}

function readAttemptId(message: Cursor): string | undefined {
  return message.enter(ATTEMPT_ID)?.ascii();
}

/** The rest of one message. `enter` also moves behind the field that it enters. */
class Cursor {
  readonly end: number;
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at === this.end;
  }

  /** The field that comes next, if it is this one and whole. Lengths of up to 2^28 bytes: a frame has fewer. */
  enter(fieldTag: number): Cursor | undefined {
    if (this.at >= this.end || this.bytes[this.at] !== fieldTag) return undefined;
    let length = 0;
    let at = this.at + 1;
    for (let shift = 0; ; shift += 7, at++) {
      const byte = at < this.end ? (this.bytes[at] ?? 0x80) : 0x80;
      if (at >= this.end || shift > 21) return undefined;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const from = at + 1;
    if (from + length > this.end) return undefined;
    this.at = from + length;
    return new Cursor(this.bytes, from, this.at);
  }

  /** A view. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.at, this.end);
  }

  /** Undefined for what is empty, long, or not ASCII. */
  ascii(): string | undefined {
    if (this.isAtEnd || this.end - this.at > ATTEMPT_ID_BYTES_MAX) return undefined;
    for (let i = this.at; i < this.end; i++) if ((this.bytes[i] ?? 0x80) >= 0x80) return undefined;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at, this.end - this.at).toString('latin1');
  }
}
