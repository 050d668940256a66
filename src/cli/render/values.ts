/** The values of a run, a line for each: what `runs get --values` shows below the timeline. */
import type { PayloadView, RunView } from '../../client/index.ts';
import { count, cut, safe } from './text.ts';
import type { TimelineOptions } from './timeline.ts';

interface Line {
  readonly name: string;
  readonly payload: PayloadView;
}

/** `-o wide` shows a value whole, however long its line is. */
export function renderValues(run: RunView, { columns, wide }: TimelineOptions): string {
  const lines: readonly Line[] = [
    { name: 'parameters', payload: run.parameters },
    ...run.steps.flatMap(({ path, input, output }) => [
      { name: `${safe(path)} in`, payload: input },
      { name: `${safe(path)} out`, payload: output },
    ]),
    { name: 'output', payload: run.output },
  ].filter(({ payload }) => payload.kind !== 'none');
  const width = Math.max(0, ...lines.map(({ name }) => name.length)) + 2;
  return lines
    .map(({ name, payload }) => {
      const text = textOf(payload);
      return name.padEnd(width) + (wide ? text : cut(text, Math.max(20, columns - width)));
    })
    .join('\n');
}

function textOf(payload: PayloadView): string {
  switch (payload.kind) {
    case 'none':
      return '';
    case 'value':
      return safe(JSON.stringify(payload.value));
    case 'blob':
      return `${count(payload.size)} bytes`;
  }
}
