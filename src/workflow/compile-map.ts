import { limits } from '../core/limits.ts';
import type { CompiledMapNode, CompiledNodeCommon } from './compiled.ts';
import type { MapStepDefinition } from './definition.ts';
import type { Names } from './expressions/expression.ts';
import { compileOutput } from './expressions/template.ts';

/** Its list is read outside of it: `names` are those of its place. */
export function compileMap(
  step: MapStepDefinition,
  common: CompiledNodeCommon,
  names: Names,
  inside: Pick<CompiledMapNode, 'body' | 'children'>,
): CompiledMapNode {
  return {
    ...common,
    ...inside,
    kind: 'map',
    items: compileOutput(step.items, 'items', names),
    concurrency: step.concurrency ?? limits.mapConcurrencyDefault,
    onFailure: step.onFailure ?? 'waitAll',
    quorum: step.quorum,
  };
}
