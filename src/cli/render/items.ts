/** Maps: one line tells how far all of the items are. */
import type { RunEvent, RunView, StepView } from '../../client/index.ts';
import { count } from './text.ts';

/** `42 of 10,000 items, 3 failed` */
export function itemsNote({ items }: Pick<StepView, 'items'>): string {
  if (items === undefined) return '';
  const failed = items.failed === 0 ? '' : `, ${count(items.failed)} failed`;
  return `${count(items.ended)} of ${count(items.total)} items${failed}`;
}

/** The outermost map that a step is in an item of; undefined: in none. */
export function mapAround(run: RunView, path: string): StepView | undefined {
  const parts = path.split('/');
  for (let i = 1; i < parts.length; i += 2) {
    const owner = parts.slice(0, i).join('/');
    const found = run.steps.find((step) => step.kind === 'MAP' && step.path === owner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of all that happens in items one thing is told: why the first of them failed. */
export function isToldByItsMap(run: RunView, event: RunEvent): boolean {
  const map = event.step === undefined ? undefined : mapAround(run, event.step);
  if (map === undefined) return false;
  const isFailure = event.type === 'stepEnded' && (event.status === 'FAILED' || event.status === 'TIMED_OUT');
  return !isFailure || (map.items?.failed ?? 0) > 0;
}

/** What the end of an item says of its map, once for every tenth of the items; undefined: nothing new. */
export function tenthNote(run: RunView, event: Extract<RunEvent, { readonly type: 'bodyEnded' }>): string | undefined {
  const step = run.steps.find(({ path }) => path === event.step);
  if (step?.items === undefined) return undefined;
  const { ended, total } = step.items;
  const tenth = (items: number): number => Math.floor((items * 10) / total);
  return ended === total || tenth(ended) === tenth(ended - 1) ? undefined : itemsNote(step);
}
