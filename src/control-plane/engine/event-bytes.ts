/**
 * What an event takes in the journal, where its bytes are not known yet: never less than they are, and little more. A function of
 * what is stored of the event alone, so that a replay counts what was counted before. Every event is counted: no generic walk.
 */
import type { JsonValue } from '../../core/json.ts';
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { BodiesTakenOver, Failure, RunCreated, RunEvent, StepTakenOver, Usage } from './events.ts';

/** Whatever has a fixed length: that of the row, type and times, numbers, flags. */
const EVENT = 64;
/** Tags and lengths of something inside. */
const PART = 24;

type OfStep = Extract<RunEvent, { readonly path: string }>;

/** Paths and ids are ASCII. */
export function eventBytes(event: RunEvent): number {
  switch (event.type) {
    case 'AttemptStarted':
      return EVENT + event.path.length + event.agentId.length + event.instanceId.length;
    case 'StepReady':
      return EVENT + event.path.length + ofValue(event.input) + ofMarks(event.secrets) + ofText(event.key);
    case 'BodyEnded':
    case 'StepCompleted':
      return EVENT + event.path.length + ofValue(event.output);
    case 'BlockStarted':
      return EVENT + event.path.length + ofValue(event.items?.list);
    case 'StepTakenOver':
      return EVENT + event.path.length + ofTakenOver(event);
    case 'BodiesTakenOver':
      return EVENT + event.path.length + ofKept(event.kept);
    case 'StepWaiting':
      return EVENT + event.path.length + ofValue(event.input) + ofText(event.title);
    case 'ChildStarted':
      return EVENT + event.path.length + PART + event.runId.length;
    case 'AttemptEnded':
      return EVENT + event.path.length + ofFailure(event.failure) + ofUsage(event.usage);
    case 'StepStopping':
    case 'StepFellBack':
    case 'StepFailed':
      return EVENT + event.path.length + ofFailure(event.failure);
    case 'StepSkipped':
      return EVENT + event.path.length + ofText(event.because);
    case 'BodyStarted':
    case 'SignalTaken':
    case 'StepQueued':
    case 'AttemptUnreachable':
    case 'AttemptReturned':
    case 'StopConfirmed':
    case 'RetryScheduled':
    case 'StepCancelled':
    case 'LateResult':
      return EVENT + event.path.length;
    default:
      return EVENT + ofRun(event);
  }
}

/** A name takes at most three bytes a character, a number eight. */
function ofUsage(usage: Usage | undefined): number {
  let bytes = 0;
  for (const name in usage) bytes += PART + 3 * name.length;
  return bytes;
}

function ofRun(event: Exclude<RunEvent, OfStep>): number {
  switch (event.type) {
    case 'RunCreated':
      return ofCreation(event);
    case 'SignalReceived':
      return ofValue(event.payload) + ofText(event.name) + ofText(event.actor) + ofText(event.requestId);
    case 'CancelRequested':
    case 'RunPaused':
      return ofText(event.reason);
    case 'RunTryStarted':
      return ofTexts(event.again) + ofTexts(event.continued ?? []);
    case 'RunEnding':
      return ofValue(event.output) + ofFailure(event.failure);
    case 'RunEnded':
      return ofValue(event.output) + ofFailure(event.failure) + ofFailures(event.cleanupFailures ?? []);
    case 'RunStarted':
    case 'RunResumed':
    case 'RunTryScheduled':
    case 'RunTryDropped':
      return 0;
  }
}

function ofTakenOver({ output, failure, because, agentId }: StepTakenOver): number {
  return ofValue(output) + ofFailure(failure) + ofText(because) + ofText(agentId);
}

function ofKept(kept: BodiesTakenOver['kept']): number {
  if (kept === undefined) return 0;
  if ('last' in kept) return PART + ofValue(kept.last);
  return kept.outputs.reduce((bytes, { output }) => bytes + PART + ofValue(output), PART + ofValue(kept.list));
}

function ofCreation({ params, runId, namespace, workflow, requestId, retryOf, rerunOf, ...more }: RunCreated): number {
  const texts = ofText(runId) + ofText(namespace) + ofText(workflow) + ofText(requestId) + ofText(retryOf);
  const parent = ofText(more.parent?.runId) + ofText(more.parent?.path);
  return ofValue(params) + texts + ofText(rerunOf) + parent + (more.labels === undefined ? 0 : ofJson(more.labels));
}

function ofValue(value: StoredValue | undefined): number {
  if (value === undefined) return 0;
  return PART + (value.kind === 'inline' ? value.bytes.length : lengthOf(value.blobId));
}

function ofFailure(failure: Failure | undefined): number {
  if (failure === undefined) return 0;
  const { code, message, details, path, agentId, instanceId } = failure;
  const texts = ofText(code) + ofText(message) + ofText(path) + ofText(agentId) + ofText(instanceId);
  return PART + texts + (details === undefined ? 0 : ofJson(details));
}

function ofFailures(failures: readonly Failure[]): number {
  return failures.reduce((bytes, failure) => bytes + ofFailure(failure), 0);
}

function ofMarks(marks: readonly SecretMark[] = []): number {
  return marks.reduce((bytes, { pointer, name }) => bytes + PART + ofText(pointer) + ofText(name), 0);
}

function ofTexts(texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + ofText(text), 0);
}

/** As the bytes of a Value, nearly. A member that is undefined is not stored. */
function ofJson(value: JsonValue | undefined): number {
  if (value === undefined) return 0;
  if (typeof value === 'string') return PART + lengthOf(value);
  if (typeof value !== 'object' || value === null) return PART;
  if (Array.isArray(value)) return value.reduce((bytes: number, item) => bytes + ofJson(item), PART);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return members.reduce((bytes, [key, member]) => bytes + ofText(key) + ofJson(member), PART);
}

function ofText(text: string | undefined): number {
  return text === undefined || text === '' ? 0 : PART + lengthOf(text);
}

/** In UTF-8. */
function lengthOf(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x7f) continue;
    // A pair of surrogates is four bytes.
    bytes += unit <= 0x7ff || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
