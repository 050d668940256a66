/** A frame of the registry to the bytes of messages for the agent. A Dispatch that is too large for one message becomes several. */
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { limits } from '../../../core/limits.ts';
import { type SessionResponse, SessionResponseSchema } from '../../../gen/opaque/session_pb.ts';
import { GoAwayReason, GoAwaySchema, WelcomeSchema } from '../../../gen/yardmaster/v1/session_response_pb.ts';
import type { DispatchFrame, GoAwayFrame, ServerFrame, WelcomeFrame, WireAssignment } from '../../registry/frames.ts';
import { writeDuration } from './times.ts';
import { encodeDispatch, hasMembers } from './write-dispatch.ts';

/** What one assignment, stop or ack weighs beside its values: ids, names and numbers. Only decides where a frame is cut. */
const ENTRY_BYTES = 512;

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
  let size = (frame.results.length + frame.stops.length + frame.chunks.length) * 64;
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
      : { type: 'dispatch', assignments: part, stops: [], beat: 0, results: [], stateRevision: 0, chunks: [] },
  );
}

function weigh({ input, checkpoint, metadata }: WireAssignment): number {
  let size = ENTRY_BYTES + (input.kind === 'inline' ? input.bytes.length : 0) + (checkpoint?.length ?? 0);
  if (hasMembers(metadata)) size += JSON.stringify(metadata).length;
  return size;
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

function writeGoAway({ reason, message, addresses = [] }: GoAwayFrame) {
  return create(GoAwaySchema, { reason: GoAwayReason[reason], message, addresses: [...addresses] });
}
