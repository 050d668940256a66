/** Frames in a few words, for the trace. */
import type { SessionRequest, SessionResponse } from '../../src/gen/opaque/session_pb.ts';

export function describeRequest({ frame }: SessionRequest): string {
  switch (frame.case) {
    case 'hello':
      return `hello ${frame.value.instanceId} held=[${frame.value.held.map(({ attemptId, finished }) => `${short(attemptId)}${finished ? '!' : ''}`)}]`;
    case 'state':
      return `state revision=${frame.value.revision} draining=${frame.value.draining}`;
    case 'beat':
      return `beat ${frame.value.number}`;
    case 'report': {
      const updates = frame.value.updates.map(({ attemptId, update }) => `${update.case} ${short(attemptId)}`);
      const results = frame.value.results.map(({ attemptId, result }) => `${result.case} ${short(attemptId)}`);
      return `report ${[...updates, ...results].join(', ')}`;
    }
    case 'goodbye':
      return 'goodbye';
    default:
      return 'nothing';
  }
}

export function describeResponse({ frame }: SessionResponse): string {
  switch (frame.case) {
    case 'welcome':
      return 'welcome';
    case 'goAway':
      return `goAway ${frame.value.reason}`;
    case 'dispatch': {
      const { assignments, stops, acks } = frame.value;
      const parts = [
        ...assignments.map(({ attemptId }) => `assign ${short(attemptId)}`),
        ...stops.map(({ attemptId, reason }) => `stop ${short(attemptId)} (${reason})`),
        ...(acks?.results ?? []).map(({ attemptId, verdict }) => `ack ${short(attemptId)} (${verdict})`),
      ];
      if (acks !== undefined && acks.beat > 0) parts.push(`beat ${acks.beat}`);
      if (acks !== undefined && acks.stateRevision > 0) parts.push(`revision ${acks.stateRevision}`);
      return parts.join(', ');
    }
    default:
      return 'nothing';
  }
}

/** An attempt id with the last characters of its run's id. */
export function short(attemptId: string): string {
  return attemptId.length > 26 ? attemptId.slice(22) : attemptId;
}
