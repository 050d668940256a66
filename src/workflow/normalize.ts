/**
 * From what people write to the one normal form: every edge stated, every duration in milliseconds. Reads as much as
 * it can, so that one mistake does not hide the next.
 */
import { limits } from '../core/limits.ts';
import { nearest } from '../core/nearest.ts';
import { attachedRefusals, refuseAttached } from './check-attached.ts';
import type {
  AgentStepDefinition,
  AttachedKind,
  AttachedStepDefinition,
  RetryPolicy,
  StepCommon,
  StepDefinition,
  SwitchCase,
  WorkflowDefinition,
} from './definition.ts';
import { type FieldReading, readFields } from './fields.ts';
import { type Finding, formatPath, type Path } from './finding.ts';
import { isRecord } from './json-copy.ts';
import { readSchedule } from './read-schedule.ts';
import { readSignal, readWait } from './read-waits.ts';
import {
  blockByField,
  blocks,
  caseRequired,
  laterStepFields,
  switchCase,
  workflowRequired,
  workflowSchema,
} from './schema.ts';

export interface Normalized {
  readonly definition: WorkflowDefinition;
  /** Empty when the definition is what was written; otherwise it is only the part that could be read. */
  readonly findings: readonly Finding[];
}

/** Never throws; see `readWorkflowValue` for the checked form. */
export function normalizeWorkflow(source: unknown): Normalized {
  const reader = new Reader();
  return { definition: reader.workflow(source), findings: reader.findings };
}

type Source = Readonly<Record<string, unknown>>;
type Kind = keyof typeof blocks;
/** How children without a `dependencies` key are ordered. */
type Order = 'chain' | 'together';

const BLOCK_HINTS = {
  timeout: 'a block has "totalTimeout"',
  retries: 'retries stand on agent steps',
  retry: 'retry stands on agent steps',
  parameters: 'parameters stand on agent steps',
};
const SET_HINTS = {
  ...BLOCK_HINTS,
  timeout: 'it ends as soon as it starts',
  totalTimeout: 'it ends as soon as it starts',
  output: 'the value of "set" is the output',
  value: 'the value is called "set"',
};
const MAP_HINTS = {
  ...BLOCK_HINTS,
  steps: 'a map has one "step", which may be a block',
  body: 'a map has one "step", which may be a block',
};
const KINDS = Object.keys(blocks);
const KIND_WORDS = `${KINDS.slice(0, -1).join(', ')} or ${KINDS.at(-1)}`;
const WAIT_HINTS = {
  timeout: 'how long is "for"',
  duration: 'how long is "for"',
  retries: 'retries stand on agent steps',
  retry: 'retry stands on agent steps',
  parameters: 'parameters stand on agent steps',
};
const CHILD_HINTS = {
  timeout: 'it has "totalTimeout", or the other workflow a "timeout"',
  retries: 'retries stand on agent steps',
  retry: 'retry stands on agent steps',
  priority: 'its run has the priority of this one',
  labels: 'its run has the labels of its workflow',
};
const WORKFLOW_HINTS = { id: 'a workflow is known by its name', version: 'the version is numbered from the content' };

class Reader {
  readonly findings: Finding[] = [];
  #steps = 0;

  workflow(source: unknown): WorkflowDefinition {
    if (!isRecord(source)) {
      this.#report('BAD_FIELD', 'a workflow is an object with "name" and "steps"', []);
      return { name: '', steps: [] };
    }
    const subject = typeof source.name === 'string' ? `workflow "${source.name}"` : 'the workflow';
    const fields = readFields(workflowSchema, source, {
      ...this.#reading(subject, []),
      required: workflowRequired,
      later: new Set(),
      hints: WORKFLOW_HINTS,
    });
    const { $schema: _, name = '', steps = [], timeout, retries, cleanupTimeout, finally: last, ...others } = fields;
    const { schedule, ...rest } = others;
    return {
      ...rest,
      name,
      ...(schedule !== undefined && { schedule: readSchedule(schedule, (finding) => this.findings.push(finding)) }),
      steps: this.#children(steps, ['steps'], 'chain', 1),
      ...(last !== undefined && { finally: this.#children(last, ['finally'], 'chain', 1) }),
      ...(timeout !== undefined && timeout > 0 && { timeoutMs: timeout }),
      ...(retries !== undefined && retries !== 0 && { retries }),
      ...(cleanupTimeout !== undefined && { cleanupTimeoutMs: cleanupTimeout }),
    };
  }

  #children(sources: readonly unknown[], path: Path, order: Order, depth: number): StepDefinition[] {
    const steps: StepDefinition[] = [];
    let above: string | undefined;
    for (const [i, source] of sources.entries()) {
      if (!this.#countStep([...path, i])) break;
      const step = this.#step(source, [...path, i], above, depth);
      steps.push(step);
      if (order === 'chain') above = step.id;
    }
    return steps;
  }

  /** `above`: the step that this one follows when it does not say. */
  #step(source: unknown, path: Path, above: string | undefined, depth: number): StepDefinition {
    if (!isRecord(source)) {
      this.#report('BAD_FIELD', 'a step is an object with "id"', path);
      return placeholder({}, above);
    }
    const subject = typeof source.id === 'string' ? `step "${source.id}"` : `the step at ${formatPath(path)}`;
    const kind = this.#kind(source, subject, path);
    if (kind === undefined) return placeholder(source, above);
    const { fallback, compensate, ...own } = source;
    const step = this.#ofKind(kind, own, subject, path, above, depth);
    const withFallback =
      fallback === undefined ? {} : { fallback: this.#attached('fallback', fallback, subject, path) };
    if (compensate === undefined) return { ...step, ...withFallback };
    return { ...step, ...withFallback, compensate: this.#attached('compensate', compensate, subject, path) };
  }

  #ofKind(
    kind: Kind,
    source: Source,
    subject: string,
    path: Path,
    above: string | undefined,
    depth: number,
  ): StepDefinition {
    if (kind === 'agent') return this.#agent(source, subject, path, above);
    if (kind === 'set') return this.#set(source, subject, path, above);
    if (kind === 'condition' || kind === 'switch') return this.#branches(kind, source, subject, path, above, depth);
    if (kind === 'wait' || kind === 'signal') return this.#wait(kind, source, subject, path, above);
    if (kind === 'workflow') return this.#child(source, subject, path, above);
    if (kind === 'loop') return this.#loop(source, subject, path, above, depth);
    if (kind === 'map') return this.#map(source, subject, path, above, depth);
    return this.#block(kind, source, subject, path, above, depth);
  }

  #kind(source: Source, subject: string, path: Path): Kind | undefined {
    const type = source.type;
    if (isKind(type)) return type;
    if (type === undefined) return this.#kindByFields(source, subject, path);
    const at = [...path, 'type'];
    const near = typeof type === 'string' ? nearest(type, KINDS) : undefined;
    const hint = near === undefined ? {} : { hint: `did you mean "${near}"?` };
    const message = `${subject}: "type" must be ${KIND_WORDS}`;
    this.findings.push({ code: 'BAD_FIELD', message, path: at, ...hint });
    return undefined;
  }

  #kindByFields(source: Source, subject: string, path: Path): Kind | undefined {
    if (source.action !== undefined) return 'agent';
    if (source.steps !== undefined) {
      const next = 'add type: parallel or type: sequential';
      this.findings.push({ code: 'MISSING_FIELD', message: `${subject} has steps but no "type"`, path, next });
      return undefined;
    }
    const field = Object.keys(source).find((key) => blockByField.has(key));
    const kind = field === undefined ? undefined : blockByField.get(field);
    if (kind === undefined) return 'agent';
    const message = `${subject} has "${field}" but no "type"`;
    this.findings.push({ code: 'MISSING_FIELD', message, path, next: `add type: ${kind}` });
    return undefined;
  }

  /** A step that belongs to another one. What its owner decides is refused, with where it stands instead. */
  #attached(kind: AttachedKind, source: unknown, owner: string, at: Path): AttachedStepDefinition {
    const path = [...at, kind];
    if (!isRecord(source)) {
      this.#report('BAD_FIELD', `the ${kind} of ${owner} is an object with "id" and "action"`, path);
      return { id: '', dependencies: [], type: 'agent', action: '' };
    }
    const subject = typeof source.id === 'string' ? `${kind} "${source.id}"` : `the ${kind} of ${owner}`;
    const { type = 'agent', ...fields } = source;
    if (type !== 'agent') this.#report('BAD_FIELD', `${subject} must be an agent step`, [...path, 'type']);
    const own: [string, unknown][] = [];
    for (const [field, value] of Object.entries(fields)) {
      const hint = attachedRefusals.get(field);
      if (hint === undefined) own.push([field, value]);
      else if (value !== undefined)
        this.findings.push({ ...refuseAttached(subject, field), path: [...path, field], onKey: true, hint });
    }
    return this.#agent(Object.fromEntries(own), subject, path, undefined);
  }

  #agent(source: Source, subject: string, path: Path, above: string | undefined): AgentStepDefinition {
    const fields = readFields(blocks.agent.schema, source, {
      ...this.#reading(subject, path),
      required: blocks.agent.required,
    });
    const { timeout, queueTimeout, heartbeatTimeout, lossWindow, totalTimeout, labels, retries, retry, ...rest } =
      fields;
    if (retries !== undefined && retry !== undefined) {
      this.#report('BAD_FIELD', `${subject} has both "retries" and "retry"`, [...path, 'retries']);
    }
    if (retries !== undefined && retries < 0) {
      this.#report('BAD_FIELD', `${subject}: "retries" must be a whole number of at least 0`, [...path, 'retries']);
    }
    const policy = toRetryPolicy(retries, retry);
    return {
      ...rest,
      ...edges(fields, above),
      type: 'agent',
      action: fields.action ?? '',
      ...(labels !== undefined && { agentLabels: labels }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
      ...total(totalTimeout),
      ...(queueTimeout !== undefined && { queueTimeoutMs: queueTimeout }),
      ...(heartbeatTimeout !== undefined && heartbeatTimeout > 0 && { heartbeatTimeoutMs: heartbeatTimeout }),
      ...(lossWindow !== undefined && { lossWindowMs: lossWindow }),
      ...(policy !== undefined && { retry: policy }),
    };
  }

  #block(
    kind: 'parallel' | 'sequential',
    source: Source,
    subject: string,
    path: Path,
    above: string | undefined,
    depth: number,
  ): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks[kind].required, hints: BLOCK_HINTS };
    const nested = (steps: readonly unknown[] = []): StepDefinition[] =>
      this.#nested(steps, [...path, 'steps'], kind === 'parallel' ? 'together' : 'chain', depth);
    if (kind === 'parallel') {
      const { totalTimeout, steps, ...rest } = readFields(blocks.parallel.schema, source, reading);
      return { ...rest, ...edges(rest, above), ...total(totalTimeout), type: kind, steps: nested(steps) };
    }
    const { totalTimeout, steps, ...rest } = readFields(blocks.sequential.schema, source, reading);
    return { ...rest, ...edges(rest, above), ...total(totalTimeout), type: kind, steps: nested(steps) };
  }

  #branches(
    kind: 'condition' | 'switch',
    source: Source,
    subject: string,
    path: Path,
    above: string | undefined,
    depth: number,
  ): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks[kind].required, hints: BLOCK_HINTS };
    const nested = (steps: readonly unknown[], place: Path): StepDefinition[] =>
      this.#nested(steps, [...path, ...place], 'chain', depth);
    if (kind === 'condition') {
      const { totalTimeout, then = [], else: other = [], ...rest } = readFields(blocks[kind].schema, source, reading);
      return {
        ...rest,
        ...edges(rest, above),
        ...total(totalTimeout),
        type: kind,
        // Stands for what was told to be wrong, so that it is not told twice.
        if: rest.if ?? 'true',
        then: nested(then, ['then']),
        ...(other.length > 0 && { else: nested(other, ['else']) }),
      };
    }
    const { totalTimeout, cases = [], default: other = [], ...rest } = readFields(blocks[kind].schema, source, reading);
    return {
      ...rest,
      ...edges(rest, above),
      ...total(totalTimeout),
      type: kind,
      switch: rest.switch ?? 'null',
      cases: cases.map((each, i) => this.#case(each, subject, [...path, 'cases', i], depth)),
      ...(other.length > 0 && { default: nested(other, ['default']) }),
    };
  }

  #case(source: unknown, block: string, path: Path, depth: number): SwitchCase {
    const subject = `case ${Number(path.at(-1)) + 1} of ${block}`;
    if (!isRecord(source)) {
      this.#report('BAD_FIELD', `${subject} is an object with "equals" and "steps"`, path);
      return { equals: null, steps: [] };
    }
    const reading = { ...this.#reading(subject, path), required: caseRequired };
    const { equals = null, steps = [] } = readFields(switchCase, source, reading);
    return { equals, steps: this.#nested(steps, [...path, 'steps'], 'chain', depth) };
  }

  #set(source: Source, subject: string, path: Path, above: string | undefined): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks.set.required, hints: SET_HINTS };
    const fields = readFields(blocks.set.schema, source, reading);
    return { ...fields, ...edges(fields, above), type: 'set', set: fields.set ?? null };
  }

  #wait(
    kind: 'wait' | 'signal',
    source: Source,
    subject: string,
    path: Path,
    above: string | undefined,
  ): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks[kind].required, hints: WAIT_HINTS };
    if (kind === 'wait') {
      const { totalTimeout, ...rest } = readFields(blocks.wait.schema, source, reading);
      return { ...readWait(rest), ...edges(rest, above), ...total(totalTimeout) };
    }
    const { totalTimeout, ...rest } = readFields(blocks.signal.schema, source, reading);
    return { ...readSignal(rest), ...edges(rest, above), ...total(totalTimeout) };
  }

  #child(source: Source, subject: string, path: Path, above: string | undefined): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks.workflow.required, hints: CHILD_HINTS };
    const { totalTimeout, workflow = '', ...rest } = readFields(blocks.workflow.schema, source, reading);
    return { ...rest, ...edges(rest, above), ...total(totalTimeout), type: 'workflow', workflow };
  }

  #loop(source: Source, subject: string, path: Path, above: string | undefined, depth: number): StepDefinition {
    const fields = readFields(blocks.loop.schema, source, {
      ...this.#reading(subject, path),
      required: blocks.loop.required,
      hints: BLOCK_HINTS,
    });
    const { totalTimeout, body = [], delay, maxIterations, ...rest } = fields;
    return {
      ...rest,
      ...edges(rest, above),
      ...total(totalTimeout),
      type: 'loop',
      body: this.#nested(body, [...path, 'body'], 'chain', depth),
      // What is missing is reported as such; a loop of one iteration is in range.
      maxIterations: maxIterations ?? 1,
      ...(delay !== undefined && delay > 0 && { delayMs: delay }),
    };
  }

  #map(source: Source, subject: string, path: Path, above: string | undefined, depth: number): StepDefinition {
    const reading = { ...this.#reading(subject, path), required: blocks.map.required, hints: MAP_HINTS };
    const { totalTimeout, step, items, ...rest } = readFields(blocks.map.schema, source, reading);
    return {
      ...rest,
      ...edges(rest, above),
      ...total(totalTimeout),
      type: 'map',
      items: items ?? [],
      step: step === undefined ? placeholder({}, undefined) : this.#one(step, [...path, 'step'], depth),
    };
  }

  /** A step that stands alone: nothing is above it. */
  #one(source: unknown, path: Path, depth: number): StepDefinition {
    if (!this.#mayGoDeeper(path, depth) || !this.#countStep(path)) return placeholder({}, undefined);
    return this.#step(source, path, undefined, depth + 1);
  }

  #nested(sources: readonly unknown[], path: Path, order: Order, depth: number): StepDefinition[] {
    return this.#mayGoDeeper(path, depth) ? this.#children(sources, path, order, depth + 1) : [];
  }

  #mayGoDeeper(path: Path, depth: number): boolean {
    if (depth < limits.depthMax) return true;
    this.#report('LIMIT', `blocks nested deeper than ${limits.depthMax}`, path);
    return false;
  }

  /** False beyond the limit, which is told once. */
  #countStep(path: Path): boolean {
    if (++this.#steps <= limits.stepsMax) return true;
    if (this.#steps === limits.stepsMax + 1) this.#report('LIMIT', `more than ${limits.stepsMax} steps`, path);
    return false;
  }

  #reading(subject: string, path: Path): Omit<FieldReading, 'required'> {
    return { subject, path, later: laterStepFields, report: (finding) => this.findings.push(finding) };
  }

  #report(code: string, message: string, path: Path): void {
    this.findings.push({ code, message, path });
  }
}

function isKind(type: unknown): type is Kind {
  return typeof type === 'string' && Object.hasOwn(blocks, type);
}

function edges(
  fields: { readonly id?: string; readonly dependencies?: readonly string[] },
  above: string | undefined,
): Pick<StepCommon, 'id' | 'dependencies'> {
  const id = fields.id ?? '';
  // A duplicate id is reported as such, not as a cycle too.
  const implied = above === undefined || above === id ? [] : [above];
  return { id, dependencies: fields.dependencies ?? implied };
}

/** 0 means none, which is the default. */
function total(ms: number | undefined): { readonly totalTimeoutMs?: number } {
  return ms === undefined || ms === 0 ? {} : { totalTimeoutMs: ms };
}

/** Stands for a step that cannot be read, so that the names of others still lead somewhere. */
function placeholder(source: Source, above: string | undefined): StepDefinition {
  const { id } = source;
  return { ...edges({ id: typeof id === 'string' ? id : '' }, above), type: 'agent', action: '' };
}

interface WrittenRetry {
  readonly tries: number;
  readonly backoff?: number;
  readonly maxBackoff?: number;
  readonly factor?: number;
  readonly jitter?: boolean;
  readonly nonRetryable?: readonly string[];
  readonly onDifferentAgent?: boolean;
  readonly onAssert?: boolean;
}

/** `retries: n` is n more tries after the first; 0 is the default and leaves no trace. */
function toRetryPolicy(retries: number | undefined, retry: WrittenRetry | undefined): RetryPolicy | undefined {
  if (retry === undefined) return retries === undefined || retries === 0 ? undefined : { tries: retries + 1 };
  const { backoff, maxBackoff, ...rest } = retry;
  return {
    ...rest,
    ...(backoff !== undefined && { backoffMs: backoff }),
    ...(maxBackoff !== undefined && { maxBackoffMs: maxBackoff }),
  };
}
