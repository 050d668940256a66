/**
 * The form that people write (the seed's), field by field. Durations come out in milliseconds; nesting, edges and
 * everything between steps is read by normalize.ts and check.ts. Every field is optional here, so that what is valid
 * can be kept beside what is not; fields.ts asks for the required ones.
 */
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import type { JsonValue } from '../core/json.ts';
import { copyJson, isRecord } from './json-copy.ts';

const duration = z.unknown().transform((value, context): number => {
  const ms = typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'must be a duration: milliseconds, or text such as 500ms, 30s, 5m, 1h, 2d',
    });
  }
  return ms ?? 0;
});

const json = z.unknown().transform((value, context): JsonValue => {
  return copyJson(value, (message, path) =>
    context.addIssue({ code: 'custom', message: `: ${message}`, path: [...path] }),
  );
});

const jsonObject = z
  .custom<Readonly<Record<string, unknown>>>(isRecord, 'must be an object')
  .transform((value, context) => {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    const refuse = (key: string) => (message: string, path: readonly (string | number)[]) =>
      context.addIssue({ code: 'custom', message: `: ${message}`, path: [key, ...path] });
    return Object.fromEntries(
      members.map(([key, member]): [string, JsonValue] => [key, copyJson(member, refuse(key), [key])]),
    );
  });

const labels = z.custom<Readonly<Record<string, string>>>(
  (value) => isRecord(value) && Object.values(value).every((label) => typeof label === 'string'),
  'must be an object whose values are text',
);

const text = z.string({ error: 'must be text' });
const flag = z.boolean({ error: 'must be true or false' });
const count = z.int({ error: 'must be a whole number' });
const texts = z.array(z.string({ error: 'must be text' }), { error: 'must be a list of text' });
const condition = z.union([z.string(), z.boolean().transform(String)], { error: 'must be a CEL expression' });

function oneOf<const Names extends readonly [string, ...string[]]>(...names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

const steps = z.array(z.unknown(), { error: 'must be a list of steps' });
const priority = oneOf('critical', 'high', 'normal', 'low');
const failureMode = oneOf('fail', 'continue');

export const workflowSchema = z.strictObject({
  name: z.exactOptional(text),
  label: z.exactOptional(text),
  description: z.exactOptional(text),
  parameters: z.exactOptional(jsonObject),
  timeout: z.exactOptional(duration),
  priority: z.exactOptional(priority),
  output: z.exactOptional(json),
  steps: z.exactOptional(steps),
  finally: z.exactOptional(steps),
  cleanupTimeout: z.exactOptional(duration),
  labels: z.exactOptional(labels),
  metadata: z.exactOptional(jsonObject),
});

const common = {
  id: z.exactOptional(text),
  type: z.exactOptional(z.string()),
  name: z.exactOptional(text),
  description: z.exactOptional(text),
  dependencies: z.exactOptional(texts),
  when: z.exactOptional(condition),
  runOn: z.exactOptional(oneOf('success', 'failure', 'always')),
  totalTimeout: z.exactOptional(duration),
  output: z.exactOptional(json),
  assert: z.exactOptional(condition),
  metadata: z.exactOptional(jsonObject),
};

const retrySchema = z.strictObject(
  {
    tries: count,
    backoff: z.exactOptional(duration),
    factor: z.exactOptional(z.number({ error: 'must be a number' })),
    maxBackoff: z.exactOptional(duration),
    jitter: z.exactOptional(flag),
    nonRetryable: z.exactOptional(texts),
    onDifferentAgent: z.exactOptional(flag),
    onAssert: z.exactOptional(flag),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be an object such as { tries: 3 }' : undefined) },
);

export const agentSchema = z.strictObject({
  ...common,
  action: z.exactOptional(text),
  agentId: z.exactOptional(text),
  version: z.exactOptional(text),
  labels: z.exactOptional(labels),
  parameters: z.exactOptional(json),
  onFailure: z.exactOptional(failureMode),
  timeout: z.exactOptional(duration),
  queueTimeout: z.exactOptional(duration),
  heartbeatTimeout: z.exactOptional(duration),
  retries: z.exactOptional(count),
  retry: z.exactOptional(retrySchema),
  priority: z.exactOptional(priority),
  idempotent: z.exactOptional(flag),
  lossWindow: z.exactOptional(duration),
});

export const parallelSchema = z.strictObject({
  ...common,
  steps: z.exactOptional(steps),
  concurrency: z.exactOptional(count),
  onFailure: z.exactOptional(oneOf('failFast', 'waitAll', 'continue')),
  quorum: z.exactOptional(count),
});

export const sequentialSchema = z.strictObject({
  ...common,
  steps: z.exactOptional(steps),
  onFailure: z.exactOptional(failureMode),
});

/** Words of the language that this version does not run yet; they are refused by name. */
export const laterWorkflowFields: ReadonlySet<string> = new Set(['retries', 'concurrency', 'schedule', 'secrets']);
export const laterStepFields: ReadonlySet<string> = new Set([
  'fallback',
  'compensate',
  'concurrencyKey',
  'cache',
  'hedge',
  'budget',
]);
export const laterBlocks: ReadonlySet<string> = new Set([
  'condition',
  'switch',
  'loop',
  'map',
  'workflow',
  'wait',
  'signal',
  'set',
]);

/** The field that shows which later block was meant, where `type` is absent. */
export const laterBlockByField: ReadonlyMap<string, string> = new Map([
  ['if', 'condition'],
  ['then', 'condition'],
  ['switch', 'switch'],
  ['cases', 'switch'],
  ['while', 'loop'],
  ['until', 'loop'],
  ['body', 'loop'],
  ['items', 'map'],
  ['step', 'map'],
  ['workflow', 'workflow'],
  ['signal', 'signal'],
  ['set', 'set'],
]);
