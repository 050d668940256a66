/** The seam between a session and whatever carries its frames: gRPC, or memory in tests and in `TestMesh`. */
import type { StatusName } from '../core/errors.ts';
import type { SessionRequest, SessionResponse } from '../gen/opaque/session_pb.ts';
import type { BlobReference, WirePayload } from './news.ts';

/** One stream to a control plane. */
export interface SessionLink {
  /** Queues a frame. The link bounds its queue and ends with RESOURCE_EXHAUSTED when it overflows. Never throws. */
  send(frame: SessionRequest): void;
  /** Lets go of the stream after what was sent; `onEnd` still follows once. */
  close(): void;
}

/** What a link calls. Nothing is called before `open` returns, and nothing after `onEnd`. */
export interface LinkEvents {
  onFrame(frame: SessionResponse): void;
  /** The only sign that the stream is over; called exactly once. */
  onEnd(status: LinkStatus): void;
}

export interface LinkStatus {
  readonly code: StatusName | 'OK' | 'UNKNOWN';
  readonly message: string;
  /** `ErrorInfo.reason`, such as BAD_TOKEN, when the control plane gave one. */
  readonly reason?: string;
  /** `RetryInfo`: not before this many milliseconds. */
  readonly retryAfterMs?: number;
}

export interface BlobUpload {
  readonly attemptId: string;
  /** One encoded Value. */
  readonly bytes: Uint8Array;
  readonly sha256: Uint8Array;
}

/** Carries values that are too large for a frame. Rejects with a YardmasterError whose `code` is the status name. */
export interface BlobLink {
  upload(upload: BlobUpload, signal: AbortSignal): Promise<BlobReference>;
  download(runId: string, blob: BlobReference, signal: AbortSignal): Promise<Uint8Array>;
}

/** One call of a handler to another agent. */
export interface CallOrder {
  readonly attemptId: string;
  readonly key: string;
  readonly capability: string;
  /** '' : any that offers it. */
  readonly agentId: string;
  /** A semver range of the capability. '' : any. */
  readonly version: string;
  /** That the instance must have. */
  readonly labels: Readonly<Record<string, string>>;
  /** One encoded Value. */
  readonly input: Uint8Array;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly retries: number;
}

export interface CallProgress {
  readonly fraction: number;
  readonly message: string;
}

/** How a call ended. */
export interface CallAnswer {
  readonly runId: string;
  readonly status: 'COMPLETED' | 'FAILED' | 'TIMED_OUT' | 'CANCELLED';
  /** Of a COMPLETED one; a blob is one of its run. */
  readonly output: WirePayload | undefined;
  readonly error: CallFailure | undefined;
}

export interface CallFailure {
  readonly code: string;
  readonly message: string;
  /** One encoded Value. */
  readonly details: Uint8Array | undefined;
  readonly agentId: string;
}

/** Asks other agents. Rejects with a YardmasterError whose `code` is the status name, and `meta.reason` that of its ErrorInfo. */
export interface CallLink {
  invoke(order: CallOrder, onProgress: (progress: CallProgress) => void, signal: AbortSignal): Promise<CallAnswer>;
}

/** Opens streams. One per agent. */
export interface LinkFactory extends BlobLink, CallLink {
  /** Opens a stream; `address` is `host:port` from a GoAway, undefined means the agent's own. */
  open(address: string | undefined, events: LinkEvents): SessionLink;
  /** Lets go of every connection. */
  close(): void;
}
