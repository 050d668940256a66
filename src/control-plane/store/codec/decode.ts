/**
 * Bytes of a `yardmaster.internal.v1.JournalRow` -> events. Everything that this version does not know (a tag, an event
 * type, an enum number, a missing part) is STORE_CORRUPT: an event that is half read would fold into a wrong state.
 *
 * The fields of each event are gathered in one record of fixed shape, then become the event of their type.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { isYardmasterError } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json.ts';
import type { SecretMark } from '../../../core/secret-mark.ts';
import { inlineValue, type StoredValue } from '../../../core/stored-value.ts';
import { decodeValue } from '../../../core/value.ts';
import type { Failure, ItemOutput, ParentStep, RunEvent } from '../../engine/events.ts';
import { buildEvent } from './build-event.ts';
import { corrupt } from './corrupt.ts';
import { type Creation, EventFields } from './event-fields.ts';
import { readAttemptOutcome, readOutcome, readPriority, readSkipReason, readStepEnd } from './names.ts';

/** The events of one journal row. Inline values are views into `bytes`. Throws STORE_CORRUPT. */
export function decodeEvents(bytes: Uint8Array): RunEvent[] {
  try {
    return readRow(new BinaryReader(bytes));
  } catch (error) {
    if (isYardmasterError(error) && error.code === 'STORE_CORRUPT') throw error;
    return corrupt(error instanceof Error ? error.message : String(error), error);
  }
}

function readRow(reader: BinaryReader): RunEvent[] {
  const events: RunEvent[] = [];
  const fields = new EventFields();
  let first = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 9) first = reader.double();
    else if (tag === 18) events.push(readEvent(reader, fields, first));
    else unknownTag('JournalRow', tag);
  }
  if (events.length === 0) corrupt('it holds no event');
  return events;
}

function readEvent(reader: BinaryReader, fields: EventFields, first: number): RunEvent {
  const end = readEnd(reader);
  fields.reset(first);
  while (reader.pos < end) readField(reader, reader.uint32(), fields, first);
  mustEndAt(reader, end);
  return buildEvent(fields);
}

function readField(reader: BinaryReader, tag: number, fields: EventFields, first: number): void {
  switch (tag) {
    case 8:
      fields.type = reader.uint32();
      return;
    case 17:
      fields.at = first + reader.double();
      return;
    case 26:
      fields.path = reader.string(true);
      return;
    case 32:
      fields.number = reader.uint32();
      return;
    case 41:
      fields.until = first + reader.double();
      return;
    case 49:
      fields.backoffUntil = first + reader.double();
      return;
    case 56:
      fields.try = reader.uint32();
      return;
    case 66:
      fields.agentId = reader.string(true);
      return;
    case 74:
      fields.instanceId = reader.string(true);
      return;
    case 80:
      fields.idempotent = reader.bool();
      return;
    case 88:
      fields.outcome = readAttemptOutcome(reader.uint32());
      return;
    case 98:
      fields.value = inlineValue(reader.bytes());
      return;
    default:
      readRareField(reader, tag, fields);
  }
}

function readRareField(reader: BinaryReader, tag: number, fields: EventFields): void {
  switch (tag) {
    case 106:
      fields.value = readBlobReference(reader);
      return;
    case 114:
      fields.failure = readFailure(reader);
      return;
    case 120:
      fields.unconfirmed = reader.bool();
      return;
    case 282:
      fields.usage = { ...fields.usage, ...readCounter(reader) };
      return;
    case 184:
      fields.resumed = reader.bool();
      return;
    case 128:
      fields.skipReason = readSkipReason(reader.uint32());
      return;
    case 200:
      fields.branch = reader.uint32();
      return;
    case 138:
      fields.because = reader.string(true);
      return;
    case 144:
      fields.end = readOutcome(reader.uint32());
      return;
    case 154:
      fields.reason = reader.string(true);
      return;
    case 162:
      fields.cleanupFailures = readFailures(reader);
      return;
    case 176:
      fields.countsAsTry = reader.bool();
      return;
    case 192:
      fields.stepEnd = readStepEnd(reader.uint32());
      return;
    case 170:
      fields.creation = readCreation(reader);
      return;
    case 322:
      fields.secrets ??= [];
      fields.secrets.push(readSecretMark(reader));
      return;
    case 242:
      fields.signal = reader.string(true);
      return;
    case 250:
      fields.actor = reader.string(true);
      return;
    case 258:
      fields.requestId = reader.string(true);
      return;
    case 266:
      fields.title = reader.string(true);
      return;
    case 272:
      fields.unconsumedSignals = reader.uint32();
      return;
    case 362:
      fields.child = readChild(reader);
      return;
    default:
      readTryField(reader, tag, fields);
  }
}

function readTryField(reader: BinaryReader, tag: number, fields: EventFields): void {
  switch (tag) {
    case 442:
      fields.again ??= [];
      fields.again.push(reader.string(true));
      return;
    case 450:
      fields.continued ??= [];
      fields.continued.push(reader.string(true));
      return;
    case 458:
      fields.key = reader.string(true);
      return;
    case 602:
      fields.itemOutputs ??= [];
      fields.itemOutputs.push(readItemOutput(reader));
      return;
    case 608:
      fields.keptItems = reader.uint32();
      return;
    case 616:
      fields.iterations = reader.uint32();
      return;
    default:
      unknownTag('JournalEvent', tag);
  }
}

function readCreation(reader: BinaryReader): Creation {
  const creation: Creation = { runId: '', namespace: '', workflow: '', version: 0, priority: undefined };
  readMessage(reader, (tag) => {
    if (tag === 10) creation.runId = reader.string(true);
    else if (tag === 18) creation.namespace = reader.string(true);
    else if (tag === 26) creation.workflow = reader.string(true);
    else if (tag === 32) creation.version = reader.uint32();
    else if (tag === 40) creation.priority = readPriority(reader.uint32());
    else if (tag === 50) creation.requestId = reader.string(true);
    else if (tag === 58) creation.labels = readLabels(reader);
    else if (tag === 66) creation.retryOf = reader.string(true);
    else if (tag === 74) creation.rerunOf = reader.string(true);
    else if (tag === 362) creation.parent = readParent(reader);
    else unknownTag('Creation', tag);
  });
  return creation;
}

function readParent(reader: BinaryReader): ParentStep {
  const parent = { runId: '', path: '', depth: 0 };
  readMessage(reader, (tag) => {
    if (tag === 10) parent.runId = reader.string(true);
    else if (tag === 18) parent.path = reader.string(true);
    else if (tag === 24) parent.depth = reader.uint32();
    else unknownTag('Parent', tag);
  });
  return parent;
}

function readChild(reader: BinaryReader): NonNullable<EventFields['child']> {
  const child = { runId: '', version: 0 };
  readMessage(reader, (tag) => {
    if (tag === 10) child.runId = reader.string(true);
    else if (tag === 16) child.version = reader.uint32();
    else unknownTag('Child', tag);
  });
  return child;
}

function readLabels(reader: BinaryReader): Record<string, string> {
  const entries: [string, string][] = [];
  readMessage(reader, (tag) => {
    if (tag === 10) entries.push(readLabel(reader));
    else unknownTag('Labels', tag);
  });
  // Defines own properties: a label named `__proto__` is a label.
  return Object.fromEntries(entries);
}

function readLabel(reader: BinaryReader): [string, string] {
  const entry: [string, string] = ['', ''];
  readMessage(reader, (tag) => {
    if (tag === 10) entry[0] = reader.string(true);
    else if (tag === 18) entry[1] = reader.string(true);
    else unknownTag('Labels.entries', tag);
  });
  return entry;
}

function readBlobReference(reader: BinaryReader): StoredValue {
  let blobId = '';
  let size = 0;
  readMessage(reader, (tag) => {
    if (tag === 10) blobId = reader.string(true);
    else if (tag === 16) size = reader.uint32();
    else unknownTag('BlobReference', tag);
  });
  return { kind: 'blob', blobId, size };
}

function readCounter(reader: BinaryReader): Record<string, number> {
  let name = '';
  let sum = 0;
  readMessage(reader, (tag) => {
    if (tag === 10) name = reader.string(true);
    else if (tag === 17) sum = reader.double();
    else unknownTag('UsageCounter', tag);
  });
  return { [name]: sum };
}

function readItemOutput(reader: BinaryReader): ItemOutput {
  let number = 0;
  let output: StoredValue | undefined;
  readMessage(reader, (tag) => {
    if (tag === 8) number = reader.uint32();
    else if (tag === 98) output = inlineValue(reader.bytes());
    else if (tag === 106) output = readBlobReference(reader);
    else unknownTag('ItemOutput', tag);
  });
  return output === undefined ? corrupt('an item has no output') : { number, output };
}

function readSecretMark(reader: BinaryReader): SecretMark {
  let pointer = '';
  let offset = 0;
  let name = '';
  readMessage(reader, (tag) => {
    if (tag === 10) pointer = reader.string(true);
    else if (tag === 16) offset = reader.uint32();
    else if (tag === 26) name = reader.string(true);
    else unknownTag('SecretMark', tag);
  });
  return { pointer, offset, name };
}

function readFailures(reader: BinaryReader): Failure[] {
  const failures: Failure[] = [];
  readMessage(reader, (tag) => {
    if (tag === 10) failures.push(readFailure(reader));
    else unknownTag('Failures', tag);
  });
  return failures;
}

function readFailure(reader: BinaryReader): Failure {
  const failure: { -readonly [Key in keyof Failure]: Failure[Key] } = { code: '', message: '' };
  readMessage(reader, (tag) => {
    if (tag === 10) failure.code = reader.string(true);
    else if (tag === 18) failure.message = reader.string(true);
    else if (tag === 26) failure.details = readDetails(reader.bytes());
    else if (tag === 34) failure.path = reader.string(true);
    else if (tag === 40) failure.attempt = reader.uint32();
    else if (tag === 50) failure.agentId = reader.string(true);
    else if (tag === 58) failure.instanceId = reader.string(true);
    else unknownTag('Failure', tag);
  });
  return failure;
}

function readDetails(bytes: Uint8Array): NonNullable<Failure['details']> {
  const value = decodeValue(bytes);
  return isJsonObject(value) ? value : corrupt('the details of a failure are not an object');
}

function readMessage(reader: BinaryReader, readTag: (tag: number) => void): void {
  const end = readEnd(reader);
  while (reader.pos < end) readTag(reader.uint32());
  mustEndAt(reader, end);
}

function readEnd(reader: BinaryReader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  return end <= reader.len ? end : corrupt('it is cut short');
}

function mustEndAt(reader: BinaryReader, end: number): void {
  if (reader.pos !== end) corrupt('a part is longer than it says');
}

function unknownTag(message: string, tag: number): never {
  return corrupt(`field ${tag >>> 3} (wire type ${tag & 7}) of ${message} is unknown`);
}
