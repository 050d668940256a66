/** What a test of a page has at hand: the workflow of the page on a mesh in virtual time, and what its history says. */
import { type MockAgent, TestMesh, type TestMeshOptions, type TestRun } from 'yardmaster/testing';
import type { Page } from './page.ts';

export interface Story {
  /** Name of the workflow on the page. */
  readonly workflow: string;
  /** What it shows, as a sentence: of a pattern the property that makes it what it is. */
  readonly behaviour: string;
  readonly play: (stage: Stage) => Promise<void>;
  readonly secrets?: Readonly<Record<string, string>>;
}

export class Stage implements AsyncDisposable {
  readonly mesh: TestMesh;
  readonly #workflow: string;

  private constructor(mesh: TestMesh, workflow: string) {
    this.mesh = mesh;
    this.#workflow = workflow;
  }

  /** On a mesh with the workflow of the page registered. */
  static async open({ workflows }: Page, workflow: string, options: TestMeshOptions = {}): Promise<Stage> {
    const yaml = workflows.get(workflow);
    if (yaml === undefined) throw new Error(`the page has no workflow "${workflow}"`);
    const mesh = await TestMesh.start(options);
    await mesh.registerWorkflow({ yaml, file: `${workflow}.yaml` });
    return new Stage(mesh, workflow);
  }

  /** An agent that answers each action with its name, after so long. */
  agent(id: string, actions: Readonly<Record<string, string>>, slots = 10): MockAgent {
    const agent = this.mesh.agent(id, { slots });
    for (const [action, takes] of Object.entries(actions)) agent.setResponse(action, action).setDelay(action, takes);
    return agent;
  }

  start(params: object = {}): Promise<TestRun> {
    return this.mesh.startWorkflow(this.#workflow, params);
  }

  /** A run whose time has passed. */
  async run(params: object, takes: string): Promise<TestRun> {
    const run = await this.start(params);
    await this.mesh.advance(takes);
    return run;
  }

  async signal(run: TestRun, name: string, payload?: unknown): Promise<void> {
    await this.mesh.orchestrator.signal(run.id, name, payload);
    await this.mesh.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
  }
}

/** Each attempt with its first and last minute, such as `pack 0-3`, in the order of the starts. */
export function minutesOf(run: TestRun): readonly string[] {
  const zero = run.journal()[0]?.at ?? 0;
  const minute = (at: number | undefined): string => (at === undefined ? '?' : `${Math.round((at - zero) / 60_000)}`);
  return run.history().map(({ path, startedAt, endedAt }) => `${path} ${minute(startedAt)}-${minute(endedAt)}`);
}

/** Steps that ended without having run, with the reason. */
export function skipsOf(run: TestRun): readonly string[] {
  return run.journal().flatMap((event) => (event.type === 'StepSkipped' ? [`${event.path} ${event.reason}`] : []));
}

/** Signals in the order in which steps took them, as `change takes 1`. */
export function takesOf(run: TestRun): readonly string[] {
  return run
    .journal()
    .flatMap((event) => (event.type === 'SignalTaken' ? [`${event.path} takes ${event.number}`] : []));
}

export async function statusesOf(run: TestRun): Promise<Readonly<Record<string, string>>> {
  const { steps } = await run.result();
  return Object.fromEntries(steps.map(({ path, status }) => [path, status]));
}
