/**
 * Bytes from an agent to a frame of the registry. The hot path: 20,000 results a second come through here, so pointers are
 * only put together for faults, and a Value is scanned and never decoded.
 *
 * What is of an unknown kind (from a newer agent) is left out and counted; what is wrong is a MALFORMED_FRAME that lists
 * every fault with its field.
 */
import { fromBinary, type Message } from '@bufbuild/protobuf';
import { YardmasterError } from '../../../core/errors.ts';
import { limits } from '../../../core/limits.ts';
import {
  type AttemptFailed,
  type AttemptResult,
  type SessionRequest,
  SessionRequestSchema,
  type AttemptUpdate as WireUpdate,
} from '../../../gen/opaque/session_pb.ts';
import type { Hello } from '../../../gen/yardmaster/v1/hello_pb.ts';
import { LogLevel, RejectReason } from '../../../gen/yardmaster/v1/report_pb.ts';
import type { AgentFrame, AttemptUpdate, HelloFrame, ReportedResult, ReportFrame } from '../../registry/frames.ts';
import { readState } from './capability.ts';
import { enumReader } from './enums.ts';
import { Faults } from './faults.ts';
import { readOpaqueValue, readOutput, unfit } from './payload.ts';
import { holdsOf, readBeat } from './read-beat.ts';
import { readChunk, readCounters } from './read-chunk.ts';
import { readReport } from './read-report.ts';
import { clampShare } from './share.ts';
import { cutText, readAttemptId, readLogFields, readName } from './text.ts';

const ACTION = 'read a frame';
/** More entries than fit would be a mistake, not news. */

const readRejectReason = enumReader(RejectReason, 'UNSPECIFIED');
const readLogLevel = enumReader(LogLevel, 'INFO');
const LOG_LEVELS = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The frame, or undefined when it is of an unknown kind. Throws MALFORMED_FRAME. `onIgnored` counts what is left out. */
export function readFrame(bytes: Uint8Array, onIgnored: () => void): AgentFrame | undefined {
  const usual = readReport(bytes) ?? readBeat(bytes);
  if (usual !== undefined) return usual;
  const faults = new Faults('MALFORMED_FRAME');
  const frame = convert(faults, parse(bytes), onIgnored);
  faults.throwIfAny(ACTION);
  return frame;
}

function parse(bytes: Uint8Array): SessionRequest {
  try {
    return fromBinary(SessionRequestSchema, bytes);
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new YardmasterError('MALFORMED_FRAME', `Cannot ${ACTION}: the bytes are no "SessionRequest": ${fact}`, {
      cause: error,
      next: 'send messages of yardmaster.v1.SessionRequest; the .proto files are at /proto.tar',
    });
  }
}

function convert(faults: Faults, message: SessionRequest, onIgnored: () => void): AgentFrame | undefined {
  const { frame } = message;
  switch (frame.case) {
    case 'report':
      return readAnyReport(faults, frame.value, onIgnored);
    case 'beat':
      return {
        type: 'beat',
        number: frame.value.number,
        load: clampShare(frame.value.load),
        loopLagMs: frame.value.loopLagMs,
        ...holdsOf({ ...frame.value, count: frame.value.heldCount, digest: frame.value.heldDigest }),
      };
    case 'hello':
      return readHello(faults, frame.value);
    case 'state':
      return { type: 'state', state: readState(faults, 'state', frame.value) };
    case 'goodbye':
      return { type: 'goodbye', reason: cutText(frame.value.reason) };
    case undefined:
      if (hasUnknown(message)) onIgnored();
      else faults.add('frame', 'is not set; send one of hello, state, beat, report, goodbye');
      return undefined;
  }
}

function readHello(faults: Faults, hello: Hello): HelloFrame {
  const { sdk, state, held } = hello;
  if (state === undefined) faults.add('hello.state', 'is not set');
  if (held.length > limits.heldMax) faults.add('hello.held', `has ${held.length} entries; at most ${limits.heldMax}`);
  return {
    type: 'hello',
    agentId: readName(faults, 'hello.agent_id', hello.agentId),
    instanceId: readName(faults, 'hello.instance_id', hello.instanceId),
    place: cutText(hello.place, 256),
    sdk: {
      name: cutText(sdk?.name ?? '', 128),
      version: cutText(sdk?.version ?? '', 128),
      language: cutText(sdk?.language ?? '', 128),
    },
    protocolVersion: hello.protocolVersion,
    ...(hello.manual ? { isManual: true } : {}),
    state:
      state === undefined
        ? { revision: 0, capabilities: [], slots: 0, draining: false, labels: {} }
        : readState(faults, 'hello.state', state),
    held: held.slice(0, limits.heldMax).map(({ attemptId, finished, lastChunk }, i) => ({
      attemptId: readAttemptId(faults, () => `hello.held[${i}].attempt_id`, attemptId),
      isFinished: finished,
      lastChunk,
    })),
  };
}

interface WireReport {
  readonly updates: readonly WireUpdate[];
  readonly results: readonly AttemptResult[];
}

function readAnyReport(faults: Faults, report: WireReport, onIgnored: () => void): ReportFrame {
  const updates: AttemptUpdate[] = [];
  const results: ReportedResult[] = [];
  if (report.updates.length + report.results.length > limits.reportEntriesMax) {
    faults.add('report', `has more than ${limits.reportEntriesMax} entries`);
    return { type: 'report', updates, results };
  }
  for (let i = 0; i < report.updates.length; i++) {
    const update = readUpdate(faults, report.updates[i], () => `report.updates[${i}]`, onIgnored);
    if (update !== undefined) updates.push(update);
  }
  for (let i = 0; i < report.results.length; i++) {
    const result = readResult(faults, report.results[i], () => `report.results[${i}]`, onIgnored);
    if (result !== undefined) results.push(result);
  }
  return { type: 'report', updates, results };
}

type Pointer = () => string;

function readUpdate(
  faults: Faults,
  wire: WireUpdate | undefined,
  pointer: Pointer,
  onIgnored: () => void,
): AttemptUpdate | undefined {
  if (wire === undefined) return undefined;
  const attemptId = readAttemptId(faults, () => `${pointer()}.attempt_id`, wire.attemptId);
  const { update } = wire;
  switch (update.case) {
    case 'accepted':
      return { type: 'accepted', attemptId };
    case 'rejected':
      return {
        type: 'rejected',
        attemptId,
        reason: readRejectReason(update.value.reason),
        message: cutText(update.value.message),
      };
    case 'progress':
      return {
        type: 'progress',
        attemptId,
        fraction: clampShare(update.value.fraction),
        message: cutText(update.value.message),
      };
    case 'checkpoint': {
      const value = readOpaqueValue(faults, () => `${pointer()}.checkpoint.value`, update.value.value);
      return { type: 'checkpoint', attemptId, value };
    }
    case 'log':
      return {
        type: 'log',
        attemptId,
        level: LOG_LEVELS[readLogLevel(update.value.level)],
        message: cutText(update.value.message),
        fields: readLogFields(update.value.fields),
      };
    case 'chunk':
      return readChunk(faults, attemptId, update.value, () => `${pointer()}.chunk`);
    case 'usage':
      return { type: 'usage', attemptId, counters: readCounters(faults, update.value, () => `${pointer()}.usage`) };
    case undefined:
      ignoreUnknown(faults, wire, `${pointer()}.update`, onIgnored);
      return undefined;
  }
}

function readResult(
  faults: Faults,
  wire: AttemptResult | undefined,
  pointer: Pointer,
  onIgnored: () => void,
): ReportedResult | undefined {
  if (wire === undefined) return undefined;
  const attemptId = readAttemptId(faults, () => `${pointer()}.attempt_id`, wire.attemptId);
  const { result } = wire;
  switch (result.case) {
    case 'completed': {
      const output = readOutput(faults, () => `${pointer()}.completed.output`, result.value.output);
      return { attemptId, result: 'code' in output ? unfit(output) : { kind: 'completed', output } };
    }
    case 'failed':
      return { attemptId, result: readFailed(faults, () => `${pointer()}.failed`, result.value) };
    case 'cancelled':
      return { attemptId, result: { kind: 'cancelled' } };
    case 'handedBack':
      return { attemptId, result: { kind: 'handedBack', reason: cutText(result.value.reason) } };
    case undefined:
      ignoreUnknown(faults, wire, `${pointer()}.result`, onIgnored);
      return undefined;
  }
}

function readFailed(faults: Faults, pointer: Pointer, failed: AttemptFailed): ReportedResult['result'] {
  const { details } = failed;
  return {
    kind: 'failed',
    code: failed.code === '' ? 'HANDLER_ERROR' : cutText(failed.code, 128),
    message: cutText(failed.message),
    details: details.length === 0 ? undefined : readOpaqueValue(faults, () => `${pointer()}.details`, details),
    retryable: failed.retryable ?? true,
    retryAfterMs: failed.retryAfterMs,
    avoidThisAgent: failed.avoidThisAgent,
  };
}

function ignoreUnknown(faults: Faults, message: Message, pointer: string, onIgnored: () => void): void {
  if (hasUnknown(message)) onIgnored();
  else faults.add(pointer, 'is not set');
}

function hasUnknown(message: Message): boolean {
  return message.$unknown !== undefined && message.$unknown.length > 0;
}
