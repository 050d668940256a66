/**
 * Frames and their bytes. What comes and goes with every step is read and written field by field: by their descriptors that costs
 * several times as much, most of all in an agent that sleeps between steps. Everything else goes by the descriptors, to which the
 * tests compare it all.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { KeptWriter } from '../core/kept-writer.ts';
import {
  type Assignment,
  type AttemptResult,
  AttemptResultSchema,
  type AttemptUpdate,
  AttemptUpdateSchema,
  type Dispatch,
  type Payload,
  type Report,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '../gen/opaque/session_pb.ts';
import { type Acks, type ResultAck, ResultVerdict } from '../gen/yardmaster/v1/dispatch_pb.ts';
import { Priority } from '../gen/yardmaster/v1/priority_pb.ts';

const VARINT = 0;
const LENGTH = 2;
const tag = (field: number, type: typeof VARINT | typeof LENGTH): number => (field << 3) | type;

const NO_BYTES = new Uint8Array(0);

const frames = new KeptWriter(() => new BinaryWriter(), 1024 * 1024);

export function encodeRequest(request: SessionRequest): Uint8Array {
  const { frame } = request;
  return frame.case === 'report' ? frames.write(writeReport, frame.value) : toBinary(SessionRequestSchema, request);
}

/** Throws what the reader of protobuf-es throws. */
export function decodeResponse(bytes: Uint8Array): SessionResponse {
  const dispatch = readDispatch(bytes);
  if (dispatch === undefined) return fromBinary(SessionResponseSchema, bytes);
  return { $typeName: 'yardmaster.opaque.v1.SessionResponse', frame: { case: 'dispatch', value: dispatch } };
}

// ---- SessionRequest

function writeReport(writer: BinaryWriter, { updates, results }: Report): void {
  writer.uint32(tag(4, LENGTH)).fork();
  for (const update of updates) writeUpdate(writer, update);
  for (const result of results) writeResult(writer, result);
  writer.join();
}

function writeUpdate(writer: BinaryWriter, update: AttemptUpdate): void {
  writer.uint32(tag(1, LENGTH));
  if (update.update.case !== 'accepted') {
    writer.bytes(toBinary(AttemptUpdateSchema, update));
    return;
  }
  writer.fork();
  writeText(writer, tag(1, LENGTH), update.attemptId);
  writer.uint32(tag(2, LENGTH)).uint32(0).join();
}

function writeResult(writer: BinaryWriter, message: AttemptResult): void {
  writer.uint32(tag(2, LENGTH));
  const { attemptId, result } = message;
  const output = result.case === 'completed' ? result.value.output?.kind : undefined;
  if (output?.case !== 'value') {
    writer.bytes(toBinary(AttemptResultSchema, message));
    return;
  }
  writer.fork();
  writeText(writer, tag(1, LENGTH), attemptId);
  writer.uint32(tag(2, LENGTH)).fork().uint32(tag(1, LENGTH)).fork();
  writer.uint32(tag(1, LENGTH)).bytes(output.value);
  writer.join().join().join();
}

function writeText(writer: BinaryWriter, fieldTag: number, value: string): void {
  if (value !== '') writer.uint32(fieldTag).string(value);
}

// ---- SessionResponse

/** Undefined: another frame, or a Dispatch with something in it that does not come with every step. */
function readDispatch(bytes: Uint8Array): Dispatch | undefined {
  if (bytes[0] !== tag(2, LENGTH)) return undefined;
  const reader = new BinaryReader(bytes);
  reader.uint32();
  if (enter(reader) !== bytes.length) return undefined;
  const dispatch: Dispatch = { $typeName: 'yardmaster.opaque.v1.Dispatch', assignments: [], stops: [] };
  while (reader.pos < bytes.length) {
    const fieldTag = reader.uint32();
    const end = fieldTag === tag(1, LENGTH) || fieldTag === tag(3, LENGTH) ? enter(reader) : 0;
    if (end > bytes.length || end === 0) return undefined;
    if (fieldTag === tag(1, LENGTH)) {
      const assignment = readAssignment(reader, end);
      if (assignment === undefined) return undefined;
      dispatch.assignments.push(assignment);
    } else {
      const acks = dispatch.acks === undefined ? readAcks(reader, end) : undefined;
      if (acks === undefined) return undefined;
      dispatch.acks = acks;
    }
  }
  return dispatch;
}

/** The end of the message whose length comes next. */
function enter(reader: BinaryReader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

/** Undefined: a field that is rare, unknown or of another type. */
function readAssignment(reader: BinaryReader, end: number): Assignment | undefined {
  const assignment = emptyAssignment();
  while (reader.pos < end) {
    switch (reader.uint32()) {
      case tag(1, LENGTH):
        assignment.attemptId = reader.string(true);
        break;
      case tag(2, LENGTH):
        assignment.runId = reader.string(true);
        break;
      case tag(3, LENGTH):
        assignment.workflow = reader.string(true);
        break;
      case tag(4, LENGTH):
        assignment.stepPath = reader.string(true);
        break;
      case tag(5, VARINT):
        assignment.number = reader.uint32();
        break;
      case tag(6, VARINT):
        assignment.tryNumber = reader.uint32();
        break;
      case tag(7, LENGTH):
        assignment.capability = reader.string(true);
        break;
      case tag(8, LENGTH):
        assignment.capabilityVersion = reader.string(true);
        break;
      case tag(9, LENGTH): {
        const input = assignment.input === undefined ? readInput(reader) : undefined;
        if (input === undefined) return undefined;
        assignment.input = input;
        break;
      }
      case tag(10, VARINT):
        assignment.timeoutMs = reader.uint32();
        break;
      case tag(11, LENGTH):
        assignment.idempotencyKey = reader.string(true);
        break;
      case tag(13, VARINT):
        // Enums are open: a newer number stays what it is.
        assignment.priority = reader.int32() as Priority;
        break;
      case tag(15, VARINT):
        assignment.idempotent = reader.bool();
        break;
      case tag(16, VARINT):
        assignment.lossWindowMs = reader.uint32();
        break;
      case tag(17, VARINT):
        assignment.heartbeatTimeoutMs = reader.uint32();
        break;
      default:
        return undefined;
    }
  }
  return reader.pos === end ? assignment : undefined;
}

function emptyAssignment(): Assignment {
  return {
    $typeName: 'yardmaster.opaque.v1.Assignment',
    attemptId: '',
    runId: '',
    workflow: '',
    stepPath: '',
    number: 0,
    tryNumber: 0,
    capability: '',
    capabilityVersion: '',
    input: undefined,
    timeoutMs: 0,
    idempotencyKey: '',
    checkpoint: NO_BYTES,
    priority: Priority.UNSPECIFIED,
    idempotent: false,
    lossWindowMs: 0,
    heartbeatTimeoutMs: 0,
    traceparent: '',
    nextChunk: 0,
  };
}

/** A payload that is one inline value. */
function readInput(reader: BinaryReader): Payload | undefined {
  const end = enter(reader);
  if (reader.uint32() !== tag(1, LENGTH)) return undefined;
  const value = reader.bytes();
  if (reader.pos !== end) return undefined;
  return { $typeName: 'yardmaster.opaque.v1.Payload', kind: { case: 'value', value } };
}

function readAcks(reader: BinaryReader, end: number): Acks | undefined {
  const acks: Acks = {
    $typeName: 'yardmaster.v1.Acks',
    beat: 0,
    results: [],
    stateRevision: 0,
    chunks: [],
    capabilities: [],
  };
  while (reader.pos < end) {
    switch (reader.uint32()) {
      case tag(1, VARINT):
        acks.beat = reader.uint32();
        break;
      case tag(2, LENGTH): {
        const ack = readResultAck(reader);
        if (ack === undefined) return undefined;
        acks.results.push(ack);
        break;
      }
      case tag(3, VARINT):
        acks.stateRevision = reader.uint32();
        break;
      default:
        return undefined;
    }
  }
  return reader.pos === end ? acks : undefined;
}

function readResultAck(reader: BinaryReader): ResultAck | undefined {
  const end = enter(reader);
  const ack: ResultAck = { $typeName: 'yardmaster.v1.ResultAck', attemptId: '', verdict: ResultVerdict.UNSPECIFIED };
  while (reader.pos < end) {
    switch (reader.uint32()) {
      case tag(1, LENGTH):
        ack.attemptId = reader.string(true);
        break;
      case tag(2, VARINT):
        ack.verdict = reader.int32() as ResultVerdict;
        break;
      default:
        return undefined;
    }
  }
  return reader.pos === end ? ack : undefined;
}
