/** What the tape says of one attempt. Pure. */
import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import type { JsonValue } from '../core/json.ts';
import type { Payload } from '../gen/yardmaster/v1/payload_pb.ts';
import type { AttemptResult, AttemptUpdate } from '../gen/yardmaster/v1/report_pb.ts';
import type { Tape } from './tape.ts';

export interface Told<T> {
  readonly atMs: number;
  readonly stream: number;
  readonly value: T;
}

export type Update<Case extends AttemptUpdate['update']['case']> = Extract<AttemptUpdate['update'], { case: Case }>;

/** Results of the attempt in their order, repeats included. */
export function resultsOf(tape: Tape, id: string): readonly Told<AttemptResult>[] {
  return tape.entries.flatMap(({ atMs, stream, ...entry }) =>
    entry.kind === 'received' && entry.frame.case === 'report'
      ? entry.frame.value.results.filter((r) => r.attemptId === id).map((value) => ({ atMs, stream, value }))
      : [],
  );
}

export function updatesOf(tape: Tape, id: string): readonly Told<AttemptUpdate['update']>[] {
  return tape.entries.flatMap(({ atMs, stream, ...entry }) =>
    entry.kind === 'received' && entry.frame.case === 'report'
      ? entry.frame.value.updates
          .filter((u) => u.attemptId === id)
          .map(({ update }) => ({ atMs, stream, value: update }))
      : [],
  );
}

/** Updates of one kind. */
export function told<Case extends NonNullable<AttemptUpdate['update']['case']>>(
  tape: Tape,
  id: string,
  kind: Case,
): readonly Told<Update<Case>['value']>[] {
  return updatesOf(tape, id).flatMap(({ atMs, stream, value }) =>
    // The case that was asked for.
    value.case === kind ? [{ atMs, stream, value: value.value as Update<Case>['value'] }] : [],
  );
}

export function jsonOf(payload: Payload | undefined): JsonValue | undefined {
  if (payload?.kind.case !== 'value') return undefined;
  // A Value is JSON.
  return toJson(ValueSchema, payload.kind.value) as JsonValue;
}
