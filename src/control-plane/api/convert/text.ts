/** Names, labels and texts from outside. Names that must fit are faults; texts for people are cut. */
import { CALL_REQUESTS, NAME_PATTERN } from '../../../core/ids.ts';
import { limits } from '../../../core/limits.ts';
import { callDefinition } from '../../../workflow/call-workflow.ts';
import type { Faults } from './faults.ts';

const FIELDS_MAX = 32;

export function readName(faults: Faults, pointer: string, value: string): string {
  if (!NAME_PATTERN.test(value)) {
    faults.add(pointer, `${quote(value)} is not a name: 1 to 128 of letters, digits, "_", ".", ":" and "-"`);
  }
  return value;
}

/** Of a run that is there: it may be a call between agents, whose workflow nobody can register or start. */
export function readRunWorkflow(faults: Faults, pointer: string, value: string): string {
  return callDefinition(value, 1) === undefined ? readName(faults, pointer, value) : value;
}

/** An id that only has to be there: what it means is judged by whoever knows ids. */
export function readAttemptId(faults: Faults, pointer: () => string, value: string): string {
  if (value === '' || value.length > limits.attemptIdCharsMax) faults.add(pointer(), 'is not an attempt id');
  return value;
}

export function readLabels(
  faults: Faults,
  pointer: string,
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(labels);
  if (entries.length > limits.labelsMax)
    faults.add(pointer, `has ${entries.length} labels; at most ${limits.labelsMax} are allowed`);
  const kept = entries.slice(0, limits.labelsMax);
  for (const [key, value] of kept) {
    if (key === '' || key.length > limits.labelCharsMax || value.length > limits.labelCharsMax) {
      faults.add(
        `${pointer}.${cutText(key, 64)}`,
        `is not a label: a key has 1 to ${limits.labelCharsMax} characters, a value at most as many`,
      );
    }
  }
  return Object.fromEntries(kept);
}

/** Facts beside a line of a log: the first few, each cut. */
export function readLogFields(fields: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(fields).slice(0, FIELDS_MAX);
  return Object.fromEntries(entries.map(([key, value]) => [cutText(key, limits.labelCharsMax), cutText(value, 1_024)]));
}

/** A text for people: cut, and still well formed. */
export function cutText(text: string, charsMax: number = limits.errorMessageCharsMax): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}

/** What was written, for a message. */
export function quote(value: string): string {
  return JSON.stringify(cutText(value, 64));
}

/** '' : none. */
export function readRequestId(faults: Faults, field: string, text: string): string {
  if (text.length > limits.requestIdCharsMax) {
    faults.add(field, `has ${text.length} characters; at most ${limits.requestIdCharsMax} are allowed`);
  }
  if (text.startsWith(CALL_REQUESTS))
    faults.add(field, `begins with "${CALL_REQUESTS}", as only calls between agents may`);
  return text;
}
