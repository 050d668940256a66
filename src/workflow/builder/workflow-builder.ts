/**
 * The fluent builder. Types flow by accumulation: every step adds a member to `Steps`, which the callbacks after it see.
 * At run time it only collects; `build()` calls each callback once, with recorders, and checks the whole.
 */
import type { z } from 'zod';
import type { Problem } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { WorkflowDefinitionError } from '../../core/orchestrator-errors.ts';
import type { ConcurrencyDefinition, Priority } from '../definition.ts';
import { readWorkflowValue } from '../read.ts';
import type { Action, Belongings, Duration, ScheduleOptions, StepOptions, Unshaped } from './options.ts';
import type { Resolved, Untyped } from './recorded.ts';
import type { Scope } from './scope.ts';
import { sourceOfOutput, sourceOfParams, sourceOfStep, type WrittenStep } from './source.ts';
import { type NoSteps, type OfWorkflow, StepMethods } from './step-methods.ts';
import type { Workflow } from './workflow.ts';

export class WorkflowBuilder<Params = Untyped, Steps = NoSteps, Output = null> extends StepMethods<
  Params,
  Steps,
  OfWorkflow<Output>
> {
  readonly #name: string;
  readonly #settings: Record<string, unknown> = {};
  readonly #finally: WrittenStep[] = [];
  #params: z.ZodType | undefined;
  #output: unknown;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  /** What the workflow is for. */
  description(text: string): this {
    return this.#set('description', text);
  }

  /** A title for people; default: the name. */
  label(text: string): this {
    return this.#set('label', text);
  }

  /** For the whole run: milliseconds, or text such as `5m`. Default: none. */
  timeout(duration: Duration): this {
    return this.#set('timeout', duration);
  }

  /** More tries of a run that failed; what completed is kept. Default 0. */
  retries(count: number): this {
    return this.#set('retries', count);
  }

  /** How many runs may be active at once; one more waits, unless `overflow` says otherwise. Default: any number. */
  concurrency(concurrency: number | ConcurrencyDefinition): this {
    return this.#set('concurrency', concurrency);
  }

  /** For everything that runs after the outcome is decided. Default 5 min. */
  cleanupTimeout(duration: Duration): this {
    return this.#set('cleanupTimeout', duration);
  }

  /** Default of its runs; default normal. */
  priority(priority: Priority): this {
    return this.#set('priority', priority);
  }

  /** Starts runs of its newest version by the clock: a cron expression, or more. After `params`, whose types it has then. */
  schedule(schedule: string | ScheduleOptions<Params>): this {
    return this.#set('schedule', schedule);
  }

  /** Facts to find it by. */
  labels(labels: Readonly<Record<string, string>>): this {
    return this.#set('labels', labels);
  }

  /** Anything; not read by the control plane. */
  metadata(metadata: JsonObject): this {
    return this.#set('metadata', metadata);
  }

  /** Names of the secrets that its steps may get: `secret:NAME` in their parameters, or `secret: true` in the schema. */
  secrets(...names: readonly string[]): this {
    return this.#set('secrets', names);
  }

  /** What a run takes. Checked before a run is created; defaults of the schema are filled in. */
  params<Schema extends z.ZodType>(schema: Schema): WorkflowBuilder<z.input<Schema>, Steps, Output> {
    this.#params = schema;
    return this.typed();
  }

  /** A step that runs after the body, however it ended. The steps of the body do not see it. */
  finally<A extends Action, Out = Unshaped>(
    id: string,
    options: StepOptions<Params, Steps, A, Out> & Pick<Belongings<Params, Steps>, 'fallback'>,
  ): this {
    this.#finally.push({ id, type: 'agent', ...options });
    return this;
  }

  /** The run's output; without it null. Text is CEL, anything else JSON with expressions in it. */
  output<Out>(output: Out | ((scope: Scope<Params, Steps>) => Out)): WorkflowBuilder<Params, Steps, Resolved<Out>> {
    this.#output = output;
    return this.typed();
  }

  /** The JSON that the YAML form would give; not checked beyond what cannot be written. Throws WORKFLOW_INVALID. */
  toSource(): JsonObject {
    const problems: Problem[] = [];
    const steps = (written: readonly WrittenStep[], pointer: string): JsonValue =>
      written.map((step, i) => sourceOfStep(step, `${pointer}[${i}]`, problems));
    const source = {
      name: this.#name,
      ...sourceOfStep(this.#settings, 'workflow', problems),
      ...(this.#params === undefined ? {} : { parameters: sourceOfParams(this.#params, 'params', problems) }),
      ...(this.#output === undefined ? {} : { output: sourceOfOutput(this.#output, 'output', problems) }),
      steps: steps(this.written, 'steps'),
      ...(this.#finally.length === 0 ? {} : { finally: steps(this.#finally, 'finally') }),
    };
    refuse(this.#name, problems);
    return source;
  }

  /**
   * The finished workflow. Throws EXPRESSION_NOT_RECORDED when a callback does more than read, and WORKFLOW_INVALID
   * with every problem of the definition.
   */
  build(): Workflow<Params, Output, Steps> {
    const { definition } = readWorkflowValue(this.toSource());
    return freezeDeep({ id: this.#name, name: this.#name, definition });
  }

  #set(key: string, value: unknown): this {
    this.#settings[key] = value;
    return this;
  }
}

function refuse(name: string, problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const code = problems.every((problem) => problem.code === 'EXPRESSION_NOT_RECORDED')
    ? first.code
    : 'WORKFLOW_INVALID';
  const facts = problems.map((problem) => `${problem.place?.pointer}: ${problem.message}`).join('; ');
  throw new WorkflowDefinitionError(`cannot build workflow "${name}": ${facts}`, {
    code,
    problems,
    ...(first.next === undefined ? {} : { next: first.next }),
  });
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(freezeDeep);
  return Object.freeze(value);
}
