/** A prepared expression bound to one workflow's steps, and its evaluation. */
import { type CelInput, celMap, isCelError, plan } from '@bufbuild/cel';
import { reflect } from '@bufbuild/protobuf/reflect';
import { TimestampSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { YardmasterError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Expression, Reads, Scope, StepView } from '../compiled.ts';
import { explainFault, explainResult } from './faults.ts';
import { environment } from './functions.ts';
import { refillMeter, spend } from './meter.ts';
import { extendPath, missingData } from './navigate.ts';
import { type PlainPath, walk } from './plain-path.ts';
import { type Around, type Prepared, prepare, type Spot } from './prepare.ts';
import { type StepReference, stepVariable, TICK } from './rewrite.ts';
import { stripBraces } from './source.ts';
import type { Tree } from './tree.ts';
import { bind, unbind } from './values.ts';

/** What an expression may name where it stands. */
export interface Names {
  /** The index of a step by its id; undefined for a step that does not exist. */
  indexOf(id: string): number | undefined;
  readonly around: Around;
}

/** A condition (`when`, `assert`), with or without braces. Throws BAD_EXPRESSION or UNKNOWN_STEP. */
export function compileCondition(text: string, spot: Spot, names: Names): Expression {
  return compileExpression(stripBraces(text).source, spot, names);
}

/** One bare expression. The plan is made at the first evaluation. */
export function compileExpression(source: string, spot: Spot, names: Names): Expression {
  const prepared = prepare(source, spot, names.around);
  const steps = resolveSteps(prepared, names);
  const outputs = [...steps.values()].filter((step) => step.readsOutput).map((step) => step.index);
  const reads: Reads = {
    outputs,
    params: prepared.readsParams,
    last: prepared.readsLast,
    item: prepared.readsItem,
    ...(prepared.roots.has('result') && { result: true }),
  };
  let run: ((scope: Scope) => JsonValue) | undefined;
  return {
    source,
    reads,
    evaluate: (scope) => {
      run ??= createEvaluator(prepared, steps);
      return run(scope);
    },
  };
}

interface ReadStep {
  readonly index: number;
  readonly readsOutput: boolean;
}

function resolveSteps(prepared: Prepared, names: Names): ReadonlyMap<string, ReadStep> {
  const steps = new Map<string, ReadStep>();
  for (const reference of prepared.steps) {
    const index = names.indexOf(reference.id);
    if (index === undefined) throw unknownStep(reference);
    const readsOutput = reference.field === undefined || reference.field === 'output';
    steps.set(reference.id, { index, readsOutput: readsOutput || (steps.get(reference.id)?.readsOutput ?? false) });
  }
  return steps;
}

function unknownStep(reference: StepReference): YardmasterError {
  const meta = { offset: String(reference.offset), length: String(reference.id.length), step: reference.id };
  return new YardmasterError('UNKNOWN_STEP', `no step is called "${reference.id}"`, { meta });
}

function createEvaluator(prepared: Prepared, steps: ReadonlyMap<string, ReadStep>): (scope: Scope) => JsonValue {
  const { form } = prepared;
  if (form.kind === 'path') return (scope) => evaluatePath(form.path, steps, scope);
  return createPlanned(prepared, form.tree, steps);
}

function evaluatePath(path: PlainPath, steps: ReadonlyMap<string, ReadStep>, scope: Scope): JsonValue {
  switch (path.root) {
    case 'params':
      return walk(scope.params(), 'params', path.keys);
    case 'result':
      return walk(scope.result ?? null, 'result', path.keys);
    case 'output':
      return walk(scope.output ?? null, 'output', path.keys);
    case 'last':
      return walk(scope.loop?.last() ?? null, 'last', path.keys);
    case 'item':
      return walk(scope.map?.item() ?? null, 'item', path.keys);
    case 'steps':
      return evaluateStepPath(path, steps, scope);
  }
}

function evaluateStepPath(path: PlainPath, steps: ReadonlyMap<string, ReadStep>, scope: Scope): JsonValue {
  const id = String(path.keys[0]?.key ?? '');
  const step = steps.get(id);
  if (step === undefined) throw new YardmasterError('INTERNAL', `step "${id}" was not resolved`);
  const view = scope.step(step.index);
  const name = extendPath('steps', id);
  const record = stepRecord(view, step.readsOutput);
  const field = path.keys[1]?.key;
  if (field === 'output' && record.output === undefined) throw missingData(name, field, withStatus(view));
  return walk(record, name, path.keys.slice(1));
}

/** "steps.a is SKIPPED" says more than that it has no output. */
function withStatus(view: StepView): string {
  return `${view.status} and has no output`;
}

function stepRecord(view: StepView, readsOutput: boolean): JsonObject {
  const output = readsOutput ? view.output() : undefined;
  return {
    status: view.status,
    attempt: view.attempt,
    ...(view.agent === undefined ? {} : { agent: view.agent }),
    ...(view.error === undefined ? {} : { error: { code: view.error.code, message: view.error.message } }),
    ...(output === undefined ? {} : { output }),
  };
}

function createPlanned(
  prepared: Prepared,
  tree: Tree,
  steps: ReadonlyMap<string, ReadStep>,
): (scope: Scope) => JsonValue {
  const evaluate = plan(environment, tree);
  return (scope) => {
    refillMeter();
    const result = evaluate(bindings(prepared, steps, scope));
    if (isCelError(result)) throw explainFault(prepared, result);
    try {
      return unbind(result);
    } catch (error) {
      throw explainResult(prepared, error);
    }
  };
}

/** The variables that this expression reads, and the tick of its loops, which throws past every `||`. */
function bindings(prepared: Prepared, steps: ReadonlyMap<string, ReadStep>, scope: Scope): Record<string, CelInput> {
  const variables: Record<string, CelInput> = Object.create(null);
  for (const root of prepared.roots) variables[root] = rootValue(root, scope);
  for (const [id, step] of steps)
    variables[stepVariable(id)] = bind(stepRecord(scope.step(step.index), step.readsOutput));
  Object.defineProperty(variables, TICK, { get: tick });
  return variables;
}

function tick(): boolean {
  spend(1);
  return true;
}

function rootValue(root: string, scope: Scope): CelInput {
  switch (root) {
    case 'params':
      return bind(scope.params());
    case 'result':
      return bind(scope.result ?? null);
    case 'output':
      return bind(scope.output ?? null);
    case 'last':
      return bind(scope.loop?.last() ?? null);
    case 'iteration':
      return BigInt(scope.loop?.iteration ?? 0);
    case 'item':
      return bind(scope.map?.item() ?? null);
    case 'index':
      return BigInt(scope.map?.index ?? 0);
    case 'workflow':
      return bind({ name: scope.workflow.name, version: scope.workflow.version });
    case 'run': {
      const { id, namespace, startedAt, try: number } = scope.run;
      return celMap(
        new Map<string, CelInput>([
          ['id', id],
          ['namespace', namespace],
          ['startedAt', timestamp(startedAt)],
          ['try', BigInt(number)],
        ]),
      );
    }
    case 'now':
      return timestamp(scope.now);
    default:
      throw new YardmasterError('INTERNAL', `"${root}" has no value`);
  }
}

function timestamp(ms: number): CelInput {
  return reflect(TimestampSchema, timestampFromMs(ms));
}
