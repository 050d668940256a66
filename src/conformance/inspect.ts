/** What holds in every situation, looked at when it is over. Pure but for the tape that it reads. */
import { equals } from '@bufbuild/protobuf';
import { type AttemptResult, AttemptResultSchema, type Report } from '../gen/yardmaster/v1/report_pb.ts';
import { check } from './breach.ts';
import { resultText } from './frame-text.ts';
import type { Stage } from './stage.ts';
import type { AgentFrame, TapeEntry } from './tape.ts';

/** The clauses of `inspect`: every situation is about them, too. */
export const INSPECTED = ['S-1', 'H-1', 'H-2', 'O-1', 'B-2', 'B-3', 'A-1', 'U-2', 'U-3', 'R-1', 'R-6', 'L-4'] as const;

/** Throws the first breach. */
export function inspect(stage: Stage): void {
  for (const entry of stage.tape.entries) {
    const isReadable = entry.kind !== 'note' || !entry.text.startsWith('UNREADABLE');
    check(isReadable, 'S-1', 'frames that can be read', entry.kind === 'note' ? entry.text : '');
  }
  for (const { number } of stage.streams) {
    inspectStream(stage.tape.entries.filter(({ stream }) => stream === number));
  }
  inspectAttempts(stage);
}

function inspectStream(entries: readonly TapeEntry[]): void {
  let isWelcome = false;
  let beats = 0;
  let revision = 0;
  let isOver = false;
  const frames = framesOf(entries);
  const hellos = frames.filter((frame) => frame.case === 'hello').length;
  check(hellos <= 1, 'H-2', 'one Hello on a stream', `${hellos}`);
  check(frames.length === 0 || frames[0]?.case === 'hello', 'H-1', 'Hello first', `${frames[0]?.case}`);
  for (const entry of entries) {
    if (entry.kind === 'sent' && entry.frame.case === 'welcome') isWelcome = true;
    if (entry.kind !== 'received') continue;
    const { frame } = entry;
    check(!isOver, 'L-4', 'nothing after Goodbye', `${frame.case}`);
    if (frame.case !== 'hello') check(isWelcome, 'H-1', 'nothing but Hello before the Welcome', `${frame.case}`);
    if (frame.case === 'beat') inspectBeat(frame.value, ++beats);
    if (frame.case === 'goodbye') isOver = true;
    const state = frame.case === 'hello' ? frame.value.state : frame.case === 'state' ? frame.value : undefined;
    if (state === undefined) continue;
    check(state.revision > revision, 'O-1', `a revision above ${revision}`, `${state.revision}`);
    revision = state.revision;
  }
}

function inspectBeat({ number, load }: { readonly number: number; readonly load: number }, expected: number): void {
  check(number === expected, 'B-2', `beat ${expected}`, `beat ${number}`);
  check(load >= 0 && load <= 1, 'B-3', 'a load from 0 to 1', `${load}`);
}

function framesOf(entries: readonly TapeEntry[]): AgentFrame[] {
  return entries.flatMap((entry) => (entry.kind === 'received' ? [entry.frame] : []));
}

/** Attempts over all streams: they outlive them. */
function inspectAttempts(stage: Stage): void {
  const attempts = new Map<string, Seen>();
  const known: Known = (id) => {
    check(stage.assigned.has(id), 'U-2', 'news of attempts that were assigned', `some of "${id}"`);
    const attempt = attempts.get(id) ?? { isRejected: false, isAccepted: false, result: undefined, resultStream: 0 };
    attempts.set(id, attempt);
    return attempt;
  };
  const slots = stage.streams[0]?.hello?.state?.slots ?? 0;
  for (const entry of stage.tape.entries) {
    if (entry.kind !== 'received' || entry.frame.case !== 'report') continue;
    const { stream, frame } = entry;
    readUpdates(frame.value, stream, known);
    readResults(frame.value, stream, known, stage);
    const busy = [...attempts.values()].filter(({ isAccepted, result }) => isAccepted && result === undefined);
    check(busy.length <= slots, 'A-1', `at most ${slots} attempts at work`, `${busy.length}`);
  }
}

interface Seen {
  isRejected: boolean;
  isAccepted: boolean;
  result: AttemptResult | undefined;
  /** Where it was sent last; 0: nowhere. */
  resultStream: number;
}

type Known = (id: string) => Seen;

function readUpdates({ updates }: Report, stream: number, known: Known): void {
  for (const { attemptId, update } of updates) {
    const attempt = known(attemptId);
    const news = `${update.case} of ${attemptId}`;
    check(!attempt.isRejected, 'U-2', 'nothing after rejected', news);
    // On a new stream all that may have been lost comes again: the last checkpoint, too.
    check(attempt.resultStream !== stream, 'U-2', 'no update after the result', news);
    if (update.case === 'accepted') attempt.isAccepted = true;
    if (update.case === 'rejected') attempt.isRejected = true;
    if (update.case !== 'progress') continue;
    const { fraction } = update.value;
    check(fraction >= 0 && fraction <= 1, 'U-3', 'a fraction from 0 to 1', `${fraction}`);
  }
}

function readResults({ results }: Report, stream: number, known: Known, stage: Stage): void {
  for (const result of results) {
    const attempt = known(result.attemptId);
    const text = resultText(result);
    check(result.result.case !== undefined, 'R-1', 'a result that says how it ended', text);
    check(!attempt.isRejected, 'U-2', 'nothing after rejected', text);
    const first = attempt.result;
    const isSame = first === undefined || equals(AttemptResultSchema, first, result);
    check(isSame, 'R-1', `one result of ${result.attemptId}`, `a second, different one: ${text}`);
    attempt.result = first ?? result;
    attempt.resultStream = stream;
    if (result.result.case !== 'cancelled') continue;
    const isStopped = stage.stopped.has(result.attemptId);
    check(isStopped, 'R-6', 'cancelled only after a stop', text);
  }
}
