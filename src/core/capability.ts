/** A capability as a constant that agents (who handle it) and workflows (who call it) share. */
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { type Problem, YardmasterError } from './errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';

const NAME = /^[A-Za-z0-9_.:-]{1,128}$/;
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * `Input` is what a workflow sends and `Output` what it reads. A schema with defaults or transforms gives the handler
 * other types: it receives `HandlerInput` and returns `HandlerOutput`.
 */
export interface Capability<Input = unknown, Output = unknown, HandlerInput = Input, HandlerOutput = Output> {
  /** 1 to 128 of letters, digits, `_`, `.`, `:` and `-`. */
  readonly name: string;
  /** Semantic version; absent means `0.0.0`. Steps that name a versioned capability ask for `^version`. */
  readonly version?: string;
  readonly description?: string;
  readonly input: z.ZodType<HandlerInput, Input>;
  readonly output: z.ZodType<Output, HandlerOutput>;
  /** True when the same step may run twice, also at the same time, without harm. */
  readonly idempotent: boolean;
  /** Per attempt, when the step states none; absent: one hour. */
  readonly timeoutMs?: number;
  /** Attempts that one instance runs at once, within its slots; absent: no limit of its own. */
  readonly concurrency?: number;
  /** How long an attempt waits for a lost instance; absent: the control plane's window (30 s). */
  readonly lossWindowMs?: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly examples: readonly CapabilityExample<Input, Output>[];
}

export interface CapabilityExample<Input, Output> {
  readonly description?: string;
  readonly input: Input;
  readonly output?: Output;
}

export interface CapabilityOptions<Input, Output, HandlerInput = Input, HandlerOutput = Output> {
  readonly input: z.ZodType<HandlerInput, Input>;
  readonly output: z.ZodType<Output, HandlerOutput>;
  readonly version?: string;
  readonly description?: string;
  /** Default false. */
  readonly idempotent?: boolean;
  /** Milliseconds, or text such as `30s`. */
  readonly timeout?: number | string;
  readonly concurrency?: number;
  /** Milliseconds, or text such as `30s`. */
  readonly lossWindow?: number | string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly examples?: readonly CapabilityExample<NoInfer<Input>, NoInfer<Output>>[];
}

/** Makes the constant. Throws CAPABILITY_INVALID with every problem. */
export function capability<Input, Output, HandlerInput, HandlerOutput>(
  name: string,
  options: CapabilityOptions<Input, Output, HandlerInput, HandlerOutput>,
): Capability<Input, Output, HandlerInput, HandlerOutput> {
  const { timeout, lossWindow, version, description, concurrency } = options;
  refuse(name, problemsOf(name, options));
  const timeoutMs = durationOf(timeout);
  const lossWindowMs = durationOf(lossWindow);
  return Object.freeze({
    name,
    input: options.input,
    output: options.output,
    idempotent: options.idempotent ?? false,
    labels: Object.freeze({ ...options.labels }),
    examples: Object.freeze([...(options.examples ?? [])]),
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(lossWindowMs === undefined ? {} : { lossWindowMs }),
  });
}

/** JSON Schema (2020-12) of what a workflow sends. Throws CAPABILITY_INVALID when the zod schema has no JSON form. */
export function inputSchemaOf(capability: Capability): JsonObject {
  return schemaOf(capability.name, 'input', capability.input);
}

/** JSON Schema (2020-12) of what a workflow reads. Throws CAPABILITY_INVALID when the zod schema has no JSON form. */
export function outputSchemaOf(capability: Capability): JsonObject {
  return schemaOf(capability.name, 'output', capability.output);
}

function schemaOf(name: string, io: 'input' | 'output', schema: z.ZodType): JsonObject {
  try {
    return jsonSchemaOf(schema, io);
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new YardmasterError('CAPABILITY_INVALID', `cannot describe the ${io} of capability "${name}": ${fact}`, {
      cause: error,
      next: 'use schemas of plain JSON: objects, lists, text, numbers, booleans',
    });
  }
}

/** The JSON Schema (2020-12) of a zod schema, as it reads (`input`) or as it answers (`output`). Throws zod's error. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  // Through text: zod's document carries a hidden `~standard` member, and a schema is stored and sent as JSON anyway.
  const value: unknown = JSON.parse(JSON.stringify({ ...z.toJSONSchema(schema, { io }), $schema: undefined }));
  return isJsonObject(value) ? value : {};
}

function problemsOf(name: string, options: CapabilityOptions<unknown, unknown>): readonly Problem[] {
  const problems: Problem[] = [];
  const check = (ok: boolean, pointer: string, message: string): void => {
    if (!ok) problems.push({ code: 'CAPABILITY_INVALID', message, place: { pointer } });
  };
  const { version, concurrency, timeout, lossWindow } = options;
  check(NAME.test(name), 'name', `name "${name}" is not 1 to 128 of letters, digits, "_", ".", ":" and "-"`);
  check(version === undefined || VERSION.test(version), 'version', `version "${version}" is not like 1.2.0`);
  check(
    concurrency === undefined || (Number.isSafeInteger(concurrency) && concurrency > 0),
    'concurrency',
    `concurrency ${concurrency} is not a whole number from 1`,
  );
  check(isDuration(timeout), 'timeout', `timeout "${timeout}" is not a duration such as 30s`);
  check(isDuration(lossWindow), 'lossWindow', `lossWindow "${lossWindow}" is not a duration such as 30s`);
  return problems;
}

function refuse(name: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const facts = problems.map((problem) => problem.message).join('; ');
  throw new YardmasterError('CAPABILITY_INVALID', `cannot define capability "${name}": ${facts}`, { problems });
}

function isDuration(value: number | string | undefined): boolean {
  return value === undefined || parseDuration(value) !== undefined;
}

function durationOf(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : parseDuration(value);
}
