/** JSON with expressions in it: planned as a tree of parts, evaluated into plain JSON. */
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { showReference } from '../../core/secret-mark.ts';
import type { Expression, Reads, Scope, SecretScope, Template } from '../compiled.ts';
import { readReference, readSecretCall } from '../secrets.ts';
import { compileExpression, type Names } from './expression.ts';
import { createMarked } from './marked.ts';
import { refuseLongText } from './meter.ts';
import { readPlainPath } from './plain-path.ts';
import { type Plan, type SecretReference, textOfJson } from './plan.ts';
import type { Spot } from './prepare.ts';
import { OPENING, type Part, splitTemplate } from './source.ts';

/** With `secrets`, references to those stand for them. Throws BAD_EXPRESSION or UNKNOWN_STEP. The value must not nest deeper than `limits.valueDepthMax`. */
export function compileTemplate(value: JsonValue, spot: Spot, names: Names, secrets?: SecretScope): Template {
  const expressions: Expression[] = [];
  const plan = planValue(
    value,
    (part) => {
      const expression = compileExpression(part.source, spot, names);
      expressions.push(expression);
      return expression;
    },
    secrets?.names,
  );
  const marked = secrets === undefined ? undefined : createMarked(plan, secrets);
  return {
    ...marked,
    reads: joinReads(expressions.map((expression) => expression.reads)),
    passThrough: plan.kind === 'value' && marked === undefined ? passThroughOf(plan.expression) : undefined,
    constant: plan.kind === 'constant' ? plan.value : undefined,
    evaluate: (scope) => evaluate(plan, scope),
  };
}

/** A step's or run's `output`: a bare string is CEL (`result.rows`), anything else a template. */
export function compileOutput(value: JsonValue, spot: Spot, names: Names): Template {
  return compileTemplate(outputTemplate(value), spot, names);
}

/** `output: result.rows` means `${{ result.rows }}`. */
export function outputTemplate(value: JsonValue): JsonValue {
  return typeof value === 'string' && !value.includes(OPENING) ? `${OPENING} ${value} }}` : value;
}

type CompilePart = (part: Part & { readonly kind: 'expression' }) => Expression;

function planValue(value: JsonValue, compile: CompilePart, secrets: ReadonlySet<string> | undefined): Plan {
  if (typeof value === 'string') return planText(value, compile, secrets);
  if (Array.isArray(value)) {
    const items = value.map((item) => planValue(item, compile, secrets));
    return items.every((item) => item.kind === 'constant') ? { kind: 'constant', value } : { kind: 'list', items };
  }
  if (!isJsonObject(value)) return { kind: 'constant', value };
  const members = Object.entries(value).map(([key, item]) => [key, planValue(item, compile, secrets)] as const);
  return members.every(([, item]) => item.kind === 'constant')
    ? { kind: 'constant', value }
    : { kind: 'object', members };
}

function planText(text: string, compile: CompilePart, secrets: ReadonlySet<string> | undefined): Plan {
  const reference = referenceTo(readReference(text), secrets);
  if (reference !== undefined) return reference;
  if (!text.includes(OPENING)) return { kind: 'constant', value: text };
  const parts = splitTemplate(text).map((part) =>
    part.kind === 'text' ? part.text : (referenceTo(readSecretCall(part.source), secrets) ?? compile(part)),
  );
  const [first] = parts;
  if (parts.length > 1 || first === undefined || typeof first === 'string') return { kind: 'text', parts };
  return 'kind' in first ? first : { kind: 'value', expression: first };
}

function referenceTo(name: string | undefined, secrets: ReadonlySet<string> | undefined): SecretReference | undefined {
  return name !== undefined && secrets?.has(name) === true ? { kind: 'secret', name } : undefined;
}

function evaluate(plan: Plan, scope: Scope): JsonValue {
  switch (plan.kind) {
    case 'constant':
      return plan.value;
    case 'value':
      return plan.expression.evaluate(scope);
    case 'text':
      return joinParts(plan.parts, scope);
    case 'secret':
      return showReference(plan.name);
    case 'list':
      return plan.items.map((item) => evaluate(item, scope));
    case 'object':
      return Object.fromEntries(plan.members.map(([key, item]) => [key, evaluate(item, scope)]));
  }
}

function joinParts(parts: (Plan & { readonly kind: 'text' })['parts'], scope: Scope): string {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else text += 'kind' in part ? showReference(part.name) : textOfJson(part.evaluate(scope));
    refuseLongText(text.length);
  }
  return text;
}

function passThroughOf(expression: Expression): Template['passThrough'] {
  const path = readPlainPath(expression.source);
  if (path?.root === 'params' && path.keys.length === 0) return { kind: 'params' };
  if (path?.root === 'last' && path.keys.length === 0) return { kind: 'last' };
  if (path?.root === 'item' && path.keys.length === 0) return { kind: 'item' };
  const [node] = expression.reads.outputs;
  const isOutput = path?.root === 'steps' && path.keys.length === 2 && path.keys[1]?.key === 'output';
  return isOutput && node !== undefined ? { kind: 'output', node } : undefined;
}

function joinReads(all: readonly Reads[]): Reads {
  const outputs = new Set(all.flatMap((reads) => reads.outputs));
  return {
    outputs: [...outputs],
    params: all.some((reads) => reads.params),
    last: all.some((reads) => reads.last),
    item: all.some((reads) => reads.item),
    ...(all.some((reads) => reads.result === true) && { result: true }),
  };
}
