/**
 * The frames of an agent's stream as the control plane means them. `api/convert` makes them from the wire and back; values stay
 * bytes. See docs/protocol.md.
 */
import type { HeldDigest } from '../../core/held-digest.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { ResultVerdict, StopReason } from '../engine/status.ts';

export type AgentFrame =
  | HelloFrame
  | StateFrame
  | BeatFrame
  | ReportFrame
  | { readonly type: 'goodbye'; readonly reason: string };

export interface HelloFrame {
  readonly type: 'hello';
  readonly agentId: string;
  readonly instanceId: string;
  readonly place: string;
  readonly sdk: { readonly name: string; readonly version: string; readonly language: string };
  readonly protocolVersion: number;
  readonly state: InstanceState;
  readonly held: readonly ListedAttempt[];
  /** A person types: nothing is due but the stream. Absent: false. */
  readonly isManual?: boolean;
}

/** An attempt that an instance has when it says Hello. */
export interface ListedAttempt {
  readonly attemptId: string;
  readonly isFinished: boolean;
  /** Number of the last chunk that it wrote; 0: none. */
  readonly lastChunk: number;
}

export interface StateFrame {
  readonly type: 'state';
  readonly state: InstanceState;
}

export interface InstanceState {
  readonly revision: number;
  readonly capabilities: readonly Capability[];
  readonly slots: number;
  readonly draining: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** What it offers and what cannot be used, and why. Absent: nothing. */
  readonly refused?: readonly RefusedCapability[];
}

export interface RefusedCapability {
  readonly name: string;
  readonly version: string;
  readonly reason: string;
}

export interface Capability {
  readonly name: string;
  /** semver; '' when none was given. */
  readonly version: string;
  readonly description: string;
  readonly idempotent: boolean;
  /** 0: only the slots limit it. */
  readonly concurrency: number;
  /** 0: none stated. */
  readonly timeoutMs: number;
  /** 0: the fleet's default. */
  readonly lossWindowMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** JSON Schemas as the bytes of a Value; undefined when none was given. */
  readonly inputSchema: Uint8Array | undefined;
  readonly outputSchema: Uint8Array | undefined;
}

export interface BeatFrame {
  readonly type: 'beat';
  readonly number: number;
  readonly load: number;
  readonly loopLagMs: number;
  /** What it has, as far as it had heard of us. Absent: it does not say. */
  readonly holds?: BeatHolds;
}

export interface BeatHolds extends HeldDigest {
  /** The last beat whose ack it has heard, from 1. */
  readonly acked: number;
}

export interface ReportFrame {
  readonly type: 'report';
  readonly updates: readonly AttemptUpdate[];
  readonly results: readonly ReportedResult[];
}

export type AttemptUpdate =
  | { readonly type: 'accepted'; readonly attemptId: string }
  | {
      readonly type: 'rejected';
      readonly attemptId: string;
      readonly reason: 'BUSY' | 'UNSUPPORTED' | 'INVALID_INPUT' | 'DRAINING' | 'UNSPECIFIED';
      readonly message: string;
    }
  | { readonly type: 'progress'; readonly attemptId: string; readonly fraction: number; readonly message: string }
  | { readonly type: 'checkpoint'; readonly attemptId: string; readonly value: Uint8Array }
  | {
      readonly type: 'log';
      readonly attemptId: string;
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | ReportedChunk
  | { readonly type: 'usage'; readonly attemptId: string; readonly counters: Readonly<Record<string, number>> };

export interface ReportedChunk {
  readonly type: 'chunk';
  readonly attemptId: string;
  readonly number: number;
  readonly channel: string;
  readonly kind: 'text' | 'data';
  readonly bytes: Uint8Array;
}

export interface ReportedResult {
  readonly attemptId: string;
  readonly result:
    | { readonly kind: 'completed'; readonly output: WireValue }
    | {
        readonly kind: 'failed';
        readonly code: string;
        readonly message: string;
        /** Bytes of a Value. */
        readonly details: Uint8Array | undefined;
        readonly retryable: boolean;
        readonly retryAfterMs: number;
        readonly avoidThisAgent: boolean;
      }
    | { readonly kind: 'cancelled' }
    | { readonly kind: 'handedBack'; readonly reason: string };
}

/** A payload as it travels: the bytes of a Value, or a blob that was uploaded before. */
export type WireValue = StoredValue;

export type ServerFrame = WelcomeFrame | DispatchFrame | GoAwayFrame;

export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly node: string;
  readonly protocolVersion: number;
  readonly beatIntervalMs: number;
  readonly silenceLimitMs: number;
  readonly lossWindowMs: number;
  readonly acceptDeadlineMs: number;
  readonly serverTime: number;
}

export interface DispatchFrame {
  readonly type: 'dispatch';
  readonly assignments: readonly WireAssignment[];
  readonly stops: readonly WireStop[];
  /** 0: no beat to ack. */
  readonly beat: number;
  readonly results: readonly { readonly attemptId: string; readonly verdict: ResultVerdict }[];
  /** 0: no state to ack. */
  readonly stateRevision: number;
  readonly chunks: readonly ChunkAck[];
  /** Of that state; absent: all are accepted. */
  readonly capabilities?: readonly CapabilityAnswer[];
}

/** `stored`: the last chunk that is; the verdict is about those after it. */
export interface ChunkAck {
  readonly attemptId: string;
  readonly stored: number;
  readonly verdict: 'STORED' | 'RESEND' | 'DROPPED' | 'LIMIT';
}

export interface CapabilityAnswer {
  readonly name: string;
  readonly version: string;
  /** Absent: it is accepted. */
  readonly reason?: string;
}

export interface WireAssignment {
  readonly attemptId: string;
  readonly runId: string;
  readonly workflow: string;
  readonly path: string;
  readonly number: number;
  readonly try: number;
  readonly capability: string;
  readonly capabilityVersion: string;
  readonly input: WireValue;
  /** Where secrets stand in the input: put in at the last moment, and never sent. Absent: nowhere. */
  readonly secrets?: readonly SecretMark[];
  /** Milliseconds left; 0: none. */
  readonly timeoutMs: number;
  readonly idempotencyKey: string;
  readonly idempotent: boolean;
  readonly lossWindowMs: number;
  /** 0: none. */
  readonly heartbeatTimeoutMs: number;
  readonly checkpoint: Uint8Array | undefined;
  readonly priority: string;
  readonly metadata: JsonObject;
  /** Of one that was sent before: the number of its next chunk. Absent: 1. */
  readonly nextChunk?: number;
  /** All of this as bytes, where it was encoded ahead of time. */
  readonly encoded?: Uint8Array;
}

export interface WireStop {
  readonly attemptId: string;
  readonly reason: StopReason;
  readonly graceMs: number;
}

export interface GoAwayFrame {
  readonly type: 'goAway';
  readonly reason: 'SHUTDOWN' | 'REBALANCE' | 'REPLACED' | 'DRAINED' | 'RESYNC' | 'OVERLOAD';
  readonly message: string;
  /** Where to go, as `host:port`; absent: the same address. */
  readonly addresses?: readonly string[];
}

/** The control plane's end of one stream. Given by the transport, or by an in-memory link. */
export interface SessionPeer {
  /** Queues a frame; the peer bounds its queue and ends the stream with RESOURCE_EXHAUSTED when it overflows. */
  send(frame: ServerFrame): void;
  /** The bytes of an assignment that will be sent soon. */
  encode(assignment: WireAssignment): Uint8Array;
  /** Ends the stream; with an error, as a gRPC status with ErrorInfo. Frames sent before still go out. */
  end(error?: Error): void;
  /** False: nothing is read from the stream until it is true again. Absent: what was sent has arrived, and cannot be held back. */
  readonly setReading?: (isReading: boolean) => void;
  /** Bytes that were sent and that the connection has not taken. Absent: none. */
  readonly queuedBytes?: number;
  /** That was more than may be on its way, and the connection has not taken most of it yet. Absent: it is not. */
  readonly isFull?: boolean;
  /** Calls when the connection has taken most of what was sent, or is over. Absent: it takes everything at once. */
  readonly whenRoom?: (fn: () => void) => void;
  /** For logs: the address of the other side. */
  readonly remote: string;
}

/** What the transport calls. Nothing here throws: bad frames end the stream through the peer. */
export interface SessionReceiver {
  frame(frame: AgentFrame): void;
  /** The wire had something that is not a frame; ends the stream with INVALID_ARGUMENT. */
  malformed(error: Error): void;
  /** The other side reads so slowly that new work would only wait; false: no longer. Called outside of any other call. */
  queueFilled?(isFull: boolean): void;
  /** The connection has taken most of what was sent. Called outside of any other call. */
  hasRoom?(): void;
  /** The stream is over, however it ended. */
  ended(): void;
}
