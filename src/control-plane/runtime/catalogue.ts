/** The workflows: registering by content, reading, and the compiled form of each version, made once. */
import type { Clock } from '../../core/clock.ts';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { nearest } from '../../core/nearest.ts';
import { callDefinition } from '../../workflow/call-workflow.ts';
import { canonicalWorkflow } from '../../workflow/canonical.ts';
import { checkWorkflow } from '../../workflow/check.ts';
import { compileWorkflow } from '../../workflow/compile.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { WorkflowDefinition } from '../../workflow/definition.ts';
import { surveyWorkflow } from '../../workflow/survey.ts';
import type { ParameterChecks } from '../parameters/port.ts';
import type { AuditRow, Store, WorkflowRow } from '../store/port.ts';
import { CatalogueWatch } from './catalogue-watch.ts';
import type { RegisteredWorkflow, WorkflowChanges } from './control-plane.ts';
import { type OfferedAction, registrationWarnings } from './registration-warnings.ts';
import { refusal, type WorkflowSchedules } from './workflow-schedules.ts';

export interface CatalogueOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly checks: ParameterChecks;
  readonly schedules: WorkflowSchedules;
  /** SHA-256 in hex. */
  readonly hash: (text: string) => string;
  /** What live agents offer. */
  readonly offered: (namespace: string) => readonly OfferedAction[];
  /** A new version is there. */
  readonly onRegistered: (namespace: string, definition: WorkflowDefinition, version: number) => void;
}

/** Compiled versions kept in memory. */
const COMPILED_MAX = 1_000;
/** Other workflows that a definition names, which are looked for when it is registered. */
const NAMED_MAX = 100;
/** Workflows told at once to a reader that follows. */
const PORTION = 50;

export class Catalogue {
  private readonly options: CatalogueOptions;
  private readonly watch = new CatalogueWatch();
  private readonly compiled = new Map<string, Promise<CompiledWorkflow>>();
  /** Only this process registers, so what it read last is the latest until it registers again. */
  private readonly latestVersions = new Map<string, number>();

  constructor(options: CatalogueOptions) {
    this.options = options;
  }

  async register(
    namespace: string,
    definition: WorkflowDefinition,
    validateOnly: boolean,
    audit?: AuditRow,
  ): Promise<RegisteredWorkflow> {
    const problems = checkWorkflow(definition);
    if (problems.length > 0) throw refusal(definition.name, problems);
    for (const schema of schemasOf(definition)) await this.options.checks.prepare(schema);
    const obstacles = await this.options.schedules.check(namespace, definition);
    if (obstacles.length > 0) throw refusal(definition.name, obstacles);
    const text = canonicalWorkflow(definition);
    const row = {
      namespace,
      name: definition.name,
      hash: this.options.hash(text),
      definition: text,
      createdAt: this.options.clock.now(),
    };
    const offered = registrationWarnings(definition, this.options.offered(namespace));
    const warnings = [...offered, ...(await this.warnOfWorkflows(namespace, definition))];
    if (validateOnly) return { row: { ...row, version: 0 }, definition, created: false, warnings };
    const stored = await this.options.schedules.register(row, definition, audit);
    if (stored.created) {
      this.latestVersions.set(`${namespace}/${definition.name}`, stored.row.version);
      this.watch.registered(namespace, definition.name);
      this.options.onRegistered(namespace, definition, stored.row.version);
    }
    return { row: stored.row, definition, created: stored.created, warnings };
  }

  async get(namespace: string, name: string, version: number): Promise<RegisteredWorkflow> {
    const call = callDefinition(name, version || 1);
    if (call !== undefined) return derived(namespace, call, version || 1);
    const row = await this.options.store.getWorkflow(namespace, name, version);
    if (row === undefined) throw await this.notFound(namespace, name, version);
    return registered(row);
  }

  async list(namespace: string, after: string, limit: number): Promise<readonly RegisteredWorkflow[]> {
    return (await this.options.store.listWorkflows(namespace, after, limit)).map(registered);
  }

  async *follow(namespace: string, signal: AbortSignal): AsyncGenerator<WorkflowChanges> {
    let isComplete = false;
    for await (const names of this.watch.follow(namespace, signal)) {
      if (!isComplete) {
        yield* this.tellAll(namespace);
        isComplete = true;
      }
      for (let i = 0; i < names.length; i += PORTION) {
        const some = names.slice(i, i + PORTION);
        yield { workflows: await Promise.all(some.map((name) => this.get(namespace, name, 0))), isComplete };
      }
    }
  }

  private async *tellAll(namespace: string): AsyncGenerator<WorkflowChanges> {
    let isComplete = false;
    for (let after = ''; !isComplete; ) {
      const workflows = await this.list(namespace, after, PORTION);
      isComplete = workflows.length < PORTION;
      after = workflows.at(-1)?.row.name ?? after;
      yield { workflows, isComplete };
    }
  }

  /** The compiled form of one version. */
  compile(namespace: string, name: string, version: number): Promise<CompiledWorkflow> {
    const key = `${namespace}/${name}@${version}`;
    let compiled = this.compiled.get(key);
    if (compiled === undefined) {
      compiled = this.get(namespace, name, version).then(({ definition }) => compileWorkflow(definition, version));
      compiled.catch(() => this.compiled.delete(key));
      if (this.compiled.size >= COMPILED_MAX) this.compiled.clear();
      this.compiled.set(key, compiled);
    }
    return compiled;
  }

  /** The compiled form of a version; 0: the latest. */
  async latest(namespace: string, name: string, version: number): Promise<CompiledWorkflow> {
    const key = `${namespace}/${name}`;
    const known = version === 0 ? this.latestVersions.get(key) : version;
    if (known !== undefined) return this.compile(namespace, name, known);
    const { row } = await this.get(namespace, name, 0);
    if (!this.latestVersions.has(key)) this.latestVersions.set(key, row.version);
    return this.compile(namespace, name, row.version);
  }

  private async notFound(namespace: string, name: string, version: number): Promise<YardmasterError> {
    const known = await this.options.store.listWorkflows(namespace, '', 500);
    const names = known.map((row) => row.name);
    if (names.includes(name)) {
      return new YardmasterError('WORKFLOW_NOT_FOUND', `Cannot find version ${version} of workflow "${name}"`, {
        meta: { workflow: name },
        next: `yardmaster workflows get ${name}`,
      });
    }
    const near = nearest(name, names);
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return new YardmasterError('WORKFLOW_NOT_FOUND', `Cannot find workflow "${name}"${hint}`, {
      meta: { workflow: name },
      next: 'yardmaster workflows list',
    });
  }

  /** Workflows that its steps run and that are not there now: such a step fails. A workflow may run itself. */
  private async warnOfWorkflows(namespace: string, definition: WorkflowDefinition): Promise<readonly Problem[]> {
    const named = new Map<string, { readonly name: string; readonly version: number }>();
    for (const { step } of surveyWorkflow(definition).entries) {
      if (step.type !== 'workflow' || named.size >= NAMED_MAX) continue;
      const { workflow: name, version = 0 } = step;
      if (name !== definition.name || version > 0) named.set(`${name}@${version}`, { name, version });
    }
    const warnings: Problem[] = [];
    for (const { name, version } of named.values()) {
      if ((await this.options.store.getWorkflow(namespace, name, version)) !== undefined) continue;
      const which = version === 0 ? '' : ` version ${version}`;
      const message = `there is no workflow "${name}"${which} now`;
      warnings.push({ code: 'UNKNOWN_WORKFLOW', message, next: `register "${name}"${which} before a run needs it` });
    }
    return warnings;
  }
}

/** Of its parameters, and of what is sent with its signals. */
function schemasOf(definition: WorkflowDefinition): readonly JsonObject[] {
  const { entries } = surveyWorkflow(definition);
  const forms = entries.flatMap(({ step }) => (step.type === 'signal' && step.form !== undefined ? [step.form] : []));
  return [...(definition.parameters === undefined ? [] : [definition.parameters]), ...forms];
}

/** Of a call: nobody registered it, and no version of it is newer than another. */
function derived(namespace: string, definition: WorkflowDefinition, version: number): RegisteredWorkflow {
  const { name } = definition;
  const row = { namespace, name, version, hash: '', definition: canonicalWorkflow(definition), createdAt: 0 };
  return { row, definition, created: false, warnings: [] };
}

function registered(row: WorkflowRow): RegisteredWorkflow {
  return { row, definition: JSON.parse(row.definition) as WorkflowDefinition, created: false, warnings: [] };
}
