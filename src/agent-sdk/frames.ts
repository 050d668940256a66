/** Frames of the stream, made from and read into what the session means. Enums are open: an unknown one has a default. */
import { create, fromJson, type JsonObject, type JsonValue as ProtoJson } from '@bufbuild/protobuf';
import { type Duration, durationFromMs, durationMs, type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import type { HeldDigest } from '../core/held-digest.ts';
import { limits, times } from '../core/limits.ts';
import { EMPTY_OBJECT_VALUE, NULL_VALUE } from '../core/value.ts';
import {
  type Assignment,
  type AttemptCompleted,
  type AttemptResult,
  AttemptResultSchema,
  type AttemptUpdate,
  AttemptUpdateSchema,
  type Payload,
  type Report,
  type SessionRequest,
  SessionRequestSchema,
} from '../gen/opaque/session_pb.ts';
import { type Capability, CapabilitySchema } from '../gen/yardmaster/v1/capability_pb.ts';
import { type Acks, CapabilityVerdict, ChunkVerdict, StopReason } from '../gen/yardmaster/v1/dispatch_pb.ts';
import { type State, StateSchema } from '../gen/yardmaster/v1/hello_pb.ts';
import type { BlobRef } from '../gen/yardmaster/v1/payload_pb.ts';
import { type AttemptAccepted, LogLevel, RejectReason } from '../gen/yardmaster/v1/report_pb.ts';
import { GoAwayReason, type Welcome } from '../gen/yardmaster/v1/session_response_pb.ts';
import type {
  AttemptEnd,
  AttemptOrder,
  BlobReference,
  ChunkState,
  Identity,
  LogLevelName,
  News,
  Offer,
  OfferedCapability,
  RejectCause,
  StopCause,
  WirePayload,
} from './news.ts';
import type { RefusedCapability } from './session-phase.ts';

// Messages of the hot path are written out: `create` costs more than encoding them.

export const PROTOCOL_VERSION = 1;

/** The rules of a Welcome, with the product's own defaults for what it does not state. */
export interface SessionRules {
  readonly node: string;
  readonly beatIntervalMs: number;
  readonly silenceLimitMs: number;
  readonly lossWindowMs: number;
  readonly inlineValueBytesMax: number;
  readonly blobBytesMax: number;
  readonly frameBytesSoft: number;
}

export function readRules(welcome: Welcome): SessionRules {
  const beatIntervalMs = readMs(welcome.beatInterval, times.beatIntervalMs);
  const sizes = welcome.limits;
  return {
    node: welcome.node,
    beatIntervalMs,
    silenceLimitMs: readMs(welcome.silenceLimit, beatIntervalMs * times.silentBeats),
    lossWindowMs: readMs(welcome.lossWindow, times.lossWindowMs),
    inlineValueBytesMax: sizes?.inlineValueBytesMax || limits.inlineWireBytesMax,
    blobBytesMax: sizes?.blobBytesMax || limits.blobBytesMax,
    frameBytesSoft: sizes?.frameBytesSoft || limits.frameBytesSoft,
  };
}

function readMs(duration: Duration | undefined, otherwise: number): number {
  const ms = duration === undefined ? 0 : durationMs(duration);
  return ms > 0 ? ms : otherwise;
}

/** What an instance offers, as it stands in Hello and State. */
export interface StateOfOffer {
  readonly offer: Offer;
  readonly revision: number;
  readonly draining: boolean;
  readonly paused: boolean;
}

export function makeHello(
  who: Identity,
  state: StateOfOffer,
  held: readonly { attemptId: string; finished: boolean }[],
): SessionRequest {
  const { agentId, instanceId, place, sdk } = who;
  const value = {
    agentId,
    instanceId,
    place,
    sdk: { ...sdk },
    protocolVersion: PROTOCOL_VERSION,
    state: makeStateMessage(state),
    held: [...held],
  };
  return create(SessionRequestSchema, { frame: { case: 'hello', value } });
}

export function makeState(state: StateOfOffer): SessionRequest {
  return create(SessionRequestSchema, { frame: { case: 'state', value: makeStateMessage(state) } });
}

/** `acked`: the last beat whose ack was heard. */
export function makeBeat(
  beat: { readonly number: number; readonly lateMs: number; readonly acked: number },
  load: number,
  held: HeldDigest,
): SessionRequest {
  const { number, lateMs, acked } = beat;
  const { count: heldCount, digest: heldDigest } = held;
  const value = { number, load, loopLagMs: Math.round(lateMs), acked, heldCount, heldDigest };
  return create(SessionRequestSchema, { frame: { case: 'beat', value } });
}

export function makeReport(updates: AttemptUpdate[], results: AttemptResult[]): SessionRequest {
  const value: Report = { $typeName: 'yardmaster.opaque.v1.Report', updates, results };
  return { $typeName: 'yardmaster.opaque.v1.SessionRequest', frame: { case: 'report', value } };
}

export function makeGoodbye(reason: string): SessionRequest {
  return create(SessionRequestSchema, { frame: { case: 'goodbye', value: { reason } } });
}

function makeStateMessage({ offer, revision, draining, paused }: StateOfOffer): State {
  return create(StateSchema, {
    revision,
    capabilities: offer.capabilities.map(makeCapability),
    slots: paused ? 0 : offer.slots,
    draining,
    labels: { ...offer.labels },
  });
}

function makeCapability(offered: OfferedCapability): Capability {
  const { name, version, description, idempotent, concurrency, timeoutMs, lossWindowMs } = offered;
  return create(CapabilitySchema, {
    name,
    version,
    description,
    idempotent,
    concurrency,
    labels: { ...offered.labels },
    examples: (offered.examples ?? []).map(makeExample),
    ...(offered.inputSchema === undefined ? {} : { inputSchema: offered.inputSchema as JsonObject }),
    ...(offered.outputSchema === undefined ? {} : { outputSchema: offered.outputSchema as JsonObject }),
    ...(timeoutMs === undefined ? {} : { defaultTimeout: durationFromMs(timeoutMs) }),
    ...(lossWindowMs === undefined ? {} : { lossWindow: durationFromMs(lossWindowMs) }),
  });
}

function makeExample(example: { readonly description: string; readonly input: unknown; readonly output?: unknown }): {
  description: string;
  input: Value;
  output?: Value;
} {
  const input = fromJson(ValueSchema, example.input as ProtoJson);
  const { description, output } = example;
  if (output === undefined) return { description, input };
  return { description, input, output: fromJson(ValueSchema, output as ProtoJson) };
}

export function makeAccepted(attemptId: string): AttemptUpdate {
  const value: AttemptAccepted = { $typeName: 'yardmaster.v1.AttemptAccepted' };
  return { $typeName: 'yardmaster.opaque.v1.AttemptUpdate', attemptId, update: { case: 'accepted', value } };
}

const REJECT_REASONS: Readonly<Record<RejectCause, RejectReason>> = {
  BUSY: RejectReason.BUSY,
  UNSUPPORTED: RejectReason.UNSUPPORTED,
  INVALID_INPUT: RejectReason.INVALID_INPUT,
  DRAINING: RejectReason.DRAINING,
};

export function makeRejected(attemptId: string, cause: RejectCause, message: string): AttemptUpdate {
  const value = { reason: REJECT_REASONS[cause], message };
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'rejected', value } });
}

export function makeProgress(attemptId: string, fraction: number, message: string): AttemptUpdate {
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'progress', value: { fraction, message } } });
}

export function makeCheckpoint(attemptId: string, value: Uint8Array): AttemptUpdate {
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'checkpoint', value: { value } } });
}

export function makeChunk({ attemptId, number, channel, data }: Extract<News, { type: 'chunk' }>): AttemptUpdate {
  const content =
    typeof data === 'string' ? ({ case: 'text', value: data } as const) : ({ case: 'data', value: data } as const);
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'chunk', value: { number, channel, content } } });
}

export function makeUsage(attemptId: string, counters: Readonly<Record<string, number>>): AttemptUpdate {
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'usage', value: { counters: { ...counters } } } });
}

/** An unknown one is as if the chunks were on their way: they come again on the next stream. */
export function readChunkState(verdict: ChunkVerdict): ChunkState | 'RESEND' {
  switch (verdict) {
    case ChunkVerdict.RESEND:
      return 'RESEND';
    case ChunkVerdict.DROPPED:
      return 'DROPPED';
    case ChunkVerdict.LIMIT:
      return 'LIMIT';
    default:
      return 'STORED';
  }
}

const LOG_LEVELS: Readonly<Record<LogLevelName, LogLevel>> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};

export function makeLog(
  attemptId: string,
  line: { readonly level: LogLevelName; readonly message: string; readonly fields: Readonly<Record<string, string>> },
): AttemptUpdate {
  const value = { level: LOG_LEVELS[line.level], message: line.message, fields: { ...line.fields } };
  return create(AttemptUpdateSchema, { attemptId, update: { case: 'log', value } });
}

export function makeResult(attemptId: string, end: AttemptEnd): AttemptResult {
  switch (end.type) {
    case 'completed':
      return makeCompletedResult(attemptId, end.output);
    case 'failed':
      return create(AttemptResultSchema, { attemptId, result: { case: 'failed', value: makeFailed(end) } });
    case 'cancelled':
      return create(AttemptResultSchema, { attemptId, result: { case: 'cancelled', value: {} } });
    case 'handedBack':
      return create(AttemptResultSchema, {
        attemptId,
        result: { case: 'handedBack', value: { reason: end.reason } },
      });
  }
}

function makeCompletedResult(attemptId: string, payload: WirePayload): AttemptResult {
  const output: Payload = { $typeName: 'yardmaster.opaque.v1.Payload', kind: makeKind(payload) };
  const value: AttemptCompleted = { $typeName: 'yardmaster.opaque.v1.AttemptCompleted', output };
  return { $typeName: 'yardmaster.opaque.v1.AttemptResult', attemptId, result: { case: 'completed', value } };
}

function makeFailed(end: Extract<AttemptEnd, { type: 'failed' }>) {
  return {
    code: end.code,
    message: end.message,
    retryAfterMs: end.retryAfterMs ?? 0,
    avoidThisAgent: end.avoidThisAgent ?? false,
    ...(end.details === undefined ? {} : { details: end.details }),
    ...(end.retryable === undefined ? {} : { retryable: end.retryable }),
  };
}

function makeKind(payload: WirePayload): Payload['kind'] {
  return payload.kind === 'value'
    ? { case: 'value', value: payload.bytes }
    : { case: 'blob', value: { $typeName: 'yardmaster.v1.BlobRef', ...payload.blob } };
}

export function readOrder(assignment: Assignment): AttemptOrder {
  return {
    attemptId: assignment.attemptId,
    runId: assignment.runId,
    workflow: assignment.workflow,
    stepPath: assignment.stepPath,
    number: assignment.number,
    tryNumber: assignment.tryNumber,
    capability: assignment.capability,
    input: readPayload(assignment.input),
    timeoutMs: assignment.timeoutMs,
    idempotencyKey: assignment.idempotencyKey,
    idempotent: assignment.idempotent,
    checkpoint: assignment.checkpoint,
    metadata: assignment.metadata ?? {},
    traceparent: assignment.traceparent,
    nextChunk: Math.max(1, assignment.nextChunk),
  };
}

const EMPTY_INPUT: WirePayload = { kind: 'value', bytes: EMPTY_OBJECT_VALUE };
const NULL_INPUT: WirePayload = { kind: 'value', bytes: NULL_VALUE };

/** An unset Payload is `{}` for an input; a Payload without a kind is null. */
function readPayload(payload: Payload | undefined): WirePayload {
  if (payload === undefined) return EMPTY_INPUT;
  switch (payload.kind.case) {
    case 'value':
      return { kind: 'value', bytes: payload.kind.value };
    case 'blob':
      return { kind: 'blob', blob: readBlob(payload.kind.value) };
    default:
      return NULL_INPUT;
  }
}

/** A plain copy: messages of protobuf-es have a `$typeName` that need not cross a thread. */
export function readBlob({ blobId, size, sha256 }: BlobRef): BlobReference {
  return { blobId, size, sha256 };
}

const STOP_CAUSES: Readonly<Record<number, StopCause>> = {
  [StopReason.CANCELLED]: 'CANCELLED',
  [StopReason.DEADLINE]: 'DEADLINE',
  [StopReason.SUPERSEDED]: 'SUPERSEDED',
  [StopReason.NOT_ACCEPTED]: 'NOT_ACCEPTED',
  [StopReason.LOST]: 'LOST',
  [StopReason.RUN_ENDED]: 'RUN_ENDED',
  [StopReason.UNKNOWN]: 'UNKNOWN',
};

export function readRefused({ capabilities }: Acks): readonly RefusedCapability[] {
  return capabilities
    .filter(({ verdict }) => verdict === CapabilityVerdict.REJECTED)
    .map(({ name, version, reason }) => ({ name, version, reason }));
}

export function readStopCause(reason: StopReason): StopCause {
  return STOP_CAUSES[reason] ?? 'CANCELLED';
}

const GO_AWAY_NAMES = new Map<number, string>(Object.entries(GoAwayReason).map(([name, number]) => [number, name]));

export function readGoAwayReason(reason: GoAwayReason): string {
  return GO_AWAY_NAMES.get(reason) ?? 'UNSPECIFIED';
}
