/** A frame of the registry to the bytes of messages for the agent. A Dispatch that is too large for one message becomes several. */
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { JsonObject } from '../../../core/json.ts';
import { limits } from '../../../core/limits.ts';
import {
  type Assignment,
  type Dispatch,
  type SessionResponse,
  SessionResponseSchema,
} from '../../../gen/opaque/session_pb.ts';
import {
  type Acks,
  type ResultAck,
  ResultVerdict,
  type Stop,
  StopReason,
} from '../../../gen/yardmaster/v1/dispatch_pb.ts';
import { GoAwayReason, GoAwaySchema, WelcomeSchema } from '../../../gen/yardmaster/v1/session_response_pb.ts';
import type {
  DispatchFrame,
  GoAwayFrame,
  ServerFrame,
  WelcomeFrame,
  WireAssignment,
  WireStop,
} from '../../registry/frames.ts';
import { writeStruct } from './json.ts';
import { writeOpaquePayload } from './payload.ts';
import { writePriority } from './priority.ts';
import { writeDuration } from './times.ts';

/** What one assignment, stop or ack weighs beside its values: ids, names and numbers. Only decides where a frame is cut. */
const ENTRY_BYTES = 512;
const NO_BYTES = new Uint8Array(0);

/** One message, or several when the lists of a Dispatch do not fit into one. */
export function writeFrame(frame: ServerFrame): readonly Uint8Array[] {
  switch (frame.type) {
    case 'dispatch':
      return cutDispatch(frame).map(encodeDispatch);
    case 'welcome':
      return [encode({ case: 'welcome', value: writeWelcome(frame) })];
    case 'goAway':
      return [encode({ case: 'goAway', value: writeGoAway(frame) })];
  }
}

function encode(frame: SessionResponse['frame']): Uint8Array {
  return toBinary(SessionResponseSchema, { $typeName: 'yardmaster.opaque.v1.SessionResponse', frame });
}

/** Acks and stops go first; assignments are cut where their values fill a frame. */
function cutDispatch(frame: DispatchFrame): readonly DispatchFrame[] {
  const { assignments } = frame;
  let size = (frame.results.length + frame.stops.length) * 64;
  const parts: WireAssignment[][] = [[]];
  for (const assignment of assignments) {
    const weight = weigh(assignment);
    if (size > 0 && size + weight > limits.frameBytesSoft) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(assignment);
    size += weight;
  }
  if (parts.length === 1) return [frame];
  return parts.map((part, i) =>
    i === 0
      ? { ...frame, assignments: part }
      : { type: 'dispatch', assignments: part, stops: [], beat: 0, results: [], stateRevision: 0 },
  );
}

function weigh({ input, checkpoint, metadata }: WireAssignment): number {
  let size = ENTRY_BYTES + (input.kind === 'inline' ? input.bytes.length : 0) + (checkpoint?.length ?? 0);
  if (hasMembers(metadata)) size += JSON.stringify(metadata).length;
  return size;
}

function hasMembers(metadata: JsonObject): boolean {
  for (const _ in metadata) return true;
  return false;
}

// Messages of the hot path are written out: `create` costs more than encoding them.

function encodeDispatch(frame: DispatchFrame): Uint8Array {
  const stops = frame.stops.map(writeStop);
  const assignments = frame.assignments.map(writeAssignment);
  const acks = writeAcks(frame);
  const value: Dispatch = { $typeName: 'yardmaster.opaque.v1.Dispatch', assignments, stops };
  if (acks !== undefined) value.acks = acks;
  return encode({ case: 'dispatch', value });
}

function writeStop({ attemptId, reason, graceMs }: WireStop): Stop {
  return { $typeName: 'yardmaster.v1.Stop', attemptId, reason: StopReason[reason], graceMs: wholeMs(graceMs) };
}

function writeAcks({ beat, results, stateRevision }: DispatchFrame): Acks | undefined {
  if (beat === 0 && results.length === 0 && stateRevision === 0) return undefined;
  return { $typeName: 'yardmaster.v1.Acks', beat, stateRevision, results: results.map(writeResultAck) };
}

function writeResultAck({ attemptId, verdict }: DispatchFrame['results'][number]): ResultAck {
  return { $typeName: 'yardmaster.v1.ResultAck', attemptId, verdict: ResultVerdict[verdict] };
}

function writeAssignment(assignment: WireAssignment): Assignment {
  const written: Assignment = {
    $typeName: 'yardmaster.opaque.v1.Assignment',
    attemptId: assignment.attemptId,
    runId: assignment.runId,
    workflow: assignment.workflow,
    stepPath: assignment.path,
    number: assignment.number,
    tryNumber: assignment.try,
    capability: assignment.capability,
    capabilityVersion: assignment.capabilityVersion,
    input: writeOpaquePayload(assignment.input),
    timeoutMs: wholeMs(assignment.timeoutMs),
    idempotencyKey: assignment.idempotencyKey,
    checkpoint: assignment.checkpoint ?? NO_BYTES,
    priority: writePriority(assignment.priority),
    idempotent: assignment.idempotent,
    lossWindowMs: wholeMs(assignment.lossWindowMs),
    heartbeatTimeoutMs: wholeMs(assignment.heartbeatTimeoutMs),
    traceparent: '',
  };
  // An empty Struct would be converted all the same.
  const metadata = hasMembers(assignment.metadata) ? writeStruct(assignment.metadata) : undefined;
  if (metadata !== undefined) written.metadata = metadata;
  return written;
}

/** Milliseconds as a uint32: 49 days are as good as more, for one attempt. */
function wholeMs(ms: number): number {
  return Math.min(2 ** 32 - 1, Math.max(0, Math.ceil(ms)));
}

function writeWelcome(frame: WelcomeFrame) {
  return create(WelcomeSchema, {
    node: frame.node,
    protocolVersion: frame.protocolVersion,
    beatInterval: writeDuration(frame.beatIntervalMs),
    silenceLimit: writeDuration(frame.silenceLimitMs),
    lossWindow: writeDuration(frame.lossWindowMs),
    acceptDeadline: writeDuration(frame.acceptDeadlineMs),
    serverTime: timestampFromMs(frame.serverTime),
    limits: {
      frameBytesMax: limits.frameBytesMax,
      frameBytesSoft: limits.frameBytesSoft,
      inlineValueBytesMax: limits.inlineWireBytesMax,
      blobBytesMax: limits.blobBytesMax,
      valueDepthMax: limits.valueDepthMax,
    },
  });
}

function writeGoAway({ reason, message }: GoAwayFrame) {
  return create(GoAwaySchema, { reason: GoAwayReason[reason], message });
}
