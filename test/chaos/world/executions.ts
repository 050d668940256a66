/** The ledgers put together: what ran when, as the processes that did it wrote down. */
import type { LedgerLine } from '../ledger.ts';
import type { Suffered } from './nemesis.ts';

export interface Execution {
  readonly runId: string;
  readonly step: string;
  readonly number: number;
  readonly agent: string;
  readonly instance: string;
  readonly capability: string;
  readonly pid: number;
  readonly from: number;
  /** Infinite: it has not ended. */
  readonly until: number;
  readonly how: 'done' | 'failed' | 'stopped' | 'killed' | 'open';
}

export function executionsOf(lines: readonly LedgerLine[], suffered: readonly Suffered[]): readonly Execution[] {
  const ends = new Map<string, Extract<LedgerLine, { what: 'end' }>>();
  for (const line of lines) if (line.what === 'end') ends.set(keyOf(line), line);
  const killedAt = new Map(suffered.filter(({ what }) => what === 'killed').map(({ pid, from }) => [pid, from]));
  return lines.flatMap((line) => {
    if (line.what !== 'start') return [];
    const { runId, step, number, agent, instance, capability, pid, t } = line;
    const end = ends.get(keyOf(line));
    const killed = killedAt.get(pid);
    const over =
      end !== undefined
        ? { until: end.t, how: end.how }
        : killed !== undefined
          ? { until: killed, how: 'killed' as const }
          : { until: Number.POSITIVE_INFINITY, how: 'open' as const };
    return [{ runId, step, number, agent, instance, capability, pid, from: t, ...over }];
  });
}

function keyOf({ pid, runId, step, number }: LedgerLine): string {
  return `${pid} ${runId}/${step}#${number}`;
}

/**
 * How long `first` went on while `second` ran, and whether it had just woken up: a frozen process cannot know that its work was
 * given away, which is the one exception that the guarantees name.
 */
export function overlapOf(
  first: Execution,
  second: Execution,
  suffered: readonly Suffered[],
): { readonly ms: number; readonly isLateWake: boolean } {
  const until = Math.min(first.until, second.until);
  let ms = Math.max(0, until - second.from);
  let isLateWake = false;
  for (const { pid, what, from, until: thawed } of suffered) {
    if (pid !== first.pid || what !== 'frozen') continue;
    if (from < second.from && thawed > second.from) isLateWake = true;
    ms -= Math.max(0, Math.min(until, thawed) - Math.max(second.from, from));
  }
  return { ms: Math.max(0, ms), isLateWake };
}
