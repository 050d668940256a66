/**
 * What the control plane counts. Every method is cheap enough for the hot path, and every label comes from a closed list:
 * no ids, no names that users choose. `telemetry/metrics.ts` gives them to Prometheus; `noMetrics` drops them.
 */
export type FrameKind = 'hello' | 'state' | 'beat' | 'report' | 'goodbye' | 'welcome' | 'dispatch' | 'goAway';
export type EndedHow = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT' | 'SKIPPED';
export type AttemptEndedHow =
  | 'COMPLETED'
  | 'FAILED'
  | 'TIMED_OUT'
  | 'CANCELLED'
  | 'REJECTED'
  | 'HANDED_BACK'
  | 'NOT_ACCEPTED'
  | 'LOST'
  | 'SUPERSEDED';
export type AgentState = 'READY' | 'CORDONED' | 'DRAINING' | 'SUSPECT' | 'UNREACHABLE' | 'LOST';
/** What became of a tick of a schedule. */
export type TickOutcome = 'STARTED' | 'SKIPPED' | 'MISSED' | 'FAILED';
/** Why an open run does not go on. */
export type StuckHow = 'IDLE' | 'OVERDUE' | 'NO_AGENT';
/** Why something was let go without harm: a late watcher, a full ring, an agent that logs too much. */
export type DropReason = 'progress' | 'log' | 'watch';

export interface Metrics {
  runStarted(): void;
  runEnded(how: EndedHow): void;
  attemptStarted(): void;
  attemptEnded(how: AttemptEndedHow): void;
  stepEnded(how: EndedHow): void;
  /** How long a step waited for its instance. */
  queueWaited(ms: number): void;
  /** One durable group commit. */
  committed(ms: number, events: number, bytes: number): void;
  commitFailed(): void;
  frameReceived(kind: FrameKind): void;
  frameSent(kind: FrameKind): void;
  /** A frame, update or result of a kind that this version does not know. */
  frameIgnored(): void;
  streamOpened(): void;
  streamClosed(): void;
  /** An agent read too slowly and its outgoing queue overflowed. */
  streamOverflowed(): void;
  /** A stream was not let in: too many from its address, or in all. */
  streamRefused(limit: 'address' | 'total'): void;
  dropped(reason: DropReason, count: number): void;
  scheduleTicked(outcome: TickOutcome, count: number): void;
  /** A run does not go on: once for each incident. */
  runStuck(reason: StuckHow): void;
  /** Read when somebody scrapes; replaces what was given before. */
  observe(gauges: Gauges): void;
}

/** Values that are asked for rather than counted. */
export interface Gauges {
  readonly instances: () => Readonly<Record<AgentState, number>>;
  readonly slots: () => { readonly total: number; readonly used: number };
  readonly waitingSteps: () => number;
  /** Without those that wait for their turn. */
  readonly openRuns: () => number;
  readonly stuckRuns: () => number;
  readonly queuedRuns: () => number;
}

const ignore = (): void => {};

export const noMetrics: Metrics = {
  runStarted: ignore,
  runEnded: ignore,
  attemptStarted: ignore,
  attemptEnded: ignore,
  stepEnded: ignore,
  queueWaited: ignore,
  committed: ignore,
  commitFailed: ignore,
  frameReceived: ignore,
  frameSent: ignore,
  frameIgnored: ignore,
  streamOpened: ignore,
  streamClosed: ignore,
  streamOverflowed: ignore,
  streamRefused: ignore,
  dropped: ignore,
  scheduleTicked: ignore,
  runStuck: ignore,
  observe: ignore,
};
