/** What the session and the handlers tell each other. Plain data: it crosses a thread by structured clone. */

/** A value that was stored through BlobService. */
export interface BlobReference {
  readonly blobId: string;
  /** Bytes. */
  readonly size: number;
  /** Of its bytes; empty when the control plane does not know it. */
  readonly sha256: Uint8Array;
}

/** The bytes of a Value, or a reference to a blob. */
export type WirePayload =
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: BlobReference };

/** One attempt to start, as the handlers need it. */
export interface AttemptOrder {
  readonly attemptId: string;
  readonly runId: string;
  readonly workflow: string;
  readonly stepPath: string;
  readonly number: number;
  readonly tryNumber: number;
  readonly capability: string;
  readonly input: WirePayload;
  /** Milliseconds left, counted from receipt; 0: none. */
  readonly timeoutMs: number;
  readonly idempotencyKey: string;
  readonly idempotent: boolean;
  /** The bytes of a Value; empty: none. */
  readonly checkpoint: Uint8Array;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly traceparent: string;
  /** Number of its first chunk of output: some of an earlier start may be stored. */
  readonly nextChunk: number;
}

/** What became of chunks; LIMIT, DROPPED: nothing more is taken. */
export type ChunkState = 'STORED' | 'LIMIT' | 'DROPPED';

/**
 * Why an attempt must stop: a reason of the control plane, or one of the agent itself: CONTACT_LOST (no answered beat for
 * 0.9 of the loss window), TIMEOUT (its time is over by the agent's own clock) or DRAINING (the agent leaves).
 */
export type StopCause =
  | 'CANCELLED'
  | 'DEADLINE'
  | 'SUPERSEDED'
  | 'NOT_ACCEPTED'
  | 'LOST'
  | 'RUN_ENDED'
  | 'UNKNOWN'
  | 'CONTACT_LOST'
  | 'TIMEOUT'
  | 'DRAINING';

/** What the session asks of the handlers. */
export type Order =
  | { readonly type: 'start'; readonly attempt: AttemptOrder }
  | { readonly type: 'stop'; readonly attemptId: string; readonly cause: StopCause; readonly graceMs: number }
  /** Chunks up to `number` need no room any more. */
  | { readonly type: 'written'; readonly attemptId: string; readonly number: number; readonly state: ChunkState };

/** How an attempt ended, as the handlers saw it. */
export type AttemptEnd =
  | { readonly type: 'completed'; readonly output: WirePayload }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      /** The bytes of a Value. */
      readonly details?: Uint8Array;
      /** Absent: the retry policy of the step decides. */
      readonly retryable?: boolean;
      readonly retryAfterMs?: number;
      readonly avoidThisAgent?: boolean;
    }
  | { readonly type: 'cancelled' }
  | { readonly type: 'handedBack'; readonly reason: string };

export type RejectCause = 'BUSY' | 'UNSUPPORTED' | 'INVALID_INPUT' | 'DRAINING';
export type LogLevelName = 'debug' | 'info' | 'warn' | 'error';

/** What the handlers tell the session. */
export type News =
  | { readonly type: 'accepted'; readonly attemptId: string }
  | { readonly type: 'progress'; readonly attemptId: string; readonly fraction: number; readonly message: string }
  | { readonly type: 'checkpoint'; readonly attemptId: string; readonly value: Uint8Array }
  | {
      readonly type: 'log';
      readonly attemptId: string;
      readonly level: LogLevelName;
      readonly message: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'chunk';
      readonly attemptId: string;
      readonly number: number;
      readonly channel: string;
      readonly data: string | Uint8Array;
      /** Bytes. */
      readonly size: number;
    }
  | { readonly type: 'usage'; readonly attemptId: string; readonly counters: Readonly<Record<string, number>> }
  | { readonly type: 'ended'; readonly attemptId: string; readonly end: AttemptEnd };

/** What an instance offers, in the terms of Hello. */
export interface Offer {
  readonly capabilities: readonly OfferedCapability[];
  /** Attempts at once; 0 pauses. */
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface OfferedCapability {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  readonly idempotent: boolean;
  /** 0: no limit of its own. */
  readonly concurrency: number;
  readonly timeoutMs?: number;
  readonly lossWindowMs?: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly examples?: readonly { readonly description: string; readonly input: unknown; readonly output?: unknown }[];
}

/** Who the instance is. */
export interface Identity {
  readonly agentId: string;
  readonly instanceId: string;
  readonly place: string;
  readonly sdk: { readonly name: string; readonly version: string; readonly language: string };
}
