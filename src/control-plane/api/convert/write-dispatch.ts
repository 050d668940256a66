/**
 * A Dispatch, written field by field: one goes out for every step, and encoding it by its descriptor costs several times as much.
 * The tests compare it with what the descriptor makes.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { JsonObject } from '../../../core/json.ts';
import { KeptWriter } from '../../../core/kept-writer.ts';
import { AssignmentSchema } from '../../../gen/opaque/session_pb.ts';
import { CapabilityVerdict, ChunkVerdict, ResultVerdict, StopReason } from '../../../gen/yardmaster/v1/dispatch_pb.ts';
import type { CapabilityAnswer, ChunkAck, DispatchFrame, WireAssignment, WireStop } from '../../registry/frames.ts';
import { writeStruct } from './json.ts';
import { writePriority } from './priority.ts';

const VARINT = 0;
const LENGTH = 2;
const tag = (field: number, type: typeof VARINT | typeof LENGTH): number => (field << 3) | type;

/** SessionResponse.dispatch and the fields of Dispatch. */
const DISPATCH = tag(2, LENGTH);
const ASSIGNMENTS = tag(1, LENGTH);
const STOPS = tag(2, LENGTH);
const ACKS = tag(3, LENGTH);

const messages = new KeptWriter(() => new BinaryWriter(), 1024 * 1024);

/** The bytes of a SessionResponse. */
export function encodeDispatch(frame: DispatchFrame): Uint8Array {
  return messages.write(writeDispatch, frame);
}

/** The bytes of an Assignment, for `encoded`. */
export function encodeAssignment(assignment: WireAssignment): Uint8Array {
  return messages.write(writeAssignment, assignment);
}

function writeDispatch(
  writer: BinaryWriter,
  { assignments, stops, results, beat, stateRevision, chunks, capabilities = [] }: DispatchFrame,
): void {
  writer.uint32(DISPATCH).fork();
  for (const assignment of assignments) {
    writer.uint32(ASSIGNMENTS);
    if (assignment.encoded === undefined) {
      writer.fork();
      writeAssignment(writer, assignment);
      writer.join();
    } else writer.bytes(assignment.encoded);
  }
  for (const stop of stops) writeStop(writer, stop);
  const hasAnswers = chunks.length > 0 || capabilities.length > 0;
  if (beat !== 0 || results.length > 0 || stateRevision !== 0 || hasAnswers) {
    writer.uint32(ACKS).fork();
    number(writer, tag(1, VARINT), beat);
    for (const { attemptId, verdict } of results) {
      writer.uint32(tag(2, LENGTH)).fork();
      text(writer, tag(1, LENGTH), attemptId);
      number(writer, tag(2, VARINT), ResultVerdict[verdict]);
      writer.join();
    }
    number(writer, tag(3, VARINT), stateRevision);
    for (const ack of chunks) writeChunkAck(writer, ack);
    for (const answer of capabilities) writeCapabilityAnswer(writer, answer);
    writer.join();
  }
  writer.join();
}

function writeChunkAck(writer: BinaryWriter, { attemptId, stored, verdict }: ChunkAck): void {
  writer.uint32(tag(30, LENGTH)).fork();
  text(writer, tag(1, LENGTH), attemptId);
  number(writer, tag(2, VARINT), stored);
  number(writer, tag(3, VARINT), ChunkVerdict[verdict]);
  writer.join();
}

function writeCapabilityAnswer(writer: BinaryWriter, { name, version, reason }: CapabilityAnswer): void {
  writer.uint32(tag(40, LENGTH)).fork();
  text(writer, tag(1, LENGTH), name);
  text(writer, tag(2, LENGTH), version);
  number(writer, tag(3, VARINT), reason === undefined ? CapabilityVerdict.ACCEPTED : CapabilityVerdict.REJECTED);
  text(writer, tag(4, LENGTH), reason ?? '');
  writer.join();
}

function writeAssignment(writer: BinaryWriter, assignment: WireAssignment): void {
  text(writer, tag(1, LENGTH), assignment.attemptId);
  text(writer, tag(2, LENGTH), assignment.runId);
  text(writer, tag(3, LENGTH), assignment.workflow);
  text(writer, tag(4, LENGTH), assignment.path);
  number(writer, tag(5, VARINT), assignment.number);
  number(writer, tag(6, VARINT), assignment.try);
  text(writer, tag(7, LENGTH), assignment.capability);
  text(writer, tag(8, LENGTH), assignment.capabilityVersion);
  writeInput(writer, assignment.input);
  number(writer, tag(10, VARINT), wholeMs(assignment.timeoutMs));
  text(writer, tag(11, LENGTH), assignment.idempotencyKey);
  const { checkpoint } = assignment;
  if (checkpoint !== undefined && checkpoint.length > 0) writer.uint32(tag(12, LENGTH)).bytes(checkpoint);
  number(writer, tag(13, VARINT), writePriority(assignment.priority));
  if (hasMembers(assignment.metadata)) writer.raw(encodeMetadata(assignment.metadata));
  if (assignment.idempotent) writer.uint32(tag(15, VARINT)).bool(true);
  number(writer, tag(16, VARINT), wholeMs(assignment.lossWindowMs));
  number(writer, tag(17, VARINT), wholeMs(assignment.heartbeatTimeoutMs));
  number(writer, tag(30, VARINT), assignment.nextChunk ?? 0);
}

function writeInput(writer: BinaryWriter, input: WireAssignment['input']): void {
  writer.uint32(tag(9, LENGTH)).fork();
  if (input.kind === 'inline') writer.uint32(tag(1, LENGTH)).bytes(input.bytes);
  else {
    writer.uint32(tag(2, LENGTH)).fork();
    text(writer, tag(1, LENGTH), input.blobId);
    number(writer, tag(2, VARINT), input.size);
    writer.join();
  }
  writer.join();
}

/** Seldom there: the field with its tag, as an Assignment that has nothing else. */
function encodeMetadata(metadata: JsonObject): Uint8Array {
  const struct = writeStruct(metadata);
  return toBinary(AssignmentSchema, create(AssignmentSchema, struct === undefined ? {} : { metadata: struct }));
}

function writeStop(writer: BinaryWriter, { attemptId, reason, graceMs }: WireStop): void {
  writer.uint32(STOPS).fork();
  text(writer, tag(1, LENGTH), attemptId);
  number(writer, tag(2, VARINT), StopReason[reason]);
  number(writer, tag(3, VARINT), wholeMs(graceMs));
  writer.join();
}

/** Like every proto3 field without presence: what has its default is not sent. */
function text(writer: BinaryWriter, fieldTag: number, value: string): void {
  if (value !== '') writer.uint32(fieldTag).string(value);
}

function number(writer: BinaryWriter, fieldTag: number, value: number): void {
  if (value !== 0) writer.uint32(fieldTag).uint32(value);
}

export function hasMembers(metadata: JsonObject): boolean {
  for (const _ in metadata) return true;
  return false;
}

/** Milliseconds as a uint32: 49 days are as good as more, for one attempt. */
function wholeMs(ms: number): number {
  return Math.min(2 ** 32 - 1, Math.max(0, Math.ceil(ms)));
}
