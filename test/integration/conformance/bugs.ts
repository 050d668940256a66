/** Bugs that agents have, planted one at a time, and what the kit must say of each. */
import { create } from '@bufbuild/protobuf';
import { makeBeat, makeProgress } from '../../../src/agent-sdk/frames.ts';
import {
  type AttemptResult,
  AttemptResultSchema,
  type Report,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '../../../src/gen/opaque/session_pb.ts';
import { type ChunkAck, ChunkVerdict } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import type { Hello, State } from '../../../src/gen/yardmaster/v1/hello_pb.ts';
import { RejectReason } from '../../../src/gen/yardmaster/v1/report_pb.ts';
import { GoAwayReason } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import type { Tampering } from './tampered-links.ts';

export interface Bug {
  readonly name: string;
  /** The situation that finds it. */
  readonly situation: string;
  /** The clause that must be among the broken ones. */
  readonly clause: string;
  readonly plant: () => Tampering;
}

function beat(number: number, load = 0): SessionRequest {
  return makeBeat({ number, lateMs: 0, acked: 0 }, load, { count: 0, digest: 0 });
}

const DRAINED = { reason: GoAwayReason.DRAINED };

export const bugs: readonly Bug[] = [
  bug('claims half of its slots and takes all', 'slots', 'A-1', () => onState((state) => ({ slots: state.slots / 2 }))),
  bug('ignores stops', 'stop', 'T-1', () => onDispatch((dispatch) => ({ ...dispatch, stops: [] }))),
  bug('forgets what is not acknowledged', 'unacked-result', 'H-7', () => ({
    outgoing: (frame, stream) =>
      stream === 1
        ? [frame]
        : [
            edit(
              onHello(frame, () => ({ held: [] })),
              (report) => ({ ...report, results: [] }),
            ),
          ],
  })),
  bug('never sends a result again', 'unacked-result', 'R-3', () => ({
    outgoing: (frame, stream) => (stream === 1 ? [frame] : [edit(frame, (report) => ({ ...report, results: [] }))]),
  })),
  bug('says a result twice', 'result-once', 'R-4', () => ({
    outgoing: (frame) => (hasResults(frame) ? [frame, frame] : [frame]),
  })),
  bug('gives a second, different result', 'echo', 'R-1', () => ({
    outgoing: (frame) => (hasResults(frame) ? [frame, edit(frame, (report) => cancel(report))] : [frame]),
  })),
  bug('says cancelled without a stop', 'digest', 'R-6', () => ({
    outgoing: (frame) => [edit(frame, (report) => cancel(report))],
  })),
  bug('fails for good when the handler did not say so', 'fails', 'R-5', () => ({
    outgoing: (frame) => [edit(frame, (report) => ({ ...report, results: report.results.map(final) }))],
  })),
  bug('never accepts', 'stop', 'U-1', () => dropUpdates('accepted')),
  bug('saves no checkpoints', 'checkpoints', 'U-4', () => dropUpdates('checkpoint')),
  bug('shows progress of what is over', 'echo', 'U-2', () => ({
    outgoing: (frame) => {
      const id = frame.frame.case === 'report' ? frame.frame.value.results[0]?.attemptId : undefined;
      return id === undefined ? [frame] : [frame, report({ updates: [makeProgress(id, 1, '')] })];
    },
  })),
  bug('shows more than all', 'from-checkpoint', 'U-3', () => ({
    outgoing: (frame) => [
      edit(frame, (told) => ({
        ...told,
        updates: told.updates.map((u) =>
          u.update.case === 'progress' ? makeProgress(u.attemptId, 2 * u.update.value.fraction, '') : u,
        ),
      })),
    ],
  })),
  bug('says Hello twice', 'echo', 'H-2', () => ({
    outgoing: (frame) => (frame.frame.case === 'hello' ? [frame, frame] : [frame]),
  })),
  bug('beats before it is welcome', 'hello-first', 'H-1', () => ({
    outgoing: (frame) => (frame.frame.case === 'hello' ? [frame, beat(1)] : [frame]),
  })),
  bug('is a new instance on every stream', 'same-instance', 'H-3', () => ({
    outgoing: (frame, stream) => [onHello(frame, ({ instanceId }) => ({ instanceId: `${instanceId}-${stream}` }))],
  })),
  bug('speaks another version', 'hello-fields', 'H-5', () => ({
    outgoing: (frame) => [onHello(frame, () => ({ protocolVersion: 2 }))],
  })),
  bug('lists nothing as held', 'held-after-cut', 'H-7', () => ({
    outgoing: (frame) => [onHello(frame, () => ({ held: [] }))],
  })),
  bug('has no number for its state', 'sigterm-finish', 'O-1', () => onState(() => ({ revision: 1 }))),
  bug('does not say that it drains', 'sigterm-finish', 'L-1', () => ({
    outgoing: (frame) => (frame.frame.case === 'state' ? [] : [frame]),
  })),
  bug('goes without a Goodbye', 'sigterm', 'L-4', () => ({
    outgoing: (frame) => (frame.frame.case === 'goodbye' ? [] : [frame]),
  })),
  bug('does not say why it rejects', 'not-offered', 'A-2', () => ({ outgoing: (frame) => [edit(frame, busy)] })),
  bug('is only busy when it drains', 'sigterm-finish', 'A-3', () => ({ outgoing: (frame) => [edit(frame, busy)] })),
  bug('starts what it had settled', 'assigned-again-later', 'A-5', startAgain),
  bug('starts what runs already', 'assigned-again', 'A-4', startAgain),
  bug('does not beat', 'beats', 'B-1', () => ({
    outgoing: (frame) => (frame.frame.case === 'beat' ? [] : [frame]),
  })),
  bug('counts no beats', 'beats', 'B-2', () => ({
    outgoing: (frame) => (frame.frame.case === 'beat' ? [beat(1)] : [frame]),
  })),
  bug('is busier than can be', 'beats', 'B-3', () => ({
    outgoing: (frame) => (frame.frame.case === 'beat' ? [beat(frame.frame.value.number, 2)] : [frame]),
  })),
  bug('does not watch its own clock', 'contact-lost', 'C-4', () => ({
    incoming: (frame) => onAssignments(frame, () => ({ idempotent: true })),
  })),
  bug('starts what comes too late', 'late-assignment', 'C-5', () => ({
    incoming: (frame) => onAssignments(frame, () => ({ idempotent: true })),
  })),
  bug('begins at the beginning', 'from-checkpoint', 'A-8', () => ({
    incoming: (frame) => onAssignments(frame, () => ({ checkpoint: new Uint8Array(0) })),
  })),
  bug('does not know when its time is over', 'own-timeout', 'A-9', () => ({
    incoming: (frame) => onAssignments(frame, () => ({ timeoutMs: 0 })),
  })),
  bug('is deaf to GoAway', 'go-away', 'G-1', () => ({
    incoming: (frame) => (frame.frame.case === 'goAway' ? undefined : frame),
  })),
  bug('goes where it was', 'go-away-address', 'G-2', () => onGoAway(() => ({ addresses: [] }))),
  bug('knows nobody but those who are gone', 'go-away-nobody', 'G-6', () =>
    onGoAway(() => ({ addresses: Array.from({ length: 16 }, (_, index) => `127.0.0.1:${index + 1}`) })),
  ),
  bug('says Hello with nothing when it is asked again', 'go-away-resync', 'H-7', () => ({
    outgoing: (frame, stream) => [stream === 1 ? frame : onHello(frame, () => ({ held: [] }))],
  })),
  bug('leaves when a capability is refused', 'capability-refused', 'O-6', () => ({
    incoming: (response) => {
      const isRefused = response.frame.case === 'dispatch' && response.frame.value.acks?.capabilities.length;
      return isRefused ? create(SessionResponseSchema, { frame: { case: 'goAway', value: DRAINED } }) : response;
    },
  })),
  bug('goes on talking on the old stream', 'go-away', 'G-3', () => ({ afterMove: () => [report({})] })),
  bug('comes back when it is drained', 'go-away-drained', 'G-5', () =>
    onGoAway(() => ({ reason: GoAwayReason.SHUTDOWN })),
  ),
  bug('knocks again at a door that stays shut', 'refused-for-good', 'E-3', () => ({
    ended: () => ({ code: 'UNAVAILABLE', message: 'somehow' }),
  })),
  bug('does not read RetryInfo', 'retry-info', 'E-4', () => ({
    ended: ({ code, message }) => ({ code, message }),
  })),
  bug('counts its output from the beginning', 'chunks-from-number', 'P-1', () => ({
    incoming: (frame) => onAssignments(frame, () => ({ nextChunk: 0 })),
  })),
  bug('loses output with its stream', 'chunks-after-cut', 'P-2', () => ({
    outgoing: (frame, stream) => [stream === 1 ? frame : edit(frame, (told) => keepChunks(told, (n) => n > 3))],
  })),
  bug('does not send output again', 'chunks-resend', 'P-3', () => onChunks({ verdict: ChunkVerdict.STORED })),
  bug('goes on writing for nobody', 'chunks-dropped', 'P-4', () => onChunks({ verdict: ChunkVerdict.STORED })),
  bug('does not say what it wrote', 'chunks-after-cut', 'P-5', () => ({
    outgoing: (frame) => [onHello(frame, ({ held }) => ({ held: held.map((h) => ({ ...h, lastChunk: 0 })) }))],
  })),
  bug('ends without all of its output', 'chunks', 'P-6', () => ({
    outgoing: (frame) => [edit(frame, (told) => keepChunks(told, (n) => n !== 2))],
  })),
  bug('sends large values inline', 'blob-output', 'V-1', () => onWelcome({ inlineValueBytesMax: 1_000_000 })),
  bug('uploads what no blob may hold', 'blob-too-large', 'V-4', () => onWelcome({ blobBytesMax: 10_000_000 })),
];

function bug(name: string, situation: string, clause: string, plant: () => Tampering): Bug {
  return { name, situation, clause, plant };
}

// ---- what goes out

function report(part: Partial<Pick<Report, 'updates' | 'results'>>): SessionRequest {
  return create(SessionRequestSchema, { frame: { case: 'report', value: { updates: [], results: [], ...part } } });
}

function edit(frame: SessionRequest, change: (report: Report) => Report): SessionRequest {
  return frame.frame.case === 'report' ? report(change(frame.frame.value)) : frame;
}

function hasResults({ frame }: SessionRequest): boolean {
  return frame.case === 'report' && frame.value.results.length > 0;
}

function onHello(request: SessionRequest, change: (hello: Hello) => Partial<Hello>): SessionRequest {
  const { frame } = request;
  if (frame.case !== 'hello') return request;
  return { ...request, frame: { case: 'hello', value: { ...frame.value, ...change(frame.value) } } };
}

/** In Hello, too. */
function onState(change: (state: State) => Partial<State>): Tampering {
  const changed = (state: State): State => ({ ...state, ...change(state) });
  return {
    outgoing: (request) => {
      const { frame } = request;
      if (frame.case === 'state') return [{ ...request, frame: { case: 'state', value: changed(frame.value) } }];
      return [onHello(request, ({ state }) => (state === undefined ? {} : { state: changed(state) }))];
    },
  };
}

function dropUpdates(kind: string): Tampering {
  const keep = (told: Report): Report => ({ ...told, updates: told.updates.filter((u) => u.update.case !== kind) });
  return { outgoing: (frame) => [edit(frame, keep)] };
}

function keepChunks(told: Report, keeps: (number: number) => boolean): Report {
  return { ...told, updates: told.updates.filter((u) => u.update.case !== 'chunk' || keeps(u.update.value.number)) };
}

function cancel(told: Report): Report {
  const results = told.results.map(({ attemptId }) =>
    create(AttemptResultSchema, { attemptId, result: { case: 'cancelled', value: {} } }),
  );
  return { ...told, results };
}

function final(told: AttemptResult): AttemptResult {
  const { result } = told;
  if (result.case !== 'failed') return told;
  return { ...told, result: { case: 'failed', value: { ...result.value, retryable: false } } };
}

function busy(told: Report): Report {
  const updates = told.updates.map((u) =>
    u.update.case === 'rejected'
      ? { ...u, update: { case: 'rejected' as const, value: { ...u.update.value, reason: RejectReason.BUSY } } }
      : u,
  );
  return { ...told, updates };
}

// ---- what comes in

type Dispatch = Extract<SessionResponse['frame'], { case: 'dispatch' }>['value'];
type Assignment = Dispatch['assignments'][number];
type GoAway = Extract<SessionResponse['frame'], { case: 'goAway' }>['value'];

function onDispatch(change: (dispatch: Dispatch) => Dispatch): Tampering {
  return {
    incoming: (response) => {
      const { frame } = response;
      if (frame.case !== 'dispatch') return response;
      return { ...response, frame: { case: 'dispatch', value: change(frame.value) } };
    },
  };
}

function onChunks(change: Partial<ChunkAck>): Tampering {
  return onDispatch(({ acks, ...dispatch }) => {
    if (acks === undefined) return dispatch;
    return { ...dispatch, acks: { ...acks, chunks: acks.chunks.map((ack) => ({ ...ack, ...change })) } };
  });
}

function onAssignments(
  response: SessionResponse,
  change: (assignment: Assignment) => Partial<Assignment>,
): SessionResponse | undefined {
  const { incoming } = onDispatch((dispatch) => ({
    ...dispatch,
    assignments: dispatch.assignments.map((assignment) => ({ ...assignment, ...change(assignment) })),
  }));
  return incoming?.(response, 1);
}

function onGoAway(change: () => Partial<GoAway>): Tampering {
  return {
    incoming: (response) => {
      const { frame } = response;
      if (frame.case !== 'goAway') return response;
      return { ...response, frame: { case: 'goAway', value: { ...frame.value, ...change() } } };
    },
  };
}

function onWelcome(sizes: { readonly inlineValueBytesMax?: number; readonly blobBytesMax?: number }): Tampering {
  return {
    incoming: (response) => {
      const { frame } = response;
      if (frame.case !== 'welcome' || frame.value.limits === undefined) return response;
      const limits = { ...frame.value.limits, ...sizes };
      return { ...response, frame: { case: 'welcome', value: { ...frame.value, limits } } };
    },
  };
}

/** An assignment that comes again is taken for a new one; outside both have the same name. */
function startAgain(): Tampering {
  const seen = new Set<string>();
  const outer = (id: string): string => id.replace(/~again$/, '');
  return {
    incoming: (frame) =>
      onAssignments(frame, ({ attemptId }) => {
        if (!seen.has(attemptId)) {
          seen.add(attemptId);
          return {};
        }
        return { attemptId: `${attemptId}~again` };
      }),
    outgoing: (frame) => [
      edit(frame, ({ updates, results, ...rest }) => ({
        ...rest,
        updates: updates.map((u) => ({ ...u, attemptId: outer(u.attemptId) })),
        results: results.map((r) => ({ ...r, attemptId: outer(r.attemptId) })),
      })),
    ],
  };
}
