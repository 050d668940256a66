/** What `doctor` found. */
import type { Style } from './style.ts';

export type Check =
  | { readonly name: string; readonly ok: true; readonly fact: string }
  | { readonly name: string; readonly ok: false; readonly code: string; readonly fact: string; readonly next: string };

/** What is well on one line; every trouble on a line of its own, with the way out. */
export function renderChecks(checks: readonly Check[], style: Style): string {
  const well = checks.flatMap((check) => (check.ok ? [`${style.paint('ok', 'good')} ${check.fact}`] : []));
  const ill = checks.flatMap((check) =>
    check.ok ? [] : [`${style.paint('x', 'bad')}  ${check.code}: ${check.fact}. next: ${check.next}`],
  );
  return [...(well.length === 0 ? [] : [well.join('  ')]), ...ill].join('\n');
}
