/** Workflows in their written form, and what the tests of the engine look at. */
import { expect } from 'vitest';
import { evolve } from '../../../src/control-plane/engine/evolve.ts';
import { createRunState, type RunState } from '../../../src/control-plane/engine/state.ts';
import type { TestMesh, TestRun } from '../../../src/testing/index.ts';
import type { Workflow } from '../../../src/workflow/builder/index.ts';
import type { Untyped } from '../../../src/workflow/builder/recorded.ts';
import { readWorkflowValue } from '../../../src/workflow/index.ts';

type Source = Readonly<Record<string, unknown>>;

/** A workflow from what a YAML file would say. */
export function flow(steps: readonly Source[], more: Source = {}): Workflow<Untyped, Untyped> {
  const { definition } = readWorkflowValue({ name: 'Flow', steps, ...more });
  return { id: definition.name, name: definition.name, definition };
}

/** An agent step whose action is its own id; no retries unless it says so. */
export function step(id: string, more: Source = {}): Source {
  return { id, action: id, ...more };
}

export function parallel(id: string, steps: readonly Source[], more: Source = {}): Source {
  return { id, type: 'parallel', steps, ...more };
}

export function sequential(id: string, steps: readonly Source[], more: Source = {}): Source {
  return { id, type: 'sequential', steps, ...more };
}

export function loop(id: string, body: readonly Source[], more: Source = {}): Source {
  return { id, type: 'loop', body, maxIterations: 100, ...more };
}

export function map(id: string, items: unknown, each: Source, more: Source = {}): Source {
  return { id, type: 'map', items, step: each, ...more };
}

/** A step that is a run of workflow `name`. */
export function child(id: string, name: string, more: Source = {}): Source {
  return { id, type: 'workflow', workflow: name, ...more };
}

/** The live state of a run is the fold of what is durable. */
export async function expectReplay(mesh: TestMesh, run: TestRun): Promise<void> {
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  expect(comparable(fold(mesh, run, state))).toEqual(comparable(state));
}

function fold(mesh: TestMesh, run: TestRun, live: RunState): RunState {
  const [created, ...rest] = mesh.journal(run.id);
  if (created?.type !== 'RunCreated') throw new Error('the journal does not begin with RunCreated');
  const state = createRunState(created, live.workflow);
  for (const event of rest) evolve(state, event);
  return state;
}

/** Without the definition, and with details made equal: a record without one means the same as an empty one. */
function comparable(state: RunState): unknown {
  return { ...state, workflow: undefined };
}

/** Moves on in slices and compares the live state with the journal after each. */
export async function stepThrough(mesh: TestMesh, run: TestRun, totalMs: number, slices = 10): Promise<void> {
  await expectReplay(mesh, run);
  for (let i = 0; i < slices; i++) {
    await mesh.advance(totalMs / slices);
    await expectReplay(mesh, run);
  }
}

/** Status by step path, at the end of the run. */
export async function statuses(run: TestRun): Promise<Readonly<Record<string, string>>> {
  const { steps } = await run.result();
  return Object.fromEntries(steps.map(({ path, status }) => [path, status]));
}

/** Paths in the order in which their attempts started. */
export function startsOf(run: TestRun): readonly string[] {
  return run.history().map(({ path }) => path);
}

/** True when every attempt of `before` ended before the first of `after` started, by the order of the journal. */
export function endsBefore(run: TestRun, before: string, after: string): boolean {
  const order = run.order();
  const lastEnd = order.findLastIndex((line) => line.startsWith(`end ${before}#`));
  const firstStart = order.findIndex((line) => line.startsWith(`start ${after}#`));
  return lastEnd >= 0 && firstStart > lastEnd;
}
