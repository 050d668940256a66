/**
 * The form that people write (the seed's), field by field. Durations come out in milliseconds; nesting, edges and
 * everything between steps is read by normalize.ts and check.ts. Every field is optional here, so that what is valid
 * can be kept beside what is not; fields.ts asks for the required ones.
 *
 * `npm run gen` makes from it schema/workflow.json, which editors read, and the tables of docs/workflows.md. So every
 * field says what it is, and a type whose reading is code says in `.meta` what JSON Schema calls it.
 */
import { z } from 'zod';
import { DURATION_MS_MAX, DURATION_PATTERN, parseDuration } from '../core/duration.ts';
import { NAME_PATTERN, RESERVED_IDS, STEP_ID_PATTERN } from '../core/ids.ts';
import type { JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { concurrencyForm, concurrencyKeyForm } from './concurrency.ts';
import { copyJson, isRecord } from './json-copy.ts';

/** What the documentation says of a field; other members are keywords of JSON Schema. */
interface FieldMeta {
  /** What it means to leave it out, in words; a plain value is `default`. */
  readonly otherwise?: string;
  readonly [keyword: string]: unknown;
}

function field<Type extends z.ZodType>(
  type: Type,
  description: string,
  meta: FieldMeta = {},
): z.ZodExactOptional<Type> {
  return z.exactOptional(type).meta({ ...meta, description });
}

const duration = z
  .unknown()
  .transform((value, context): number => {
    const ms = typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
    if (ms === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'must be a duration: milliseconds, or text such as 500ms, 30s, 5m, 1h, 2d',
      });
    }
    return ms ?? 0;
  })
  .meta({
    type: ['string', 'number'],
    pattern: DURATION_PATTERN.source,
    minimum: 0,
    maximum: DURATION_MS_MAX,
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
  })
  .meta({ type: 'object' });

const labels = z
  .custom<Readonly<Record<string, string>>>(
    (value) => isRecord(value) && Object.values(value).every((label) => typeof label === 'string'),
    'must be an object whose values are text',
  )
  .meta({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: limits.labelCharsMax },
    propertyNames: { minLength: 1, maxLength: limits.labelCharsMax },
    maxProperties: limits.labelsMax,
  });

const text = z.string({ error: 'must be text' });
const flag = z.boolean({ error: 'must be true or false' });
const count = z.int({ error: 'must be a whole number' });
const texts = z.array(z.string({ error: 'must be text' }), { error: 'must be a list of text' });
const condition = z.union([z.string(), z.boolean().transform(String)], { error: 'must be a CEL expression' });

function oneOf<const Names extends readonly [string, ...string[]]>(...names: Names) {
  return z.enum(names, { error: `must be one of ${names.join(', ')}` });
}

/** Read by normalize.ts, which knows the blocks. */
const step = z.unknown().meta({ $ref: '#/definitions/step' });
/** Nothing may stand beside a `$ref`, and a field has a description. */
const oneStep = z.unknown().meta({ allOf: [{ $ref: '#/definitions/step' }] });
const steps = z.array(step, { error: 'must be a list of steps' });
/** Read by normalize.ts before the other fields, which never see it. */
const attached = z
  .unknown()
  .transform((_, context): never => {
    context.addIssue({ code: 'custom', message: 'must be a step' });
    return z.NEVER;
  })
  .meta({ allOf: [{ $ref: '#/definitions/attached' }] });
const priority = oneOf('critical', 'high', 'normal', 'low');
const failureMode = oneOf('fail', 'continue');
const name = { pattern: NAME_PATTERN.source };
const nonEmpty = { minItems: 1 };

/** Read by read-schedule.ts. */
export const scheduleForm = z.strictObject({
  cron: field(
    text,
    '`0 2 * * *`: minute, hour, day of month, month, day of week; six begin with the second; or `@daily`',
  ),
  timezone: field(text, 'an IANA name, such as `Europe/Berlin`', { default: 'UTC' }),
  parameters: field(jsonObject, 'of each run; they are passed as they stand', { otherwise: '`{}`' }),
  labels: field(labels, 'of each run, besides those of the workflow'),
  priority: field(priority, 'of each run', { otherwise: 'that of the workflow' }),
  overlap: field(
    oneOf('skip', 'allow', 'cancelOther'),
    'what a tick does while the last run is open: nothing (`skip`), start beside it (`allow`), or cancel it and start (`cancelOther`)',
    { default: 'skip' },
  ),
  catchUp: field(
    oneOf('none', 'one', 'all'),
    'which of the ticks that the control plane missed are made up for: `none`, the newest `one`, or `all`',
    { default: 'one' },
  ),
  catchUpWindow: field(duration, 'ticks that were missed longer ago are not made up for', { otherwise: '1 d' }),
  paused: field(flag, 'it begins paused, and is resumed by hand', { default: false }),
});
export const scheduleRequired: readonly string[] = ['cron'];

const { properties: scheduleFields } = z.toJSONSchema(scheduleForm, {
  io: 'input',
  target: 'draft-07',
  unrepresentable: 'any',
});

export const workflowSchema = z
  .strictObject({
    name: field(text, '1 to 128 of letters, digits, `_ . : -`; also what runs are started by', name),
    label: field(text, 'a title for people'),
    description: field(text, 'what it is for'),
    parameters: field(jsonObject, 'JSON Schema of the parameters', { otherwise: 'anything' }),
    secrets: field(texts, 'names of the secrets that its steps may get, such as `DB_PASSWORD`', { otherwise: 'none' }),
    timeout: field(duration, 'of the whole run, all tries included, without the time in the queue; 0 is none', {
      otherwise: 'none',
    }),
    retries: field(count, 'more tries of a run that failed: what completed is kept, everything else starts again', {
      default: 0,
      minimum: 0,
      maximum: limits.runRetriesMax,
    }),
    concurrency: field(
      concurrencyForm,
      'how many of its runs, of all versions, may be active at once: a number, or `{limit, overflow}` with `queue` (one more waits), `reject` or `cancelOldest`; the newest version counts',
      { otherwise: 'any number' },
    ),
    priority: field(priority, 'of its steps while they wait for an agent', { default: 'normal' }),
    schedule: field(
      z.unknown().meta({
        type: ['string', 'object'],
        minLength: 1,
        properties: scheduleFields,
        required: [...scheduleRequired],
        additionalProperties: false,
      }),
      'starts runs of its newest version by the clock: a cron expression, or an object with more',
      { otherwise: 'none' },
    ),
    output: field(json, 'of the run: a template over `steps`, read from the body and not from `finally`', {
      otherwise: 'null',
    }),
    steps: field(steps, 'the body; each follows the one above it unless it has `dependencies`', nonEmpty),
    finally: field(steps, 'steps that run after the body, however it ended'),
    cleanupTimeout: field(duration, 'for everything that runs once the run is ending', { otherwise: '5 min' }),
    labels: field(labels, 'for people and programs: text by name'),
    metadata: field(jsonObject, 'for people and programs: anything'),
    $schema: field(text, 'where an editor finds the schema of this file; not part of the workflow'),
  })
  .meta({ description: 'A workflow of Yardmaster: steps that agents do, with their order, data and ways to fail.' });

export const workflowRequired: readonly string[] = ['name', 'steps'];

const common = {
  id: field(text, 'unique in the workflow; 1 to 64 of letters, digits, `_`, `-`', {
    pattern: STEP_ID_PATTERN.source,
    not: { enum: [...RESERVED_IDS] },
  }),
  type: field(z.string(), 'the kind of block', { default: 'agent' }),
  name: field(text, 'a title for people'),
  description: field(text, 'what it does'),
  dependencies: field(texts, 'ids of siblings that must have ended; `[]` starts at once', {
    otherwise: 'the step above it; in `parallel` none',
  }),
  when: field(condition, 'CEL; false skips the step'),
  runOn: field(
    oneOf('success', 'failure', 'always'),
    '`success`: all that it depends on completed; `failure`: one of them failed or timed out; `always`',
    { default: 'success' },
  ),
  totalTimeout: field(duration, 'over all attempts, waiting included; 0 is none', { otherwise: 'none' }),
  output: field(json, 'a template over `result` that makes the output; text is CEL', { otherwise: 'the result' }),
  assert: field(condition, 'CEL over `output` and `result`; false fails the step with ASSERTION_FAILED'),
  fallback: field(
    attached,
    'an agent step that runs when this one failed or timed out, its retries included; when it completes, this one counts as completed, with its output',
  ),
  compensate: field(
    attached,
    'an agent step that undoes this one: it runs when this one completed and the run does not',
  ),
  metadata: field(jsonObject, 'anything; the handler gets it, too'),
};

const retrySchema = z.strictObject(
  {
    tries: count.meta({ description: 'in all, the first included', minimum: 1 }),
    backoff: field(duration, 'before the second try', { otherwise: '1 s' }),
    factor: field(z.number({ error: 'must be a number' }), 'by which each wait is longer than the last', {
      default: 2,
      minimum: 1,
    }),
    maxBackoff: field(duration, 'longest wait', { otherwise: '1 min' }),
    jitter: field(flag, 'waits are random, between nothing and what they would be', { default: true }),
    nonRetryable: field(texts, 'error codes that are not tried again'),
    onDifferentAgent: field(flag, 'prefer an instance that has not failed this step', { default: false }),
    onAssert: field(flag, 'try again when `assert` is false', { default: false }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be an object such as { tries: 3 }' : undefined) },
);

export const agentSchema = z
  .strictObject({
    ...common,
    action: field(text, 'the capability', name),
    agentId: field(text, 'only this agent', { ...name, otherwise: 'any' }),
    version: field(text, 'a semver range of the capability, such as `^1.2`', { otherwise: 'any' }),
    labels: field(labels, 'labels that the agent must have', { otherwise: 'any' }),
    parameters: field(json, 'what the handler gets: a template', { otherwise: '`{}`' }),
    timeout: field(duration, 'of each attempt; 0 is none', { otherwise: "the capability's, else 1 h" }),
    queueTimeout: field(duration, 'of waiting for an agent; then FAILED with NO_AGENT', { otherwise: 'none' }),
    heartbeatTimeout: field(duration, 'of silence: no progress, no checkpoint', { otherwise: 'none' }),
    retries: field(count, 'tries after the first', { default: 0, minimum: 0 }),
    retry: field(retrySchema, 'instead of `retries`: how often, and how long to wait between'),
    priority: field(priority, 'of this step while it waits for an agent', { otherwise: "the run's" }),
    idempotent: field(flag, 'may run twice without harm; it moves to another agent at once when its agent is cut off', {
      otherwise: "the capability's, else false",
    }),
    lossWindow: field(duration, 'how long it waits for a lost agent', { otherwise: "the capability's, else 30 s" }),
    concurrencyKey: field(
      concurrencyKeyForm,
      'text, which may have expressions in it, or `{key, limit}`: of the same key, over all runs, so many attempts run at once (1 unless it says more)',
      { otherwise: 'none' },
    ),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: 'One action, done by one agent.', not: { required: ['retries', 'retry'] } });

/** Of the steps that belong to another: what its owner decides is left out. */
export const attachedForm = agentSchema
  .omit({ dependencies: true, runOn: true, onFailure: true, fallback: true, compensate: true })
  .meta({ description: 'An agent step that belongs to another step.', not: { required: ['retries', 'retry'] } });

export const parallelSchema = z
  .strictObject({
    ...common,
    steps: field(steps, 'start together', nonEmpty),
    concurrency: field(count, 'how many run at once', { otherwise: 'all', minimum: 1 }),
    onFailure: field(
      oneOf('failFast', 'waitAll', 'continue'),
      'when one fails: `waitAll` lets the others finish and then fails, `failFast` stops them, `continue` completes without the outputs of those that failed',
      { default: 'waitAll' },
    ),
    quorum: field(count, 'instead of `onFailure`: done when so many completed; the rest is stopped', {
      otherwise: 'none',
      minimum: 1,
    }),
  })
  .meta({
    description: 'Steps that start together. Its output is an object by child id.',
    not: { required: ['quorum', 'onFailure'] },
  });

export const sequentialSchema = z
  .strictObject({
    ...common,
    steps: field(steps, 'one after the other', nonEmpty),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: "Steps one after the other. Its output is the last child's." });

export const conditionSchema = z
  .strictObject({
    ...common,
    if: field(condition, 'CEL; read once, when the block starts'),
    then: field(steps, 'one after the other, when it is true', { otherwise: 'nothing' }),
    else: field(steps, 'one after the other, when it is false', { otherwise: 'nothing' }),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: "One of two lists of steps. Its output is that list's last step's." });

const scalar = z.union([text, z.number(), z.boolean(), z.null()], {
  error: 'must be text, a number, true, false or null',
});
const equals = field(scalar, 'text, a number, true, false or null');
const stepsOfCase = field(steps, 'one after the other');

/** A case of a `switch`; read one by one, so that a mistake in one does not hide the others. */
export const switchCase = z.strictObject({ equals, steps: stepsOfCase });
export const caseRequired: readonly string[] = ['equals', 'steps'];
const caseForm = z.unknown().meta({
  type: 'object',
  properties: {
    equals: { description: equals.description, type: ['string', 'number', 'boolean', 'null'] },
    steps: { description: stepsOfCase.description, type: 'array', items: { $ref: '#/definitions/step' } },
  },
  required: [...caseRequired],
  additionalProperties: false,
});

export const switchSchema = z
  .strictObject({
    ...common,
    switch: field(condition, 'CEL; read once, when the block starts'),
    cases: field(
      z.array(caseForm, { error: 'must be a list of cases' }),
      'each with `equals` (text, a number, true, false or null) and `steps`, one after the other; the first that fits runs',
      nonEmpty,
    ),
    default: field(steps, 'one after the other, when no case fits', { otherwise: 'nothing' }),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: "The list of steps whose case fits a value. Its output is that list's last step's." });

const { totalTimeout: _total, output: _output, ...commonOfSet } = common;

export const setSchema = z
  .strictObject({
    ...commonOfSet,
    set: field(json, 'the output: a template'),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: 'A value that the control plane computes, at once and without an agent. It is the output.' });
/** Text with an expression in it is read when the step starts. */
const durationOrTemplate = z
  .unknown()
  .transform((value, context): number | string => {
    if (typeof value === 'string' && value.includes('${{')) return value;
    const ms = typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
    const message = 'must be a duration: milliseconds, text such as 500ms, 30s, 5m, 1h, 2d, or an expression in ${{ }}';
    if (ms === undefined) context.addIssue({ code: 'custom', message });
    return ms ?? 0;
  })
  .meta({
    type: ['string', 'number'],
    pattern: `${DURATION_PATTERN.source}|\\$\\{\\{`,
    minimum: 0,
    maximum: DURATION_MS_MAX,
  });

export const waitSchema = z
  .strictObject({
    ...common,
    for: field(durationOrTemplate, 'how long, from the moment at which it could start; may be an expression'),
    until: field(
      text,
      'instead of `for`: a time such as `2026-12-01T09:00:00Z`, or CEL that gives one; in the past it ends at once',
    ),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({
    description: 'Waits for a time; no agent has it. Its output is null.',
    not: { required: ['for', 'until'] },
  });

export const signalSchema = z
  .strictObject({
    ...common,
    signal: field(text, 'name of the signal that it waits for', name),
    title: field(text, 'what somebody is asked, as in an approval; may have expressions in it'),
    answerers: field(texts, 'names of the actors that may send it', { otherwise: 'anybody' }),
    form: field(jsonObject, 'JSON Schema that what is sent must fit', { otherwise: 'anything' }),
    timeout: field(duration, 'how long it waits; 0 is for ever', { otherwise: 'for ever' }),
    default: field(json, 'the payload when the timeout is over: a template', {
      otherwise: 'the step ends TIMED_OUT with SIGNAL_TIMEOUT',
    }),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({
    description:
      'Waits for a signal, such as an approval; no agent has it. Its output is `{payload, actor, timedOut}`.',
  });

export const loopSchema = z
  .strictObject({
    ...common,
    while: field(condition, 'CEL over `iteration` and `last`, asked before each iteration; false ends the loop'),
    until: field(condition, 'CEL over `iteration` and `last`, asked after each iteration; true ends the loop'),
    body: field(steps, 'the steps of one iteration, one after the other', nonEmpty),
    maxIterations: field(count, 'the most that it runs', { minimum: 1, maximum: limits.iterationsMax }),
    onMaxIterations: field(
      oneOf('fail', 'stop'),
      'when it would go on beyond them: `fail` with LOOP_LIMIT, or `stop` and complete',
      { default: 'fail' },
    ),
    delay: field(duration, 'between one iteration and the next', { otherwise: 'none' }),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({
    description:
      "A body that is run again and again. Its output is that of the last body's last step; null when none ran.",
    not: { required: ['while', 'until'] },
  });

/** Text is CEL; what else it must be, check-fields.ts says. */
const listOrCel = json.meta({ type: ['string', 'array'] });

export const mapSchema = z
  .strictObject({
    ...common,
    items: field(
      listOrCel,
      'CEL that gives a list, or a list, which may have expressions in it; read once, when the block starts',
    ),
    step: field(oneStep, 'what is done with each item; may be a block'),
    concurrency: field(count, 'how many items run at once', { default: limits.mapConcurrencyDefault, minimum: 1 }),
    onFailure: field(
      oneOf('failFast', 'waitAll', 'continue'),
      'when an item fails: `waitAll` does the others and then fails, `failFast` stops them, `continue` completes with null for those that failed',
      { default: 'waitAll' },
    ),
    quorum: field(count, 'instead of `onFailure`: done when so many items completed; the rest is stopped', {
      otherwise: 'none',
      minimum: 1,
    }),
  })
  .meta({
    description: 'One step for each item of a list, many at a time. Its output is the list of what they gave.',
    not: { required: ['quorum', 'onFailure'] },
  });

export const childSchema = z
  .strictObject({
    ...common,
    workflow: field(text, 'name of the workflow that it runs', name),
    version: field(count, 'its version', { otherwise: 'the latest when the step starts', minimum: 1 }),
    parameters: field(json, 'what that run takes: a template', { otherwise: '`{}`' }),
    onFailure: field(failureMode, '`fail`, or `continue`: what depends on it runs all the same', { default: 'fail' }),
  })
  .meta({ description: 'A run of another workflow, the child run. Its output is that of the run.' });

interface BlockForm {
  readonly schema: z.ZodObject;
  readonly required: readonly string[];
}

/** Every kind of block that this version runs, by its `type`; a step without one is an agent step. */
export const blocks = {
  agent: { schema: agentSchema, required: ['id', 'action'] },
  parallel: { schema: parallelSchema, required: ['id', 'steps'] },
  sequential: { schema: sequentialSchema, required: ['id', 'steps'] },
  condition: { schema: conditionSchema, required: ['id', 'if'] },
  switch: { schema: switchSchema, required: ['id', 'switch', 'cases'] },
  set: { schema: setSchema, required: ['id', 'set'] },
  wait: { schema: waitSchema, required: ['id'] },
  signal: { schema: signalSchema, required: ['id', 'signal'] },
  loop: { schema: loopSchema, required: ['id', 'body', 'maxIterations'] },
  map: { schema: mapSchema, required: ['id', 'items', 'step'] },
  workflow: { schema: childSchema, required: ['id', 'workflow'] },
} satisfies Readonly<Record<string, BlockForm>>;

/** Fields that all of them have. */
export const commonFields: readonly string[] = Object.keys(common);

/** Words of the language that this version does not run yet; they are refused by name. */
export const laterStepFields: ReadonlySet<string> = new Set(['cache', 'hedge', 'budget']);

/** The field that shows which block was meant, where its `type` was forgotten. */
export const blockByField: ReadonlyMap<string, keyof typeof blocks> = new Map([
  ['if', 'condition'],
  ['then', 'condition'],
  ['switch', 'switch'],
  ['cases', 'switch'],
  ['set', 'set'],
  ['for', 'wait'],
  ['until', 'wait'],
  ['while', 'loop'],
  ['body', 'loop'],
  ['items', 'map'],
  ['step', 'map'],
  ['signal', 'signal'],
  ['workflow', 'workflow'],
]);
