/** Which attempt ran where, as bars over the time of the run. */
import type { StepResult } from '../client/index.ts';
import { type Fleet, nameOf } from './fleet.ts';
import { formatSeconds, type Lines } from './lines.ts';

const WIDTH = 40;
const TICKS = 4;

export interface TimelineOptions {
  readonly steps: readonly StepResult[];
  readonly startedAt: number;
  readonly durationMs: number;
  readonly fleet: Fleet;
  /** The attempts that the demo killed, and when they ended by that. */
  readonly killed: readonly { readonly instance: string; readonly at: number }[];
}

export function printTimeline(lines: Lines, { steps, startedAt, durationMs, fleet, killed }: TimelineOptions): void {
  const scale = WIDTH / Math.max(1, durationMs);
  const column = (at: number): number => Math.min(WIDTH, Math.max(0, Math.round((at - startedAt) * scale)));
  lines.text(`${''.padEnd(21)}${axis(durationMs)}`);
  for (const step of steps.filter((candidate) => candidate.kind === 'AGENT')) {
    for (const attempt of step.attempts) {
      const kill =
        attempt.outcome !== 'COMPLETED' ? killed.find(({ instance }) => instance === attempt.instance) : undefined;
      const start = attempt.startTime?.getTime() ?? startedAt;
      const end = kill?.at ?? attempt.endTime?.getTime() ?? startedAt + durationMs;
      const from = Math.min(column(start), WIDTH - 1);
      const bar = `${''.padEnd(from)}${'='.repeat(Math.max(1, column(end) - from))}${kill === undefined ? '' : '!'}`;
      const outcome = attempt.outcome === 'COMPLETED' ? '' : `, ${attempt.outcome}`;
      const who = `${nameOf(fleet, attempt.instance)}, ${formatSeconds(end - start)}${outcome}`;
      lines.text(`${step.path.padEnd(18)} ${attempt.number} ${bar.padEnd(WIDTH + 2)} ${who}`);
    }
  }
  lines.text('(= ran  ! killed)');
}

function axis(durationMs: number): string {
  const step = WIDTH / TICKS;
  return Array.from({ length: TICKS }, (_, i) => formatSeconds((durationMs * i) / TICKS).padEnd(step)).join('');
}
