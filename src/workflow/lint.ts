/** Rules of taste and of safety that do not stop a workflow: `yardmaster lint` names them, registration only warns. */
import type { Problem } from '../core/errors.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import { usesOf } from './check-secrets.ts';
import type { AgentStepDefinition, SignalStepDefinition, WorkflowDefinition } from './definition.ts';
import { OPENING } from './expressions/source.ts';
import { type Finding, type Path, toProblem, withoutText } from './finding.ts';
import { lintUnreachable } from './lint-unreachable.ts';
import { readReference, secretScopeOf } from './secrets.ts';
import { type Entry, type Survey, surveyWorkflow } from './survey.ts';

/** More steps than that want to be several workflows (the seed's advice). */
const STEPS_BEFORE_WARNING = 50;

/** Warnings about a definition that passed `checkWorkflow`. */
export function lintWorkflow(definition: WorkflowDefinition): readonly Problem[] {
  return lintDefinition(definition).map((finding) => toProblem(finding, withoutText));
}

/** Every rule, and what it finds; docs/workflows.md lists the same. */
export const lintRules: Readonly<Record<string, string>> = {
  'generic-name': 'a name that says nothing, such as `step1` or `my-workflow`',
  'missing-description': 'a workflow without a description',
  'too-many-steps': `more than ${STEPS_BEFORE_WARNING} steps`,
  'no-timeout': 'a step, or a wait for a signal, that no timeout ends, not even that of the workflow',
  'cleanup-not-always': 'a step that cleans up but runs only after success',
  'retry-not-idempotent': 'retries of a step that is not idempotent; at registration also by what its agents say',
  'unreachable-branch':
    'a branch, a body or a step that never runs: its condition is a constant, or it runs on a failure and depends on nothing',
  'plain-secret': 'a secret in plain text, in parameters, in a `set` or in `metadata`',
  'unread-expression': 'an expression in the parameters of `schedule`, which are passed as they stand',
  'unresolved-secret': 'a reference to a secret in `metadata`, where none is resolved',
  'unused-secret': 'a name on the list of secrets that no step uses',
};

export function lintDefinition(definition: WorkflowDefinition): readonly Finding[] {
  const survey = surveyWorkflow(definition);
  const { entries } = survey;
  return [
    ...lintName(definition.name, 'workflow', ['name']),
    ...lintDescription(definition),
    ...lintSize(entries),
    ...entries.flatMap((entry) => lintStep(entry, definition)),
    ...findSecrets(definition.metadata ?? null, ['metadata'], 'the workflow'),
    ...lintScheduled(definition.schedule?.parameters ?? null, ['schedule', 'parameters']),
    ...lintSecretList(definition, survey),
  ];
}

function lintStep(entry: Entry, definition: WorkflowDefinition): readonly Finding[] {
  const { step, path } = entry;
  const common = [...lintName(step.id, 'step', [...path, 'id']), ...lintUnreachable(step, path)];
  if (step.type === 'set') return [...common, ...findSecrets(step.set, [...path, 'set'], `step "${step.id}"`)];
  if (step.type === 'workflow')
    return [...common, ...findSecrets(step.parameters ?? null, [...path, 'parameters'], `step "${step.id}"`)];
  if (step.type === 'signal') return [...common, ...lintSignal(step, path, definition)];
  if (step.type !== 'agent') return common;
  return [
    ...common,
    ...lintName(step.agentId ?? '', 'agent', [...path, 'agentId']),
    ...lintName(step.action, 'action', [...path, 'action']),
    // What undoes a step runs under the cleanupTimeout.
    ...(entry.level.attached === 'compensate' ? [] : lintTimeout(step, path, definition)),
    ...lintRetry(step, path),
    ...lintCleanup(entry, step),
    ...findSecrets(step.parameters ?? null, [...path, 'parameters'], `step "${step.id}"`),
  ];
}

const GENERIC_NAME =
  /^(?:my|new|test|the|some|do)?[-_ ]?(?:workflow|step|agent|task|action|job|process|stuff|thing|everything|foo|bar|temp|untitled)(?:[-_ ]?workflow)?[-_ ]?\d*$/i;

function lintName(name: string, what: string, path: Path): readonly Finding[] {
  // "process" alone is what many agents are honestly called to do.
  if (name === '' || !GENERIC_NAME.test(name) || (what === 'action' && name === 'process')) return [];
  return [warn('generic-name', `${what} "${name}" says nothing about what it does`, path, 'name it after its work')];
}

function lintDescription({ name, description }: WorkflowDefinition): readonly Finding[] {
  if (description !== undefined && description.trim() !== '') return [];
  return [
    warn('missing-description', `workflow "${name}" has no description`, ['name'], 'description: what it is for'),
  ];
}

function lintSize(entries: readonly Entry[]): readonly Finding[] {
  if (entries.length <= STEPS_BEFORE_WARNING) return [];
  const found = warn('too-many-steps', `${entries.length} steps in one workflow`, ['steps'], 'split it by purpose');
  return [{ ...found, onKey: true }];
}

function lintTimeout(step: AgentStepDefinition, path: Path, definition: WorkflowDefinition): readonly Finding[] {
  if (definition.timeoutMs !== undefined || step.totalTimeoutMs !== undefined) return [];
  if (step.timeoutMs !== undefined && step.timeoutMs > 0) return [];
  const fact = step.timeoutMs === 0 ? 'may run for ever' : 'has no timeout and may run for an hour';
  return [warn('no-timeout', `"${step.id}" ${fact}`, [...path, 'id'], 'timeout: 10m')];
}

function lintSignal(step: SignalStepDefinition, path: Path, definition: WorkflowDefinition): readonly Finding[] {
  if ((definition.timeoutMs ?? step.totalTimeoutMs ?? step.timeoutMs ?? 0) > 0) return [];
  return [warn('no-timeout', `"${step.id}" may wait for ever`, [...path, 'id'], 'timeout: 2d')];
}

/** What the capability says is known where agents are: `registrationWarnings` looks there. */
function lintRetry({ id, retry, idempotent }: AgentStepDefinition, path: Path): readonly Finding[] {
  if (idempotent !== false || retry === undefined || retry.tries < 2) return [];
  return [retryFinding(`"${id}" is tried again, but is not idempotent`, [...path, 'idempotent'])];
}

export function retryFinding(message: string, path: Path): Finding {
  const next = 'make the handler safe to repeat and say idempotent: true, or take the retries out';
  return warn('retry-not-idempotent', message, path, next);
}

const CLEANUP = /clean[-_ ]?up|tear[-_ ]?down|dispose|release[-_ ]/i;

function lintCleanup({ level, path }: Entry, step: AgentStepDefinition): readonly Finding[] {
  if (level.isCleanup || step.runOn === 'always' || !CLEANUP.test(`${step.id} ${step.name ?? ''} ${step.action}`))
    return [];
  return [
    warn(
      'cleanup-not-always',
      `"${step.id}" cleans up, but only after success`,
      [...path, 'id'],
      'runOn: always, or move it to finally',
    ),
  ];
}

const SECRET_NAME = /passw(?:or)?d|passphrase|secret|token|api[-_]?key|credential|private[-_]?key/i;
const SECRET_VALUE =
  /-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:AKIA|ghp_|gho_|xox[abp]-|sk-)[A-Za-z0-9_-]{12,}|:\/\/[^/\s:@]{1,256}:[^/\s:@]{1,256}@/;

/** Values are never shown. */
function findSecrets(value: JsonValue, path: Path, subject: string): readonly Finding[] {
  if (typeof value === 'string') return lintText(value, path, subject);
  if (Array.isArray(value)) return value.flatMap((item, i) => findSecrets(item, [...path, i], subject));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => findSecrets(item, [...path, key], subject));
}

function lintScheduled(value: JsonValue, path: Path): readonly Finding[] {
  return [...findSecrets(value, path, 'the schedule'), ...findExpressions(value, path)];
}

function findExpressions(value: JsonValue, path: Path): readonly Finding[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => findExpressions(item, [...path, i]));
  if (isJsonObject(value)) return Object.entries(value).flatMap(([key, item]) => findExpressions(item, [...path, key]));
  if (typeof value !== 'string' || !value.includes(OPENING)) return [];
  const fact = `the schedule: "${String(path.at(-1))}" is passed as it is written, with its expression`;
  return [warn('unread-expression', fact, path, 'compute it in a step, which sees now and run')];
}

function lintText(text: string, path: Path, subject: string): readonly Finding[] {
  const key = String(path.at(-1));
  if (readReference(text) !== undefined) return path[0] === 'metadata' ? [warnUnresolved(key, path, subject)] : [];
  const isNamed = typeof path.at(-1) === 'string' && SECRET_NAME.test(key) && text !== '' && !text.includes(OPENING);
  if (!isNamed && !SECRET_VALUE.test(text)) return [];
  return [
    warn(
      'plain-secret',
      `${subject}: "${key}" holds a secret in plain text`,
      path,
      'list a name under "secrets" and write secret:NAME',
    ),
  ];
}

function warnUnresolved(key: string, path: Path, subject: string): Finding {
  const message = `${subject}: "${key}" is sent as it is written; secrets are resolved in parameters alone`;
  return warn('unresolved-secret', message, path);
}

function lintSecretList(definition: WorkflowDefinition, survey: Survey): readonly Finding[] {
  const { secrets = [] } = definition;
  // Which of them a run names in its parameters, only that run knows.
  if (secrets.length === 0 || secretScopeOf(definition).parameters.length > 0) return [];
  const used = new Set(usesOf(survey).map(({ name }) => name));
  return secrets.flatMap((name, i) =>
    used.has(name)
      ? []
      : [warn('unused-secret', `no step uses secret "${name}"`, ['secrets', i], 'take it off the list')],
  );
}

function warn(code: string, message: string, path: Path, next?: string): Finding {
  return { code, message, path, severity: 'warn', ...(next === undefined ? {} : { next }) };
}
