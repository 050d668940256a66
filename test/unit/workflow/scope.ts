/** A scope over plain data, for expressions in tests. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { Scope, StepView } from '../../../src/workflow/compiled.ts';

export interface ScopeData {
  readonly params?: JsonValue;
  /** By index; a step without `output` has none. */
  readonly steps?: readonly {
    readonly status?: string;
    readonly output?: JsonValue;
    readonly error?: StepView['error'];
  }[];
  readonly result?: JsonValue;
  readonly output?: JsonValue;
}

export function scopeOf(data: ScopeData = {}): Scope {
  return {
    params: () => data.params ?? {},
    step: (node) => {
      const step = data.steps?.[node];
      return {
        status: step?.status ?? 'COMPLETED',
        attempt: 1,
        agent: undefined,
        error: step?.error,
        output: () => step?.output,
      };
    },
    now: Date.UTC(2026, 10, 24, 12),
    run: { id: '01jdf0000000000000000000ab', namespace: 'default', startedAt: Date.UTC(2026, 10, 24, 11), try: 1 },
    workflow: { name: 'Nightly', version: 3 },
    ...(data.result === undefined ? {} : { result: data.result }),
    ...(data.output === undefined ? {} : { output: data.output }),
  };
}
