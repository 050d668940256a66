/** From what the author wrote to the source form (the JSON that YAML would give): callbacks are called, recorders become text. */
import type { z } from 'zod';
import { type Capability, jsonSchemaOf } from '../../core/capability.ts';
import { isYardmasterError, type Problem, YardmasterError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { celLiteral } from './cel.ts';
import { recordingOf } from './recorder.ts';
import { RowBuilder } from './row-builder.ts';
import { createScope } from './scope.ts';

/** A step as written, before anything about it is trusted. */
export type WrittenStep = Readonly<Record<string, unknown>>;

const scope = createScope();

/** The source form of a step; what is wrong with it goes to `problems`. */
export function sourceOfStep(step: WrittenStep, pointer: string, problems: Problem[]): JsonObject {
  const members: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(step)) {
    if (value === undefined) continue;
    const at = `${pointer}.${key}`;
    const source = guard(at, problems, () => sourceOfMember(meaningOf(step, key), value, at, problems));
    if (source !== undefined) members.push([key, source]);
  }
  return Object.fromEntries([...versionOf(step), ...members]);
}

/** A `default` is a list of steps in a switch and a template in a signal, an `until` a condition of a loop and a time of a wait. */
function meaningOf({ type }: WrittenStep, key: string): string {
  if (key === 'default') return type === 'switch' ? 'steps' : 'set';
  if (key === 'until') return type === 'loop' ? 'while' : 'for';
  return key;
}

/** The source form of the run's `output`. */
export function sourceOfOutput(value: unknown, pointer: string, problems: Problem[]): JsonValue {
  return guard(pointer, problems, () => outputSource(value, pointer)) ?? null;
}

/** JSON Schema of the run's parameters, or of what is sent with a signal. */
export function sourceOfParams(schema: z.ZodType, pointer: string, problems: Problem[]): JsonObject {
  const describe = (): JsonObject => {
    try {
      return jsonSchemaOf(schema, 'input');
    } catch (error) {
      throw new YardmasterError('INVALID_VALUE', error instanceof Error ? error.message : String(error), {
        cause: error,
        next: 'use schemas of plain JSON: objects, lists, text, numbers, booleans',
      });
    }
  };
  return guard(pointer, problems, describe) ?? {};
}

function sourceOfMember(key: string, value: unknown, pointer: string, problems: Problem[]): JsonValue {
  switch (key) {
    case 'action':
      return isCapability(value) ? value.name : plainSource(value, pointer);
    case 'workflow':
      return isBuilt(value) ? value.name : plainSource(value, pointer);
    case 'when':
    case 'if':
    case 'switch':
    case 'while':
    case 'assert':
      return conditionSource(value, pointer);
    case 'parameters':
    case 'set':
    case 'for':
    case 'title':
      return isCallback(value) ? recordedSource(value(scope), pointer) : plainSource(value, pointer);
    case 'concurrencyKey':
      return keySource(value, pointer);
    case 'output':
    case 'items':
      return outputSource(value, pointer);
    case 'step':
      return isCallback(value) ? oneStepSource(value, pointer, problems) : childSource(value, pointer, problems);
    case 'form':
      return isZodType(value) ? sourceOfParams(value, pointer, problems) : plainSource(value, pointer);
    case 'steps':
    case 'then':
    case 'else':
    case 'cases':
    case 'body':
      if (isCallback(value)) return rowSource(value, pointer, problems);
      return Array.isArray(value)
        ? value.map((child, i) => childSource(child, `${pointer}[${i}]`, problems))
        : plainSource(value, pointer);
    case 'fallback':
    case 'compensate':
      return childSource(value, pointer, problems);
    default:
      return plainSource(value, pointer);
  }
}

/** Text, a recorder or a callback; or an object that has one of them as its `key`. */
function keySource(value: unknown, pointer: string): JsonValue {
  if (isCallback(value)) return recordedSource(value(scope), pointer);
  if (!isRecord(value) || !isCallback(value.key)) return plainSource(value, pointer);
  return { ...Object.fromEntries(limitOf(value)), key: recordedSource(value.key(scope), `${pointer}.key`) };
}

function limitOf({ limit }: Readonly<Record<string, unknown>>): readonly [string, JsonValue][] {
  return limit === undefined ? [] : [['limit', plainSource(limit, 'limit')]];
}

function rowSource(build: (row: unknown) => unknown, pointer: string, problems: Problem[]): JsonValue[] {
  const answer = build(new RowBuilder());
  const steps = RowBuilder.stepsOf(answer);
  if (steps === undefined)
    throw new YardmasterError('INVALID_VALUE', `${pointer} answers ${nameOf(answer)}, not the row that it builds`, {
      next: 'answer what the last call answers: (row) => row.step(...).step(...)',
    });
  return steps.map((step, i) => sourceOfStep(step, `${pointer}[${i}]`, problems));
}

/** The step of a map. */
function oneStepSource(build: (row: unknown) => unknown, pointer: string, problems: Problem[]): JsonValue {
  const [only, ...others] = rowSource(build, pointer, problems);
  if (only !== undefined && others.length === 0) return only;
  throw new YardmasterError(
    'INVALID_VALUE',
    `${pointer} builds ${only === undefined ? 0 : others.length + 1} steps, not one`,
    {
      next: 'put them into one block: (row) => row.sequential(...)',
    },
  );
}

function childSource(child: unknown, pointer: string, problems: Problem[]): JsonValue {
  return isRecord(child) ? sourceOfStep(child, pointer, problems) : plainSource(child, pointer);
}

/** A constant that states a version asks for agents whose types are compatible with it. */
function versionOf(step: WrittenStep): readonly [string, JsonValue][] {
  const { action } = step;
  return isCapability(action) && action.version !== undefined ? [['version', `^${action.version}`]] : [];
}

function conditionSource(value: unknown, pointer: string): JsonValue {
  const answer = isCallback(value) ? value(scope) : value;
  const recording = recordingOf(answer);
  if (recording !== undefined) return recording.text;
  if (typeof answer === 'string') return answer;
  throw new YardmasterError('INVALID_VALUE', `${pointer} is ${nameOf(answer)}, not an expression`, {
    next: 'answer cel`...` or CEL text: what JavaScript compares is compared before the workflow runs',
  });
}

/** Text that an author wrote as `output` is CEL; text that a callback answered is text. */
function outputSource(value: unknown, pointer: string): JsonValue {
  if (!isCallback(value)) return plainSource(value, pointer);
  const answer: unknown = value(scope);
  return typeof answer === 'string' ? quoted(answer) : recordedSource(answer, pointer);
}

/** A callback's answer: text that looks like an expression is quoted, so that only recorders and `cel` are expressions. */
function recordedSource(value: unknown, pointer: string): JsonValue {
  return toJson(value, pointer, (text) => (text.includes('${{') ? quoted(text) : text));
}

function plainSource(value: unknown, pointer: string): JsonValue {
  return toJson(value, pointer, (text) => text);
}

function quoted(text: string): string {
  return `\${{ ${celLiteral(text)} }}`;
}

function toJson(value: unknown, pointer: string, write: (text: string) => string, depth = 0): JsonValue {
  const recording = recordingOf(value);
  if (recording !== undefined) return `\${{ ${recording.text} }}`;
  if (typeof value === 'string') return write(value);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (depth >= limits.valueDepthMax) throw invalid(pointer, `nested deeper than ${limits.valueDepthMax}`);
  if (Array.isArray(value)) return value.map((item, i) => toJson(item, `${pointer}[${i}]`, write, depth + 1));
  if (!isRecord(value)) throw invalid(pointer, nameOf(value));
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(members.map(([key, item]) => [key, toJson(item, `${pointer}.${key}`, write, depth + 1)]));
}

function invalid(pointer: string, fact: string): YardmasterError {
  return new YardmasterError('INVALID_VALUE', `${pointer} is ${fact}, which JSON cannot say`, {
    next: 'use text, finite numbers, booleans, null, lists, plain objects and recorders',
  });
}

/** Runs one member's conversion; what it throws of ours becomes a problem with its place, so that all are told at once. */
function guard<T>(pointer: string, problems: Problem[], convert: () => T): T | undefined {
  try {
    return convert();
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    const { code, message, next } = error;
    problems.push({ code, message, place: { pointer }, ...(next === undefined ? {} : { next }) });
    return undefined;
  }
}

function isCallback(value: unknown): value is (given: unknown) => unknown {
  return typeof value === 'function' && recordingOf(value) === undefined;
}

function isCapability(value: unknown): value is Capability {
  return isRecord(value) && typeof value.name === 'string' && 'input' in value && 'output' in value;
}

/** A workflow that was built stands for its name. */
function isBuilt(value: unknown): value is { readonly name: string } {
  return isRecord(value) && typeof value.name === 'string' && 'definition' in value;
}

function isZodType(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`;
  return `a ${typeof value}`;
}
