/** The library's own functions: what our operators fall back to, and which names and argument counts exist. */
import { type CelValue, celEnv, isCelError } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';

/** String functions whose cost is linear in what they read. `replace`, `join` are ours (bounded); `format` is not offered. */
const STRING_FUNCTIONS: ReadonlySet<string> = new Set([
  'charAt',
  'indexOf',
  'lastIndexOf',
  'lowerAscii',
  'upperAscii',
  'split',
  'substring',
  'trim',
]);

export const standardFunctions = strings.filter((fn) => STRING_FUNCTIONS.has(fn.name));
const standard = celEnv({ funcs: standardFunctions }).funcs;

/** The library's answer; undefined when no overload takes these values. Throws what the function throws. */
export function callStandard(name: string, args: CelValue[], target?: CelValue): CelValue | undefined {
  const result = standard.find(name)?.call(0, target, args);
  if (isCelError(result)) throw result;
  return result;
}

/** Timestamps, durations and bytes as text; undefined for what has none (types). */
export function textOfStandard(value: CelValue): string | undefined {
  const text = callStandard('string', [value]);
  return typeof text === 'string' ? text : undefined;
}

export interface Shape {
  readonly isMethod: boolean;
  readonly arity: number;
}

const shapes = new Map<string, Shape[]>();
for (const fn of standard) addShape(fn.name, { isMethod: fn.target !== undefined, arity: fn.arguments.length });
addShape('replace', { isMethod: true, arity: 2 });
addShape('join', { isMethod: true, arity: 0 });
addShape('join', { isMethod: true, arity: 1 });
addShape('default', { isMethod: false, arity: 2 });
addShape('has', { isMethod: false, arity: 1 });

function addShape(name: string, shape: Shape): void {
  const known = shapes.get(name);
  if (known === undefined) shapes.set(name, [shape]);
  else known.push(shape);
}

/** How `name` may be called; undefined when there is no such function. */
export function shapesOf(name: string): readonly Shape[] | undefined {
  return shapes.get(name);
}

/** Names that people can write. */
export function functionNames(): readonly string[] {
  return [...shapes.keys()].filter((name) => /^[A-Za-z]/.test(name));
}
