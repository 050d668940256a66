/** Names, labels and texts from outside. Names that must fit are faults; texts for people are cut. */
import { NAME_PATTERN } from '../../../core/ids.ts';
import { limits } from '../../../core/limits.ts';
import type { Faults } from './faults.ts';

const LABELS_MAX = 64;
const LABEL_CHARS_MAX = 256;
const FIELDS_MAX = 32;
/** An attempt id is a run id, a path of a few step ids and a number. */
const ATTEMPT_ID_CHARS_MAX = 2_048;

export function readName(faults: Faults, pointer: string, value: string): string {
  if (!NAME_PATTERN.test(value)) {
    faults.add(pointer, `${quote(value)} is not a name: 1 to 128 of letters, digits, "_", ".", ":" and "-"`);
  }
  return value;
}

/** An id that only has to be there: what it means is judged by whoever knows ids. */
export function readAttemptId(faults: Faults, pointer: () => string, value: string): string {
  if (value === '' || value.length > ATTEMPT_ID_CHARS_MAX) faults.add(pointer(), 'is not an attempt id');
  return value;
}

export function readLabels(
  faults: Faults,
  pointer: string,
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX)
    faults.add(pointer, `has ${entries.length} labels; at most ${LABELS_MAX} are allowed`);
  const kept = entries.slice(0, LABELS_MAX);
  for (const [key, value] of kept) {
    if (key === '' || key.length > LABEL_CHARS_MAX || value.length > LABEL_CHARS_MAX) {
      faults.add(
        `${pointer}.${cutText(key, 64)}`,
        `is not a label: key and value have at most ${LABEL_CHARS_MAX} characters`,
      );
    }
  }
  return Object.fromEntries(kept);
}

/** Facts beside a line of a log: the first few, each cut. */
export function readLogFields(fields: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(fields).slice(0, FIELDS_MAX);
  return Object.fromEntries(entries.map(([key, value]) => [cutText(key, LABEL_CHARS_MAX), cutText(value, 1_024)]));
}

/** A text for people: cut, and still well formed. */
export function cutText(text: string, charsMax: number = limits.errorMessageCharsMax): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}

/** What was written, for a message. */
export function quote(value: string): string {
  return JSON.stringify(cutText(value, 64));
}

const REQUEST_ID_CHARS_MAX = 128;

/** '' : none. */
export function readRequestId(faults: Faults, field: string, text: string): string {
  if (text.length > REQUEST_ID_CHARS_MAX) {
    faults.add(field, `has ${text.length} characters; at most ${REQUEST_ID_CHARS_MAX} are allowed`);
  }
  return text;
}
