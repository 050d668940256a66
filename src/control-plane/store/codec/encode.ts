/**
 * Events -> bytes of a `yardmaster.internal.v1.JournalRow`, by hand: this runs for every step, several times. The schema is
 * proto/yardmaster/internal/v1/journal.proto; a property test compares with generated code.
 *
 * Tags are `field << 3 | wire type` (0 varint, 1 double, 2 bytes). As in proto3, a field without presence is left out
 * when it has its default.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { KeptWriter } from '../../../core/kept-writer.ts';
import type { SecretMark } from '../../../core/secret-mark.ts';
import type { StoredValue } from '../../../core/stored-value.ts';
import { encodeValue } from '../../../core/value.ts';
import type {
  AttemptEnded,
  AttemptStarted,
  BodiesTakenOver,
  ChildStarted,
  Failure,
  ParentStep,
  RunCreated,
  RunEnded,
  RunEnding,
  RunEvent,
  RunTryStarted,
  SignalReceived,
  StepTakenOver,
} from '../../engine/events.ts';
import { ATTEMPT_OUTCOMES, EVENT_TYPES, OUTCOMES, PRIORITIES, SKIP_REASONS, STEP_ENDS } from './names.ts';

const rows = new KeptWriter(() => new BinaryWriter(), 1024 * 1024);

/** The bytes of one journal row. Throws what the events cannot be (a number that is no uint32, details that are no JSON). */
export function encodeEvents(events: readonly RunEvent[]): Uint8Array<ArrayBuffer> {
  return rows.write(writeEvents, events);
}

/** Appends one journal row's bytes, without a length, to what `writer` holds. */
export function writeEvents(writer: BinaryWriter, events: readonly RunEvent[]): void {
  const first = events[0]?.at ?? 0;
  writeDouble(writer, 9, first);
  for (const event of events) {
    writer.uint32(18).fork().uint32(8).uint32(EVENT_TYPES[event.type]);
    writeDouble(writer, 17, event.at - first);
    writeFields(writer, event, first);
    writer.join();
  }
}

function writeFields(writer: BinaryWriter, event: RunEvent, first: number): void {
  switch (event.type) {
    case 'StepTakenOver':
      return writeStepTakenOver(writer, event);
    case 'BlockStarted':
      writeText(writer, 26, event.path);
      if (event.branch !== undefined) writer.uint32(200).uint32(event.branch);
      if (event.items !== undefined) writeNumber(writer, 32, event.items.count);
      if (event.items?.kept !== undefined) writer.uint32(608).uint32(event.items.kept);
      return writeOptionalValue(writer, event.items?.list);
    case 'BodiesTakenOver':
      return writeBodiesTakenOver(writer, event);
    case 'StepQueued':
    case 'StepCancelled':
      return writeText(writer, 26, event.path);
    case 'StepReady':
      writeText(writer, 26, event.path);
      writeValue(writer, event.input);
      for (const mark of event.secrets ?? []) writeSecretMark(writer, mark);
      return writeOptionalText(writer, 458, event.key);
    case 'StepWaiting':
      writeText(writer, 26, event.path);
      writeUntil(writer, event.dueAt, first);
      writeOptionalText(writer, 266, event.title);
      return writeOptionalValue(writer, event.input);
    case 'ChildStarted':
      return writeChildStarted(writer, event);
    case 'SignalReceived':
      return writeSignalReceived(writer, event);
    case 'SignalTaken':
    case 'AttemptUnreachable':
    case 'AttemptReturned':
    case 'StopConfirmed':
    case 'BodyStarted':
      return writeAttempt(writer, event.path, event.number);
    case 'AttemptStarted':
      return writeAttemptStarted(writer, event, first);
    case 'BodyEnded':
      writeAttempt(writer, event.path, event.number);
      writeUntil(writer, event.nextAt, first);
      if (event.status !== undefined) writeNumber(writer, 192, STEP_ENDS[event.status]);
      return writeOptionalValue(writer, event.output);
    case 'AttemptEnded':
      return writeAttemptEnded(writer, event);
    case 'RetryScheduled':
      writeText(writer, 26, event.path);
      writeUntil(writer, event.dueAt, first);
      return writeDouble(writer, 49, event.backoffUntil - first);
    case 'StepStopping':
      writeText(writer, 26, event.path);
      writeUntil(writer, event.graceUntil, first);
      return writeOptionalFailure(writer, event.failure);
    case 'StepCompleted':
      writeText(writer, 26, event.path);
      return writeOptionalValue(writer, event.output);
    case 'StepFellBack':
    case 'StepFailed':
      writeText(writer, 26, event.path);
      writeFailure(writer, 114, event.failure);
      return writeNumber(writer, 144, OUTCOMES[event.status]);
    case 'StepSkipped':
      writeText(writer, 26, event.path);
      writeNumber(writer, 128, SKIP_REASONS[event.reason]);
      return writeOptionalText(writer, 138, event.because);
    case 'LateResult':
      writeAttempt(writer, event.path, event.number);
      return writeNumber(writer, 88, ATTEMPT_OUTCOMES[event.outcome]);
    default:
      return writeFieldsOfRun(writer, event, first);
  }
}

type OfRun =
  | 'RunCreated'
  | 'RunStarted'
  | 'CancelRequested'
  | 'RunPaused'
  | 'RunResumed'
  | 'RunEnding'
  | 'RunTryScheduled'
  | 'RunTryDropped'
  | 'RunTryStarted'
  | 'RunEnded';
type EventOfRun = Extract<RunEvent, { readonly type: OfRun }>;

function writeFieldsOfRun(writer: BinaryWriter, event: EventOfRun, first: number): void {
  switch (event.type) {
    case 'RunCreated':
      return writeRunCreated(writer, event);
    case 'RunStarted':
      return writeUntil(writer, event.deadlineAt, first);
    case 'CancelRequested':
    case 'RunPaused':
      return writeText(writer, 154, event.reason);
    case 'RunResumed':
      return;
    case 'RunEnding':
      writeUntil(writer, event.cleanupUntil, first);
      return writeRunEnd(writer, event, event.outcome);
    case 'RunTryScheduled':
      return writeUntil(writer, event.dueAt, first);
    case 'RunTryDropped':
      return writeUntil(writer, event.cleanupUntil, first);
    case 'RunTryStarted':
      return writeRunTryStarted(writer, event, first);
    case 'RunEnded':
      return writeRunEnded(writer, event);
  }
}

function writeRunCreated(writer: BinaryWriter, event: RunCreated): void {
  writeValue(writer, event.params);
  writer.uint32(170).fork();
  writeText(writer, 10, event.runId);
  writeText(writer, 18, event.namespace);
  writeText(writer, 26, event.workflow);
  writeNumber(writer, 32, event.version);
  writeNumber(writer, 40, PRIORITIES[event.priority]);
  writeOptionalText(writer, 50, event.requestId);
  if (event.labels !== undefined) writeLabels(writer, event.labels);
  writeOptionalText(writer, 66, event.retryOf);
  writeOptionalText(writer, 74, event.rerunOf);
  if (event.parent !== undefined) writeParent(writer, event.parent);
  writer.join();
}

function writeParent(writer: BinaryWriter, parent: ParentStep): void {
  writer.uint32(362).fork();
  writeText(writer, 10, parent.runId);
  writeText(writer, 18, parent.path);
  writeNumber(writer, 24, parent.depth);
  writer.join();
}

function writeChildStarted(writer: BinaryWriter, event: ChildStarted): void {
  writeText(writer, 26, event.path);
  writer.uint32(362).fork();
  writeText(writer, 10, event.runId);
  writeNumber(writer, 16, event.version);
  writer.join();
}

function writeLabels(writer: BinaryWriter, labels: Readonly<Record<string, string>>): void {
  writer.uint32(58).fork();
  for (const [name, value] of Object.entries(labels)) {
    writer.uint32(10).fork().uint32(10).string(name).uint32(18).string(value).join();
  }
  writer.join();
}

function writeStepTakenOver(writer: BinaryWriter, event: StepTakenOver): void {
  writeAttempt(writer, event.path, event.number);
  writeText(writer, 66, event.agentId ?? '');
  writeOptionalValue(writer, event.output);
  writeOptionalFailure(writer, event.failure);
  if (event.reason !== undefined) writeNumber(writer, 128, SKIP_REASONS[event.reason]);
  writeOptionalText(writer, 138, event.because);
  if (event.branch !== undefined) writer.uint32(200).uint32(event.branch);
  writeNumber(writer, 192, STEP_ENDS[event.status]);
}

function writeBodiesTakenOver(writer: BinaryWriter, { path, kept }: BodiesTakenOver): void {
  writeText(writer, 26, path);
  if (kept === undefined) return;
  if ('last' in kept) {
    writeValue(writer, kept.last);
    writer.uint32(616).uint32(kept.iterations);
    return;
  }
  writeNumber(writer, 32, kept.count);
  writeValue(writer, kept.list);
  for (const { number, output } of kept.outputs) {
    writer.uint32(602).fork();
    writeNumber(writer, 8, number);
    writeValue(writer, output);
    writer.join();
  }
}

function writeSignalReceived(writer: BinaryWriter, event: SignalReceived): void {
  writeNumber(writer, 32, event.number);
  writeValue(writer, event.payload);
  writeText(writer, 242, event.name);
  writeOptionalText(writer, 250, event.actor);
  writeText(writer, 258, event.requestId);
}

function writeAttemptStarted(writer: BinaryWriter, event: AttemptStarted, first: number): void {
  writeAttempt(writer, event.path, event.number);
  writeUntil(writer, event.deadlineAt, first);
  writeNumber(writer, 56, event.try);
  writeText(writer, 66, event.agentId);
  writeText(writer, 74, event.instanceId);
  if (event.idempotent) writer.uint32(80).bool(true);
  if (event.resumed !== undefined) writer.uint32(184).bool(event.resumed);
}

function writeAttemptEnded(writer: BinaryWriter, event: AttemptEnded): void {
  writeAttempt(writer, event.path, event.number);
  writeNumber(writer, 88, ATTEMPT_OUTCOMES[event.outcome]);
  writeOptionalFailure(writer, event.failure);
  if (event.countsAsTry !== undefined) writer.uint32(176).bool(event.countsAsTry);
  if (event.unconfirmed !== undefined) writer.uint32(120).bool(event.unconfirmed);
  for (const [name, sum] of Object.entries(event.usage ?? {})) {
    writer.uint32(282).fork();
    writeText(writer, 10, name);
    writeDouble(writer, 17, sum);
    writer.join();
  }
}

function writeRunEnd(writer: BinaryWriter, event: RunEnding | RunEnded, end: RunEnded['status']): void {
  writeOptionalValue(writer, event.output);
  writeOptionalFailure(writer, event.failure);
  writeNumber(writer, 144, OUTCOMES[end]);
}

function writeRunTryStarted(writer: BinaryWriter, event: RunTryStarted, first: number): void {
  writeUntil(writer, event.deadlineAt, first);
  writeNumber(writer, 56, event.try);
  for (const path of event.again) writer.uint32(442).string(path);
  for (const path of event.continued ?? []) writer.uint32(450).string(path);
}

function writeRunEnded(writer: BinaryWriter, event: RunEnded): void {
  writeRunEnd(writer, event, event.status);
  if (event.unconsumedSignals !== undefined) writer.uint32(272).uint32(event.unconsumedSignals);
  if (event.cleanupFailures === undefined) return;
  writer.uint32(162).fork();
  for (const failure of event.cleanupFailures) writeFailure(writer, 10, failure);
  writer.join();
}

function writeAttempt(writer: BinaryWriter, path: string, number: number): void {
  writeText(writer, 26, path);
  writeNumber(writer, 32, number);
}

function writeOptionalFailure(writer: BinaryWriter, failure: Failure | undefined): void {
  if (failure !== undefined) writeFailure(writer, 114, failure);
}

function writeFailure(writer: BinaryWriter, tag: number, failure: Failure): void {
  writer.uint32(tag).fork();
  writeText(writer, 10, failure.code);
  writeText(writer, 18, failure.message);
  if (failure.details !== undefined) writer.uint32(26).bytes(encodeValue(failure.details));
  writeOptionalText(writer, 34, failure.path);
  if (failure.attempt !== undefined) writer.uint32(40).uint32(failure.attempt);
  writeOptionalText(writer, 50, failure.agentId);
  writeOptionalText(writer, 58, failure.instanceId);
  writer.join();
}

function writeOptionalValue(writer: BinaryWriter, value: StoredValue | undefined): void {
  if (value !== undefined) writeValue(writer, value);
}

function writeValue(writer: BinaryWriter, value: StoredValue): void {
  if (value.kind === 'inline') {
    writer.uint32(98).bytes(value.bytes);
    return;
  }
  writer.uint32(106).fork();
  writeText(writer, 10, value.blobId);
  writeNumber(writer, 16, value.size);
  writer.join();
}

function writeSecretMark(writer: BinaryWriter, mark: SecretMark): void {
  writer.uint32(322).fork();
  writeText(writer, 10, mark.pointer);
  writeNumber(writer, 16, mark.offset);
  writeText(writer, 26, mark.name);
  writer.join();
}

function writeUntil(writer: BinaryWriter, at: number | undefined, first: number): void {
  if (at !== undefined) writer.uint32(41).double(at - first);
}

function writeDouble(writer: BinaryWriter, tag: number, value: number): void {
  if (value !== 0) writer.uint32(tag).double(value);
}

function writeNumber(writer: BinaryWriter, tag: number, value: number): void {
  if (value !== 0) writer.uint32(tag).uint32(value);
}

function writeText(writer: BinaryWriter, tag: number, text: string): void {
  if (text !== '') writer.uint32(tag).string(text);
}

function writeOptionalText(writer: BinaryWriter, tag: number, text: string | undefined): void {
  if (text !== undefined) writer.uint32(tag).string(text);
}
