/** Single values: names, ranges, sizes. The written form and the proto form end here alike. */
import { validRange } from 'semver';
import { NAME_PATTERN } from '../core/ids.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { canonicalWorkflow } from './canonical.ts';
import { checkAttached, checkCompensated } from './check-attached.ts';
import { checkLabels } from './check-labels.ts';
import { checkSchedule } from './check-schedule.ts';
import { checkSignal, checkSignals, checkWait } from './check-waits.ts';
import type {
  AgentStepDefinition,
  LoopStepDefinition,
  MapStepDefinition,
  ParallelStepDefinition,
  RetryPolicy,
  SetStepDefinition,
  SignalStepDefinition,
  StepDefinition,
  SwitchStepDefinition,
  WaitStepDefinition,
  WorkflowDefinition,
  WorkflowStepDefinition,
} from './definition.ts';
import type { Finding, Path } from './finding.ts';
import { nestedLists, nestedSteps } from './nested.ts';
import { checkParametersSchema } from './parameters/check-schema.ts';
import type { Entry, Survey } from './survey.ts';

export function checkFields(definition: WorkflowDefinition, survey: Survey): readonly Finding[] {
  const checker = new FieldChecker();
  checker.workflow(definition);
  for (const entry of survey.entries) checker.step(entry);
  if (survey.entries.length > limits.stepsMax)
    checker.report('LIMIT', `${survey.entries.length} steps, limit ${limits.stepsMax}`, ['steps']);
  checker.findings.push(...checkSignals(survey));
  if (definition.steps.length === 0)
    checker.report('MISSING_FIELD', `workflow "${definition.name}" has no steps`, ['steps']);
  return checker.findings;
}

/** Asked last: measuring recurses into values, whose depth must be known to be small. */
export function checkSize(definition: WorkflowDefinition): readonly Finding[] {
  const bytes = new TextEncoder().encode(canonicalWorkflow(definition)).length;
  if (bytes <= limits.definitionBytesMax) return [];
  const message = `the definition has ${bytes} bytes, limit ${limits.definitionBytesMax}`;
  return [{ code: 'LIMIT', message, path: [] }];
}

class FieldChecker {
  readonly findings: Finding[] = [];

  report(code: string, message: string, path: Path): void {
    this.findings.push({ code, message, path });
  }

  workflow(definition: WorkflowDefinition): void {
    const subject = 'the workflow';
    this.#name(definition.name, subject, ['name']);
    this.#duration(definition.timeoutMs, subject, ['timeout']);
    this.#duration(definition.cleanupTimeoutMs, subject, ['cleanupTimeout']);
    this.#within(0, limits.runRetriesMax, definition.retries, subject, ['retries']);
    const { limit } = definition.concurrency ?? {};
    this.#within(1, limits.concurrencyMax, limit, subject, ['concurrency']);
    this.findings.push(...checkLabels(definition.labels, subject, ['labels']));
    this.#parameters(definition.parameters, subject);
    this.#schedule(definition.schedule, subject);
    this.#depth(definition.output, subject, ['output']);
    this.#depth(definition.metadata, subject, ['metadata']);
  }

  #parameters(schema: WorkflowDefinition['parameters'], subject: string): void {
    const path = ['parameters'];
    this.#depth(schema, subject, path);
    if (schema === undefined || isDeeperThan(schema, limits.valueDepthMax)) return;
    this.findings.push(...checkParametersSchema(schema, path));
  }

  #schedule(schedule: WorkflowDefinition['schedule'], subject: string): void {
    const { parameters } = schedule ?? {};
    this.#depth(parameters, subject, ['schedule', 'parameters']);
    if (schedule === undefined || (parameters !== undefined && isDeeperThan(parameters, limits.valueDepthMax))) return;
    this.findings.push(...checkSchedule(schedule));
  }

  step(entry: Entry): void {
    const { step, path, level } = entry;
    const subject = `step "${step.id}"`;
    this.findings.push(...checkAttached(entry), ...checkCompensated(entry));
    if (step.id === '') this.report('MISSING_FIELD', 'a step has no "id"', path);
    if (level.depth > limits.depthMax)
      this.report('LIMIT', `${subject} is nested deeper than ${limits.depthMax}`, path);
    this.#duration(step.totalTimeoutMs, subject, [...path, 'totalTimeout']);
    this.#depth(step.output, subject, [...path, 'output']);
    this.#depth(step.metadata, subject, [...path, 'metadata']);
    if (step.type === 'agent') this.#agent(step, subject, path);
    else if (step.type === 'set') this.#set(step, subject, path);
    else if (step.type === 'wait' || step.type === 'signal') this.#wait(step, subject, path);
    else if (step.type === 'workflow') this.#child(step, subject, path);
    else this.#block(step, subject, path);
  }

  #agent(step: AgentStepDefinition, subject: string, path: Path): void {
    this.#name(step.action, subject, [...path, 'action']);
    if (step.agentId !== undefined) this.#name(step.agentId, subject, [...path, 'agentId']);
    if (step.version !== undefined && validRange(step.version) === null) {
      this.report('BAD_FIELD', `${subject}: "version" must be a semver range such as ^1.2`, [...path, 'version']);
    }
    this.findings.push(...checkLabels(step.agentLabels, subject, [...path, 'labels']));
    this.#depth(step.parameters, subject, [...path, 'parameters']);
    this.#duration(step.timeoutMs, subject, [...path, 'timeout']);
    this.#duration(step.queueTimeoutMs, subject, [...path, 'queueTimeout']);
    this.#duration(step.heartbeatTimeoutMs, subject, [...path, 'heartbeatTimeout']);
    this.#duration(step.lossWindowMs, subject, [...path, 'lossWindow']);
    const { key, limit } = step.concurrencyKey ?? {};
    if (key === '') this.report('BAD_FIELD', `${subject}: "concurrencyKey" is empty`, [...path, 'concurrencyKey']);
    this.#within(1, limits.keyLimitMax, limit, subject, [...path, 'concurrencyKey']);
    if (step.retry !== undefined) this.#retry(step.retry, subject, [...path, 'retry']);
  }

  #wait(step: WaitStepDefinition | SignalStepDefinition, subject: string, path: Path): void {
    if (step.type === 'wait') {
      this.#duration(step.forMs, subject, [...path, 'for']);
      this.findings.push(...checkWait(step, path));
      return;
    }
    this.#name(step.signal, subject, [...path, 'signal']);
    this.#duration(step.timeoutMs, subject, [...path, 'timeout']);
    this.#depth(step.default, subject, [...path, 'default']);
    this.#depth(step.form, subject, [...path, 'form']);
    if (step.form !== undefined && isDeeperThan(step.form, limits.valueDepthMax)) return;
    this.findings.push(...checkSignal(step, path));
  }

  #child(step: WorkflowStepDefinition, subject: string, path: Path): void {
    this.#name(step.workflow, subject, [...path, 'workflow']);
    if (step.version !== undefined) this.#wholeFrom(1, step.version, subject, [...path, 'version']);
    this.#depth(step.parameters, subject, [...path, 'parameters']);
  }

  #block(
    step: Exclude<
      StepDefinition,
      AgentStepDefinition | SetStepDefinition | WaitStepDefinition | SignalStepDefinition | WorkflowStepDefinition
    >,
    subject: string,
    path: Path,
  ): void {
    if (step.type === 'switch' && step.cases.length === 0)
      this.report('MISSING_FIELD', `${subject} has no cases`, [...path, 'cases']);
    else if (nestedSteps(step).length === 0)
      this.report('MISSING_FIELD', `${subject} has no steps in it`, [...path, ...listField(step)]);
    if (step.type === 'switch') this.#cases(step, subject, path);
    if (step.type === 'loop') return this.#loop(step, subject, path);
    if (step.type === 'map') this.#items(step, subject, path);
    if (step.type === 'parallel' || step.type === 'map') this.#policy(step, subject, path);
  }

  #policy(step: ParallelStepDefinition | MapStepDefinition, subject: string, path: Path): void {
    if (step.concurrency !== undefined) this.#wholeFrom(1, step.concurrency, subject, [...path, 'concurrency']);
    if (step.quorum !== undefined) this.#quorum(step, step.quorum, subject, [...path, 'quorum']);
  }

  #items({ items }: MapStepDefinition, subject: string, path: Path): void {
    this.#depth(items, subject, [...path, 'items']);
    if (typeof items === 'string' || Array.isArray(items)) return;
    this.report('BAD_FIELD', `${subject}: "items" must be a list, or CEL that gives one`, [...path, 'items']);
  }

  #cases({ cases }: SwitchStepDefinition, subject: string, path: Path): void {
    const seen = new Set<unknown>();
    for (const [i, { equals }] of cases.entries()) {
      const place = [...path, 'cases', i, 'equals'];
      if (typeof equals === 'object' && equals !== null)
        this.report('BAD_FIELD', `${subject}: "equals" must be text, a number, true, false or null`, place);
      if (seen.has(equals)) this.report('BAD_FIELD', `${subject} has two cases for ${JSON.stringify(equals)}`, place);
      seen.add(equals);
    }
  }

  /** What the written form does not even have; other clients may send it. */
  #set(step: SetStepDefinition, subject: string, path: Path): void {
    this.#depth(step.set, subject, [...path, 'set']);
    const refuse = (field: string): void =>
      this.report('BAD_FIELD', `${subject}: "${field}" is not for a set, whose value is its output`, [...path, field]);
    if (step.totalTimeoutMs !== undefined) refuse('totalTimeout');
    if (step.output !== undefined) refuse('output');
  }

  #loop(step: LoopStepDefinition, subject: string, path: Path): void {
    if (step.while === undefined && step.until === undefined)
      this.report('MISSING_FIELD', `${subject} has no "while" and no "until"`, path);
    if (step.while !== undefined && step.until !== undefined)
      this.report('BAD_FIELD', `${subject} has both "while" and "until"`, [...path, 'until']);
    const at = [...path, 'maxIterations'];
    this.#wholeFrom(1, step.maxIterations, subject, at);
    if (step.maxIterations > limits.iterationsMax)
      this.report('LIMIT', `${subject}: "maxIterations" is more than ${limits.iterationsMax}`, at);
    this.#duration(step.delayMs, subject, [...path, 'delay']);
  }

  #quorum(step: ParallelStepDefinition | MapStepDefinition, quorum: number, subject: string, path: Path): void {
    this.#wholeFrom(1, quorum, subject, path);
    if (step.type === 'parallel' && quorum > step.steps.length)
      this.report(
        'BAD_FIELD',
        `${subject}: "quorum" is ${quorum}, but only ${step.steps.length} steps are in it`,
        path,
      );
    if (step.onFailure !== undefined)
      this.report('BAD_FIELD', `${subject} has both "quorum" and "onFailure"; a quorum says what failures mean`, path);
  }

  #retry(retry: RetryPolicy, subject: string, path: Path): void {
    this.#wholeFrom(1, retry.tries, subject, [...path, 'tries']);
    this.#duration(retry.backoffMs, subject, [...path, 'backoff']);
    this.#duration(retry.maxBackoffMs, subject, [...path, 'maxBackoff']);
    if (retry.factor === undefined || (Number.isFinite(retry.factor) && retry.factor >= 1)) return;
    this.report('BAD_FIELD', `${subject}: "factor" must be a number of at least 1`, [...path, 'factor']);
  }

  #name(name: string, subject: string, path: Path): void {
    if (NAME_PATTERN.test(name)) return;
    const field = String(path.at(-1));
    const shown = JSON.stringify(name.slice(0, 80));
    const fact = name === '' ? 'is missing' : `${shown} must be 1 to 128 letters, digits, "_", ".", ":" or "-"`;
    this.report(name === '' ? 'MISSING_FIELD' : 'BAD_NAME', `${subject}: "${field}" ${fact}`, path);
  }

  #duration(ms: number | undefined, subject: string, path: Path): void {
    if (ms !== undefined) this.#wholeFrom(0, ms, subject, path);
  }

  #wholeFrom(least: number, value: number, subject: string, path: Path): void {
    if (Number.isSafeInteger(value) && value >= least) return;
    this.report('BAD_FIELD', `${subject}: "${String(path.at(-1))}" must be a whole number of at least ${least}`, path);
  }

  #within(least: number, most: number, value: number | undefined, subject: string, path: Path): void {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
    const field = String(path.at(-1));
    this.report('BAD_FIELD', `${subject}: "${field}" must be a whole number from ${least} to ${most}`, path);
  }

  #depth(value: JsonValue | undefined, subject: string, path: Path): void {
    if (value === undefined || !isDeeperThan(value, limits.valueDepthMax)) return;
    this.report('LIMIT', `${subject}: "${String(path.at(-1))}" is nested deeper than ${limits.valueDepthMax}`, path);
  }
}

/** The field that the first of its lists of steps stands in. */
function listField(step: StepDefinition): Path {
  return nestedLists(step)[0]?.path.slice(0, 1) ?? [];
}

/** Goes level by level, so that depth cannot exhaust the stack. */
function isDeeperThan(value: JsonValue, depth: number): boolean {
  let level: readonly JsonValue[] = [value];
  for (let i = 0; i <= depth; i++) {
    level = level.flatMap((item) => (Array.isArray(item) || isJsonObject(item) ? Object.values(item) : []));
    if (level.length === 0) return false;
  }
  return true;
}
