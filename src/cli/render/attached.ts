/** What fallbacks and compensations add to the picture of a run. */
import type { RunView, StepView } from '../../client/index.ts';
import { safe } from './text.ts';

/** What a step has to do with another; empty: nothing. */
export function belonging({ fallbackOf, compensates, usedFallback, status }: StepView): string {
  if (fallbackOf !== undefined) return `fallback of ${safe(fallbackOf)}`;
  if (compensates !== undefined) return `undoes ${safe(compensates)}`;
  if (!usedFallback) return '';
  return status === 'COMPLETED' ? 'completed by its fallback' : 'its fallback runs';
}

/** Told in the last row of a step, after what else is said there. Such rows are never folded. */
export function withBelonging<Row extends { readonly note: string; readonly isPlain: boolean }>(
  rows: readonly Row[],
  told: string,
): readonly Row[] {
  if (told === '') return rows;
  const last = rows.length - 1;
  return rows.map((row, i) => {
    const note = [row.note, ...(i === last ? [told] : [])].filter((part) => part !== '').join(', ');
    return { ...row, note, isPlain: false };
  });
}

/** Lines shown at most; each is one failure. */
const LINES_MAX = 10;

/** `cleanup: refund: UPSTREAM_DOWN the bank does not answer`: what failed beside the outcome. */
export function cleanupLines({ cleanupErrors }: RunView): readonly string[] {
  const shown = cleanupErrors.slice(0, LINES_MAX).map(({ step, code, message }) => {
    const place = step === undefined || code === 'NOT_COMPENSATED' ? '' : `${safe(step)}: `;
    return `cleanup: ${place}${safe(code)} ${safe(message)}`;
  });
  const more = cleanupErrors.length - shown.length;
  return more === 0 ? shown : [...shown, `cleanup: and ${more} more failures`];
}
