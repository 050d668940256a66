/** Everything that happened between the kit and one agent, in order: what situations look at, and what a failure shows. */
import type { SessionRequest } from '../gen/yardmaster/v1/session_request_pb.ts';
import type { SessionResponse } from '../gen/yardmaster/v1/session_response_pb.ts';
import { frameText } from './frame-text.ts';

export type AgentFrame = SessionRequest['frame'];
export type OurFrame = SessionResponse['frame'];

export type TapeEntry = { readonly atMs: number; readonly stream: number } & (
  | { readonly kind: 'received'; readonly frame: AgentFrame }
  | { readonly kind: 'sent'; readonly frame: OurFrame }
  | { readonly kind: 'note'; readonly text: string }
);

export class Tape {
  readonly entries: TapeEntry[] = [];
  readonly #startedAt = performance.now();
  readonly #watchers = new Set<(entry: TapeEntry) => void>();

  now(): number {
    return performance.now() - this.#startedAt;
  }

  received(stream: number, frame: AgentFrame): void {
    this.#add({ atMs: this.now(), stream, kind: 'received', frame });
  }

  sent(stream: number, frame: OurFrame): void {
    this.#add({ atMs: this.now(), stream, kind: 'sent', frame });
  }

  /** Stream 0: of no stream. */
  note(stream: number, text: string): void {
    this.#add({ atMs: this.now(), stream, kind: 'note', text });
  }

  /** Calls `fn` after every entry; the answer ends that. */
  watch(fn: (entry: TapeEntry) => void): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  /** The last entries, a line each. Beats and their acks are counted, since they would push everything else out. */
  tail(linesMax: number): readonly string[] {
    const lines: string[] = [];
    let beats = 0;
    for (const entry of this.entries) {
      if (isBeat(entry)) beats++;
      else {
        if (beats > 0) lines.push(`            ${beats} beats and acks of beats`);
        beats = 0;
        lines.push(lineOf(entry));
      }
    }
    if (beats > 0) lines.push(`            ${beats} beats and acks of beats`);
    return lines.slice(-linesMax);
  }

  #add(entry: TapeEntry): void {
    this.entries.push(entry);
    for (const fn of [...this.#watchers]) fn(entry);
  }
}

function isBeat(entry: TapeEntry): boolean {
  if (entry.kind === 'received') return entry.frame.case === 'beat';
  if (entry.kind !== 'sent' || entry.frame.case !== 'dispatch') return false;
  const { acks, assignments, stops } = entry.frame.value;
  return acks !== undefined && acks.beat > 0 && acks.results.length + assignments.length + stops.length === 0;
}

function lineOf(entry: TapeEntry): string {
  const head = `${(entry.atMs / 1_000).toFixed(3).padStart(8)} ${entry.stream === 0 ? ' ' : entry.stream}`;
  switch (entry.kind) {
    case 'received':
      return `${head} -> ${frameText(entry.frame)}`;
    case 'sent':
      return `${head} <- ${frameText(entry.frame)}`;
    case 'note':
      return `${head}    ${entry.text}`;
  }
}
