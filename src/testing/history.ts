/** What happened in a run, read from its journal. */
import type { RunEvent } from '../control-plane/engine/events.ts';
import type { AttemptOutcome } from '../control-plane/engine/status.ts';

/** One attempt, in the order of the starts. */
export interface HistoryEntry {
  readonly path: string;
  readonly number: number;
  readonly try: number;
  readonly agent: string;
  readonly instance: string;
  /** OPEN: it has not ended. */
  readonly outcome: AttemptOutcome | 'OPEN';
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

export function readHistory(events: readonly RunEvent[]): readonly HistoryEntry[] {
  const entries = new Map<string, HistoryEntry>();
  for (const event of events) {
    if (event.type === 'AttemptStarted') {
      const { path, number, agentId: agent, instanceId: instance, at: startedAt } = event;
      const outcome = 'OPEN' as const;
      const entry = { path, number, try: event.try, agent, instance, outcome, startedAt, endedAt: undefined };
      entries.set(`${path}#${number}`, entry);
    } else if (event.type === 'AttemptEnded') {
      const key = `${event.path}#${event.number}`;
      const started = entries.get(key);
      if (started !== undefined) entries.set(key, { ...started, outcome: event.outcome, endedAt: event.at });
    }
  }
  return [...entries.values()];
}

/** `extract#1 LOST` */
export function formatEntry({ path, number, outcome }: HistoryEntry): string {
  return `${path}#${number} ${outcome}`;
}

/** Starts and ends in the order in which they were decided: `start extract#1 db-extractor`, `end extract#1 COMPLETED`. */
export function readOrder(events: readonly RunEvent[]): readonly string[] {
  const lines: string[] = [];
  for (const event of events) {
    if (event.type === 'AttemptStarted') lines.push(`start ${event.path}#${event.number} ${event.agentId}`);
    else if (event.type === 'AttemptEnded') lines.push(`end ${event.path}#${event.number} ${event.outcome}`);
  }
  return lines;
}
